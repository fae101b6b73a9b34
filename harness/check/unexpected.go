package check

var unexpected = Check{
	Name: "unexpected",
	Doc: `No sink accepted a result of a message that was never offered. A message without confirm that shows up all the same
is expected. Needs nothing: none is the right answer.`,
	Applies: ofQueue,
	Judge: func(f *Facts) Result {
		if n := f.totals.Total.Unexpected; n > 0 {
			return fail(f.ledger.unexpectedExamples, "%d of %s were of messages that were never offered", n, count(f.ledger.effects, "effect"))
		}
		return pass("every one of %s was of a message that was offered", count(f.ledger.effects, "effect"))
	},
}
