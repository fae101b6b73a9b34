package ops

// State is what the consumer is doing as a whole.
type State string

// The states, in the order in which a bad day goes through them.
const (
	WaitingForSwap State = "waiting-for-swap" // boot: the memory check has not completed yet
	WaitingForAI   State = "waiting-for-ai"   // the AI process does not answer (yet)
	WarmingUp      State = "warming-up"       // sample data goes through the AI process
	Consuming      State = "consuming"
	Restarting     State = "restarting"  // the restart hook runs, or its effect is awaited
	Escalating     State = "escalating"  // restarts are used up, the termination hook runs
	Terminating    State = "terminating" // termination was accepted; the end is awaited
	Parked         State = "parked"      // termination failed; nothing is consumed until the AI process is back
	Draining       State = "draining"    // told to stop
)

// States lists all states.
var States = []State{WaitingForSwap, WaitingForAI, WarmingUp, Consuming, Restarting, Escalating, Terminating, Parked, Draining}
