package history

// How a Rollout ends.
const (
	RolloutDone   = "done"            // the new version serves alone
	RolledBack    = "rolled-back"     // the former one does
	NotRolledBack = "not-rolled-back" // the deployer gave up, and all stays as it was then
	CalledOff     = "called-off"      // it was still at work
)
