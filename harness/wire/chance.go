package wire

// chance gives a number in [0, 1) that depends on the seed, the rule's name and the identity of what
// e is about, and on nothing else: not on time, and not on the order in which connections talk.
func chance(seed uint64, rule string, e *Event, ordinal uint64) float64 {
	h := fnv(fnvBase, uint64(e.Method))
	for i := range len(rule) {
		h = (h ^ uint64(rule[i])) * fnvPrime
	}
	if len(e.MessageID) > 0 {
		for _, b := range e.MessageID {
			h = (h ^ uint64(b)) * fnvPrime
		}
	} else {
		h = fnv(h, uint64(e.Conn)<<32|uint64(e.Chan)<<8|uint64(e.Dir))
		if e.Tag != 0 {
			ordinal = e.Tag
		}
		h = fnv(h, ordinal)
	}
	return float64(mix(h^mix(seed))>>11) / (1 << 53)
}

const (
	fnvBase  = 14695981039346656037
	fnvPrime = 1099511628211
)

func fnv(h, v uint64) uint64 {
	for range 8 {
		h = (h ^ v&0xff) * fnvPrime
		v >>= 8
	}
	return h
}

// mix spreads every input bit over the whole result (the finaliser of SplitMix64).
func mix(z uint64) uint64 {
	z += 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
