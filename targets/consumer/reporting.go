package consumer

import (
	"context"
	"errors"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer/report"
)

type put = func(ctx context.Context, id, key, contentType string, image []byte) error

// reporting makes an incident of an API server that takes no reports. It is over with the first one
// that it takes.
func (c *Consumer) reporting(next put) put {
	return func(ctx context.Context, id, key, contentType string, image []byte) error {
		err := next(ctx, id, key, contentType, image)
		switch {
		case err == nil && c.deaf.CompareAndSwap(true, false):
			c.Desk.Clear(TitleAPIDown, "it takes reports again")
		case errors.Is(err, report.ErrDown) && ctx.Err() == nil:
			c.Desk.Raise(TitleAPIDown, err.Error())
			c.deaf.Store(true) // last: a report that is taken meanwhile must not leave the incident open
		}
		return err
	}
}
