package check

var acknowledged = Check{
	Name: "acknowledged",
	Doc: `Nothing was answered well that no backend did: each good answer to a request that is not idempotent (POST, PATCH) is to one
that a backend took and answered well. One for each fault may have been taken only: its backend may have died before it could
tell. Unknown when no such request was answered well. Applies to targets that answer requests, when there is such a request.`,
	Applies: func(f *Facts) bool { return f.Meta.HTTP && f.requests.orders > 0 },
	Judge: func(f *Facts) Result {
		r := &f.requests
		var well, bad, untold int64
		var lies, secrets examples
		for id, q := range r.all.All() {
			if !q.well || !q.unsafe {
				continue
			}
			well++
			switch {
			case q.gaveWell:
			case q.takes > 0 && !q.gave:
				untold++
				secrets.add("%s, taken by %d backends, of which none was seen to answer", id, q.takes)
			default:
				bad++
				lies.add("%s, taken by %d backends", id, q.takes)
			}
		}
		switch {
		case well == 0:
			return unknown("none of %d requests that are not idempotent was answered well", r.orders)
		case f.cut():
			return unknown("the history ends before the run did, and with it what backends did")
		case bad > 0:
			return fail(lies, "%d of %d requests that are not idempotent were answered well, and no backend did them", bad, well)
		case untold > int64(len(f.faults.list)):
			return fail(secrets, "%d of %d requests that are not idempotent were answered well, and no backend was seen to do them (%s)", untold, well, count(len(f.faults.list), "fault"))
		}
		return pass("each of %d good answers to requests that are not idempotent was a backend's", well)
	},
}
