package extension

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/grafana/sobek"

	"github.com/comeback-chaos/xk6-comeback/harness/fault"
)

// faults is the script's faults object: one function for every fault there is, which only names the
// fault and its parameters. Nothing happens before run.inject().
func (m *module) faults() map[string]any {
	all := map[string]any{}
	for _, kind := range fault.All() {
		all[kind.Name] = func(call sobek.FunctionCall) sobek.Value {
			spec, err := makeSpec(kind, call.Arguments)
			if err != nil {
				return m.throw(fmt.Errorf("faults.%s(): %w", kind.Name, err))
			}
			return m.vu.Runtime().ToValue(spec)
		}
	}
	return all
}

// makeSpec takes a fault's leading parameters by position, as kind.Args lists them, and the others
// from an object in the last place.
func makeSpec(kind fault.Kind, args []sobek.Value) (map[string]any, error) {
	params := map[string]any{}
	for i, arg := range args {
		object, isObject := arg.(*sobek.Object)
		if isObject && i == len(args)-1 && object.ClassName() == "Object" {
			text, err := object.MarshalJSON()
			if err != nil {
				return nil, err
			}
			if err := json.Unmarshal(text, &params); err != nil {
				return nil, err
			}
			break
		}
		if i >= len(kind.Args) {
			return nil, fmt.Errorf("argument %d is too many; usage: %s", i+1, kind.Usage())
		}
		params[kind.Args[i]] = arg.Export()
	}
	text, err := json.Marshal(params)
	if err != nil {
		return nil, err
	}
	if _, err := fault.New(fault.Spec{Fault: kind.Name, Params: text}); err != nil {
		return nil, err
	}
	return map[string]any{"fault": kind.Name, "params": params}, nil
}

func faultSpec(arg sobek.Value) (fault.Spec, error) {
	object, ok := arg.(*sobek.Object)
	if !ok {
		return fault.Spec{}, errors.New("it wants a fault, as faults.…() makes it")
	}
	text, err := object.MarshalJSON()
	if err != nil {
		return fault.Spec{}, err
	}
	var s fault.Spec
	if err := json.Unmarshal(text, &s); err != nil || s.Fault == "" {
		return fault.Spec{}, fmt.Errorf("%s is no fault, as faults.…() makes it", text)
	}
	return s, nil
}
