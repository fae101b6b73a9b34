package check

var duplicates = Check{
	Name: "duplicates",
	Doc: `At most expect.duplicates messages had more than one effect. A replay that the sink recognised by its key is no
effect. Needs at least one effect. How often messages were redelivered is not judged.`,
	Applies: ofQueue,
	Judge: func(f *Facts) Result {
		t := f.totals.Total
		budget := int64(f.Meta.Expect.Duplicates)
		if t.Effects == 0 {
			return unknown("no message had an effect, of %d offered", t.Offered)
		}
		if t.Duplicates > budget {
			return fail(f.ledger.duplicateExamples, "%d of %d messages had more than one effect (budget %d)", t.Duplicates, t.Effects, budget)
		}
		return pass("%d of %d messages had more than one effect (budget %d; %s)", t.Duplicates, t.Effects, budget,
			count(t.Redelivered, "redelivery"))
	},
}
