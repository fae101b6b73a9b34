package broker

import (
	"context"
	"fmt"
	"strings"
)

// AddVhost implements Broker. A vhost that exists already is no error.
func (l *Local) AddVhost(ctx context.Context, name string) error {
	vhost, all := binary(name), binary(".*")
	return l.evalOK(ctx, "add vhost "+name, fmt.Sprintf(
		"case rabbit_vhost:exists(%[1]s) of true -> ok; false -> rabbit_vhost:add(%[1]s, <<>>) end, "+
			"rabbit_auth_backend_internal:set_permissions(%[2]s, %[1]s, %[3]s, %[3]s, %[3]s, <<>>)",
		vhost, binary("guest"), all))
}

// DropVhost implements Broker. A vhost that does not exist is no error.
func (l *Local) DropVhost(ctx context.Context, name string) error {
	return l.evalOK(ctx, "drop vhost "+name, fmt.Sprintf(
		"case rabbit_vhost:exists(%[1]s) of true -> rabbit_vhost:delete(%[1]s, <<>>); false -> ok end", binary(name)))
}

func (l *Local) evalOK(ctx context.Context, what, expr string) error {
	answer, err := l.Eval(ctx, expr)
	if err != nil {
		return fmt.Errorf("broker: %s: %w", what, err)
	}
	if strings.HasPrefix(answer, "{error") {
		return fmt.Errorf("broker: %s: the node answered %s", what, answer)
	}
	return nil
}
