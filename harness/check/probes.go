package check

var probes = Check{
	Name: "probes",
	Doc: `Every probe answered at least once. Unknown when one never did, or when there was none. A probe that fails at times,
while its broker is down say, is no matter. It never fails. To a target that answers requests it applies when there is one.`,
	Applies: func(f *Facts) bool { return ofQueue(f) || len(f.sides.probeOrder) > 0 },
	Judge: func(f *Facts) Result {
		s := &f.sides
		if len(s.probeOrder) == 0 {
			return unknown("nothing was probed")
		}
		answered, failed := int64(0), int64(0)
		for _, name := range s.probeOrder {
			p := s.probes[name]
			if p.answered == 0 {
				return unknown("probe %s never answered in %s", name, count(p.failed, "try"))
			}
			answered += p.answered
			failed += p.failed
		}
		return pass("%s answered %d times, %d times not", count(len(s.probeOrder), "probe"), answered, failed)
	},
}
