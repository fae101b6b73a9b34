package history

// Encode gives the bytes of a history of these events, in one block, without a file.
func Encode(events []Event) []byte {
	file := headerBytes()
	if len(events) == 0 {
		return file
	}
	c := newEncoder()
	c.begin(nil, events[0].At)
	for i := range events {
		c.add(&events[i])
	}
	b := c.take()
	sealBlock(b)
	return append(file, b...)
}
