package wire

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// A broker that confirms in any grouping, and a client that publishes while some publishes are
// dropped or added: in the end the client has heard of exactly those that the broker has, and of each only
// after the broker has confirmed it.
func TestConfirmsKeepTheirNumbers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var c confirms
		var atBroker []uint64 // the client's number of each publish that the broker saw
		confirmed := map[uint64]bool{}
		heard := map[uint64]bool{}
		dropped := map[uint64]bool{}
		seq, upTo := uint64(0), 0
		publish := func(what int) {
			seq++
			switch what {
			case 0:
				c.dropped(1, seq)
				dropped[seq] = true
			case 1:
				c.added(1, seq)
				atBroker = append(atBroker, seq, seq)
			case 2: // one that is not the client's, in front of all or behind a dropped one
				seq--
				c.added(1, seq)
				atBroker = append(atBroker, seq)
			default:
				atBroker = append(atBroker, seq)
			}
		}
		confirm := func(n int, multiple bool) {
			n = min(n, len(atBroker)-upTo)
			if n <= 0 {
				return
			}
			tags := []uint64{uint64(upTo + n)}
			if !multiple {
				tags = nil
				for i := 1; i <= n; i++ {
					tags = append(tags, uint64(upTo+i))
				}
			}
			for i := range n {
				if n := atBroker[upTo+i]; !dropped[n] {
					confirmed[n] = true
				}
			}
			upTo += n
			for _, tag := range tags {
				for _, got := range c.translate(1, tag, multiple) {
					for first := got.tag; first > 0 && (first == got.tag || got.multiple); first-- {
						require.True(t, confirmed[first], "client hears of %d, which the broker has not confirmed", first)
						heard[first] = true
					}
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"publish": func(t *rapid.T) { publish(rapid.IntRange(0, 6).Draw(t, "what")) },
			"confirm": func(t *rapid.T) {
				confirm(rapid.IntRange(1, 5).Draw(t, "n"), rapid.Bool().Draw(t, "multiple"))
			},
		})
		confirm(len(atBroker), rapid.Bool().Draw(t, "last multiple"))
		for i := uint64(1); i <= seq; i++ {
			require.Equal(t, !dropped[i], heard[i], "publish %d", i)
		}
	})
}
