package check

var noLoss = Check{
	Name: "no-loss",
	Doc: `Every message that the broker confirmed had at least one effect, but for expect.lost of them, which covers
only what was never delivered to the target: what it was given is in its care. Needs confirms and the run's end. A message
without confirm is unknown and never lost; one that was dead-lettered or is still queued counts as lost, and is told apart.`,
	Applies: ofQueue,
	Judge: func(f *Facts) Result {
		t := f.totals.Total
		budget := int64(f.Meta.Expect.Lost)
		switch {
		case f.cut():
			return unknown("the history ends before the run did: %d of %d confirmed messages had no effect by then", t.Lost, t.Confirmed)
		case t.Confirmed == 0:
			return unknown("no message was confirmed, of %d published", t.Published)
		case t.Lost <= budget && f.lostHeld == 0:
			return pass("%d of %d confirmed messages had an effect (%d lost, budget %d; %d unknown)",
				t.Confirmed-t.Lost, t.Confirmed, t.Lost, budget, t.Unknown)
		case t.Lost <= budget:
			return fail(f.lostExamples, "%d of %d confirmed messages had no effect: within the budget of %d, but %d had been delivered to the target",
				t.Lost, t.Confirmed, budget, f.lostHeld)
		}
		return fail(f.lostExamples, "%d of %d confirmed messages had no effect (budget %d): %d dead-lettered, %d acked without, %d others; %d left in queues",
			t.Lost, t.Confirmed, budget, f.lostDead, f.lostAcked, t.Lost-f.lostDead-f.lostAcked, t.Leftover)
	},
}
