// Package legacy is the consumer as it was on bad days: the same parts with one decision swapped for a
// faulty one that an incident was made of. Defect is its central type, All the list. It exists to show
// that a check notices; nobody should deploy it.
package legacy

import (
	"io"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer"
	"github.com/comeback-chaos/xk6-comeback/targets/legacy/defect"
)

// Defect is one known bug.
type Defect struct {
	Name  string
	Doc   string // one line
	Apply func(*consumer.Consumer)
}

// All lists every defect. A new one is a file and a line here.
var All = []Defect{
	{"lose-one-in-500", "every 500th job is acked without being done", loseOneIn500},
	{"swap-one-in-500", "every 500th job is reported with the image of another one", swapOneIn500},
	{"report-twice-one-in-500", "every 500th job is reported twice, under two idempotency keys", reportTwiceOneIn500},
	{"A1-zero-is-low", "swap that is not set up yet counts as used up", zeroIsLow},
	{"A2-odd-code-ignored", "a restart that ends in none of the two known ways has no consequence", oddCodeIgnored},
	{"A2-odd-code-is-ok", "any restart that does not say failed counts as restarted", oddCodeIsOK},
	{"A3-terminate-code-ignored", "a failed termination counts as terminated", terminateCodeIgnored},
	{"A3-terminate-waits", "the terminate executable may take for ever", terminateWaits},
	{"A4-carry-on", "after a failed termination it goes on consuming", carryOn},
	{"A4-believes-accepted", "a termination that was accepted is waited for for ever", believesAccepted},
	{"A5-reject-sample", "a failed warm-up rejects a message that was never delivered", rejectSample},
	{"A6-dead-channel", "a channel that the broker closed is never reopened", deadChannel},
	{"A6-notices-at-ack", "a closed channel is noticed only when an ack on it fails", noticesAtAck},
	{"A7-early-ack", "a message is acked before the work", earlyAck},
	{"A8-throw-on-ack", "a failed ack ends consuming, silently", throwOnAck},
	{"A9-ack-in-finally", "a job that fails is acked all the same", ackInFinally},
	{"A9-retry-for-ever", "a job that always fails is never given up", retryForEver},
	{"A7-hoard-on-drain", "told to stop, it keeps what it has prefetched until its time is over", hoardOnDrain},
	{"A7-redelivered-is-done", "a message that was delivered before counts as done", redeliveredIsDone},
	{"R61-key-per-try", "a job that comes again is reported under another idempotency key", keyPerTry},
	{"R62-deaf-to-stop", "told to stop, it goes on", deafToStop},
	{"R62-ack-all-on-stop", "told to stop, it acks all that it holds, done or not", ackAllOnStop},
	{"R64-key-per-release", "a job's idempotency key names the release of the consumer, too", keyPerRelease},
	{"R60-key-per-process", "a job's idempotency key names the process, too: done again by another, it counts again", keyPerProcess},
	{"A10-alert-every-failure", "every failure is alerted, not every incident", alertEveryFailure},
	{"R70-never-its-fault", "no crash of the AI process is ever a job's fault: poison comes again for ever", neverItsFault},
	{"R71-one-megabyte", "a body is cut off after a megabyte", oneMegabyte},
	{"R72-requeue-malformed", "a message that cannot be read is handed back", requeueMalformed},
	{"R73-made-up-id", "a message without an id gets one, another each time that it comes", madeUpID},
	{"R74-no-prefetch", "it takes all that is in the queue into memory", noPrefetch},
	{"R75-plain-queue", "its queue has no priorities", topology(plainQueue)},
	{"R76-expired-vanish", "what its queue gives up is not dead-lettered", topology(expiredVanish)},
	{"R80-check-once", "swap that was enough once is never looked at again", checkOnce},
	{"R81-unreadable-is-low", "memory that cannot be read counts as used up", unreadableIsLow},
	{"R81-waits-for-memory", "memory that cannot be read counts as not set up yet", waitsForMemory},
	{"R82-no-room-no-work", "without room for its journal it does no job", noRoomNoWork},
	{"R77-no-delivery-limit", "its quorum queue delivers poison for ever", topology(noLimit)},
	{"A12-notice-ignored", "the notice of a spot instance is logged, and that is all", noticeIgnored},
	{"A12-any-answer-is-a-notice", "whatever the instance metadata answers but 404 counts as a notice", anyAnswerIsNotice},
	{"A12-acks-all", "on a notice it acks what it has in hand and drops the work", acksAllOnNotice},
	{"R7-missing-is-for-good", "a queue that is not found is never asked for again", missingIsForGood},
	{"R8-nack-is-confirm", "a publish that the broker refused counts as done", nackIsConfirm},
	{"R8-return-is-confirm", "a publish that no queue wanted counts as done", returnIsConfirm},
	{"R8-not-mandatory", "a publish that no queue wants is not asked back", notMandatory},
	{"R20-one-connection", "channels are opened anew, the connection never", oneConnection},
	{"R22-stale-ack", "a tag from before a reconnect is acked on the channel after it", staleAck},
	{"R23-ack-twice", "a message that comes again is acked twice", ackAgain},
	{"R25-consume-beside", "after a cancel another consumer is put beside the old one", consumeBeside},
	{"R26-wait-unblocked", "nothing is worked on while the connection is said to be blocked", waitUnblocked},
	{"R27-no-watchdog", "a lost ack is waited for forever", noWatchdog},
	{"R29-spin", "workers loop over the deliveries of a closed channel", spin},
	{"A10-alert-every-job", "every failed job is alerted", alertEveryJob},
	{"A10-alert-once", "an alert that the webhook refuses is not sent again", alertOnce},
	{"R40-no-timeout", "the AI process may take for ever to answer", noTimeout},
	{"R40-ping-is-enough", "an AI process that answers pings counts as healthy though every job times out", pingIsEnough},
	{"R41-warm-timeout", "the time limit of a job is that of a warm model", warmTimeout},
	{"R42-one-try", "a job is given up when it fails once", oneTry},
	{"R43-errors-are-the-jobs", "errors of the AI process count against the jobs only", errorsAreTheJobs},
	{"R43-reports-the-failure", "a job that the AI process fails is done: the failure is its result", reportsFailure},
	{"R44-forwards-json", "the AI process's answer is reported as it is, whatever image is in it", forwardsJSON},
	{"R44-believe-200", "what comes with status 200 counts as an image", believe200},
	{"R45-nobody-watches", "a dead AI process is restarted by nobody", nobodyWatches},
	{"R46-restart-once", "a restart that fails is not tried again", restartOnce},
	{"R47-crash-is-the-jobs", "every job that was with the AI process when it died is given up", crashIsTheJobs},
	{"R50-outage-is-the-jobs", "an outage of the API server counts against the jobs", outageIsTheJobs},
	{"R51-report-in-background", "a job whose report takes long is acked before the answer", reportInBackground},
	{"R52-new-key-each-try", "each try of a report has an idempotency key of its own", newKeyEachTry},
	{"R53-cut-is-sent", "a report whose connection was cut counts as accepted", cutIsSent},
	{"R54-waits-for-good", "the API server may take for ever to answer a report", waitsForGood},
	{"R1-gives-up", "tries to connect again five times, and then never again", givesUp},
	{"R1-transient-retries", "what it publishes again is not written to the broker's disk", transientRetries},
	{"R2-redelivered-is-poison", "a redelivered job is dead-lettered unseen", redeliveredIsPoison},
	{"R3-key-drawn-anew", "a job that comes again is reported under another idempotency key", keyDrawnAnew},
	{"R4-waits-for-confirm", "a failed job keeps its worker until its copy is confirmed", waitsForConfirm},
	{"R10-knows-memory-only", "of the broker's alarms it knows the memory alarm only", knowsMemoryOnly},
	{"R5-forced-is-final", "a connection that the broker forced closed is never reopened", forcedIsFinal},
	{"R6-deaf-to-cancel", "the broker's cancel of the consumer is not noticed", deafToCancel},
	{"R6-hands-back", "when its queue is deleted it hands back the jobs that it holds", handsBack},
	{"R6-drops-what-it-works-on", "what it was working on when its queue was deleted is not reported", dropsWork},
	{"R6-declares-once", "the queue is declared at the start only", declaresOnce},
	{"R9-406-is-final", "a channel that the broker closed with 406 is never reopened", preconditionIsFinal},
	{"R21-one-connection", "it publishes on the connection that it consumes on", sharedConnection},
	{"R63-connects-once", "without a broker at its start it never connects", connectsOnce},
	{"R30-prefetch-one", "one message at a time: each waits for the ack of the last", prefetchOne},
	{"R31-impatient", "an image that takes longer than 250 ms is the job's end", impatient},
	{"R32-trusts-tcp", "no heartbeats, and silence is no news", trustTCP},
	{"R33-soft-errors-only", "comes back only after errors that the client library calls recoverable", softErrorsOnly},
	{"R34-key-per-delivery", "an idempotency key for each delivery instead of each job", keyPerDelivery},
	{"R35-501-is-final", "a connection that the broker closed with 501 is never reopened", frameErrorIsFinal},
	{"R36-no-handshake-limit", "waits for ever for a handshake", noHandshakeLimit},
	{"R37-no-backoff", "tries to connect again at once, or nearly", noBackoff},
	{"R37-no-jitter", "all instances wait the same before they connect again", noJitter},
	{"R38-attempts-for-life", "comes back from five lost connections in its life, and no more", attemptsForLife},
}

// Main is the program: args start with -defect NAME or are -list-defects; the rest goes to the
// consumer. The result is the exit code.
func Main(args []string, stdout, stderr io.Writer) int {
	var names []string
	for _, d := range All {
		names = append(names, d.Name)
	}
	program := defect.Program{Name: "legacy-consumer", Defects: names}
	return program.Main(args, stdout, stderr, func(i int, rest []string) int {
		return consumer.Main(rest, stdout, stderr, All[i].Apply)
	})
}
