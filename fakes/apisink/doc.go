// Package apisink is the API server that a consumer reports its results to: PUT or POST
// /images/{job} with an image or JSON. Sink is the server, in the lab's process; its ledger counts
// what it truly accepted, once per Idempotency-Key, and its rules make it fail as real servers do.
// It keeps no bodies.
package apisink

import "encoding/json"

// Effect is one request as the sink judged it.
type Effect struct {
	Job      string // from the path: the message id
	Key      string // Idempotency-Key; empty when the request had none
	Status   int    // answered; 0 when no answer was sent
	Replay   bool   // the key was accepted before: no new effect
	Refused  bool   // the answer is an error, or there is none
	Accepted bool   // with Refused: the effect happened all the same
	Broken   bool   // with Refused: what was sent is no whole image and no JSON object
}

// Counts are the sink's totals.
type Counts struct {
	Requests int // all
	Effects  int // results accepted for the first time
	Replays  int // results accepted again under a known key
	Refused  int // requests without a success answer, their effects included in Effects
}

type answer struct {
	Job    string `json:"job"`
	Replay bool   `json:"replay"`
}

func (a answer) bytes() []byte {
	data, err := json.Marshal(a)
	if err != nil {
		panic(err) // a string and a bool always marshal
	}
	return data
}
