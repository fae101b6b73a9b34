package check

var settle = Check{
	Name: "settle",
	Doc: `Each ack, nack and reject of the target names a tag that was delivered on that very channel and is not settled yet; a
multiple one names such a tag or 0. A settlement that a fault swallowed is the target's all the same, one that a fault
made is not. Needs a delivery. Not judged: whether a message should be settled, and settlements of auto-ack
deliveries, which the broker answers (see protocol).`,
	Applies: ofQueue,
	Judge: func(f *Facts) Result {
		w := &f.wires
		switch {
		case w.badSettles > 0:
			return fail(w.badSettleExamples, "%d of %s named a tag that was not outstanding on its channel", w.badSettles, count(w.settles, "settlement"))
		case f.ledger.deliveries == 0:
			return unknown("nothing was delivered to the target over %s", count(w.targets, "connection"))
		}
		return pass("all of %s named a delivery that was outstanding, of %d", count(w.settles, "settlement"), f.ledger.deliveries)
	},
}
