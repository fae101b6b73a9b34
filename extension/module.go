// Package extension is the JS module k6/x/comeback and the subcommands `k6 x comeback …`.
//
// It is thin: it turns what a script says into calls on harness, and k6's events into the run's
// begin and end. Its central type is session, the one run of a k6 process; whatever the script does,
// the session has the last word on the exit code. index.d.ts describes the module to editors.
package extension

import (
	"github.com/grafana/sobek"
	"go.k6.io/k6/v2/js/common"
	"go.k6.io/k6/v2/js/modules"
	"go.k6.io/k6/v2/subcommand"
)

// Name is how a script imports the module.
const Name = "k6/x/comeback"

func init() {
	modules.Register(Name, New())
	subcommand.RegisterExtension("comeback", newCommand)
}

// New makes the root module of one k6 process.
func New() *Root { return &Root{session: &session{}} }

// Root is k6's process-wide part of the module.
type Root struct{ session *session }

// module is one VU's part.
type module struct {
	vu      modules.VU
	session *session
}

var (
	_ modules.Module   = (*Root)(nil)
	_ modules.Instance = (*module)(nil)
)

// NewModuleInstance is called by k6 once for every JS runtime that imports the module.
func (r *Root) NewModuleInstance(vu modules.VU) modules.Instance {
	m := &module{vu: vu, session: r.session}
	if err := r.session.join(vu); err != nil {
		common.Throw(vu.Runtime(), err)
	}
	return m
}

// Exports lists what a script can import.
func (m *module) Exports() modules.Exports {
	return modules.Exports{Named: map[string]any{
		"incident": m.incident,
		"faults":   m.faults(),
	}}
}

func (m *module) throw(err error) sobek.Value {
	common.Throw(m.vu.Runtime(), err)
	return nil
}
