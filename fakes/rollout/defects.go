package rollout

import (
	"slices"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
)

// Defect is one known bug of deployers: what a rollout must not be, and a check must notice.
type Defect struct {
	Name  string
	Doc   string          // one line
	Apply func(*Deployer) // before the first deployment
}

// Defects lists every one.
var Defects = []Defect{
	{"C1-no-grace", "a task that is not healthy at once has failed", func(d *Deployer) {
		d.Rules.Failed = func(s Situation, t Task) string {
			s.Grace = 0
			return Failed(s, t)
		}
	}},
	{"C1-endless-grace", "a task that runs never fails, whatever it says of its health", func(d *Deployer) {
		d.Rules.Failed = func(s Situation, t Task) string {
			if t.State != Ended {
				return ""
			}
			return Failed(s, t)
		}
	}},
	{"C5-stops-old-first", "the old version is stopped before the new one serves", func(d *Deployer) {
		d.Rules.Stop = func(s Situation) []Task { return s.others() }
	}},
	{"C5-over-the-maximum", "the new version is started beside the old one, though no more may run", func(d *Deployer) {
		d.Rules.Start = func(s Situation) int { return s.Desired - s.count(s.ours) }
	}},
	{"C5-done-means-started", "a rollout is done as soon as the new version has been started", func(d *Deployer) {
		d.Rules.Done = func(s Situation) bool { return s.count(s.ours) == s.Desired }
	}},
	{"C5-one-is-enough", "a rollout is done once a task of the new version serves and none of the old one is left", func(d *Deployer) {
		d.Rules.Done = func(s Situation) bool {
			return len(s.Tasks) == s.count(s.ours) && s.count(isHealthy) > 0
		}
	}},
	{"C5-no-rollback", "a version that does not get healthy stays", func(d *Deployer) { d.Settings.Rollback = false }},
	{"C5-waits-for-ever", "nothing is given up, however long it takes", func(d *Deployer) {
		d.Rules.GiveUp = func(Situation) string { return "" }
	}},
	{"C5-cuts-requests", "what is taken out of service has no time for the requests that it has", func(d *Deployer) {
		d.Settings.Drain = script.Duration(0)
	}},
	{"C6-forces-the-last", "the last healthy one is taken out, although the balancer refuses", func(d *Deployer) {
		if p, ok := d.Balancer.(*Proxy); ok {
			p.Force = true
		}
	}},
}

// FindDefect gives the one of that name.
func FindDefect(name string) (Defect, bool) {
	i := slices.IndexFunc(Defects, func(d Defect) bool { return d.Name == name })
	if i < 0 {
		return Defect{}, false
	}
	return Defects[i], true
}
