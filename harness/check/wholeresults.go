package check

var wholeResults = Check{
	Name: "whole-results",
	Doc: `Every result that the target reported was whole, and its job's: an image that decodes to its last pixel, and is not labelled
for another job (the AI worker labels each), or a JSON object that says of no error and has no broken image. A sink
refuses what is not, so that it is no effect; a real server may have taken it. Needs a report. Not judged: reports that a
sink did not read to their end.`,
	Applies: ofQueue,
	Judge: func(f *Facts) Result {
		l := &f.ledger
		switch {
		case l.broken > 0:
			return fail(l.brokenExamples, "%s of %d were no whole image of their job and no JSON object", count(l.broken, "report"), l.reports)
		case l.reports == 0:
			return unknown("the target reported nothing, of %d deliveries", l.deliveries)
		}
		return pass("every one of %s was whole", count(l.reports, "report"))
	},
}
