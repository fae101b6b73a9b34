package check

var ackAfterReport = Check{
	Name: "ack-after-report",
	Doc: `The target acks a message only after its effect, or after it published the message again itself (to retry it or to
dead-letter it): one copy makes one such ack legal. A nack or a reject is always in order. Needs a settlement.`,
	Applies: ofQueue,
	Judge: func(f *Facts) Result {
		w := &f.wires
		switch {
		case w.earlyAcks > 0:
			return fail(w.earlyAckExamples, "%s acked before it had an effect", count(w.earlyAcks, "message"))
		case w.settles == 0:
			return unknown("the target settled nothing, of %d deliveries", f.ledger.deliveries)
		}
		return pass("no message was acked before its effect, in %s", count(w.settles, "settlement"))
	},
}
