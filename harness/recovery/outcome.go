package recovery

import "time"

// Outcome is what was measured. Its zero value means that nothing was.
type Outcome struct {
	Measured  bool          `json:"measured"`  // false: could not be told, Reason says why
	Recovered bool          `json:"recovered"` // back in range, and stayed
	After     time.Duration `json:"after"`     // heal to the first moment in range; kept when Relapsed
	Relapsed  bool          `json:"relapsed"`  // was back in range for the hold, and left it later
	Reason    string        `json:"reason"`    // one sentence, always set
}
