package wire

// decide asks the rules what becomes of a frame, and carries it out. raw is the frame (for content
// the method's and the header's), n how many bytes of the buffer it takes up; c is its channel if it has content.
func (t *stream) decide(e *Event, raw []byte, n int, c *channel) error {
	if t.s.meddled() {
		if t.renumbers(e) {
			if done, err := t.renumber(e, raw, n); done || err != nil {
				return err
			}
		}
		if p, a := t.choose(e); p != nil {
			return t.carryOut(p, a, e, raw, n, c)
		}
	}
	t.s.tell(e)
	t.q += n
	return nil
}

// choose finds the plan for a frame: a pretence that is under way comes first, then the rules. nil
// means that the frame passes untouched.
func (t *stream) choose(e *Event) (*Plan, *Armed) {
	if p, a := t.s.pretend(e); p != nil {
		return p, a
	}
	rules := t.s.w.rules.Load()
	if rules == nil {
		return nil, nil
	}
	var first *Armed
	var few [4]*Armed
	watching := few[:0] // rules that only watch
	for _, a := range *rules {
		if e.MessageID != nil {
			a.note(e)
		}
		switch picked := a.picks(e, t.ordinal); {
		case !picked || first != nil:
		case a.rule.Action == nil:
			watching = append(watching, a)
		case a.strike():
			first = a
		}
	}
	if first == nil {
		for _, a := range watching {
			a.strike()
		}
		return nil, nil
	}
	p := new(Plan)
	first.rule.Action.Plan(e, p)
	return p, first
}

// carryOut does what a plan says.
func (t *stream) carryOut(p *Plan, a *Armed, e *Event, raw []byte, n int, c *channel) error {
	if err := t.flush(); err != nil {
		return err
	}
	short := p.Cut != nil && p.Cut.When != After
	e.Rule, e.Swallowed = a, p.Drop || short
	t.s.tell(e)
	if p.Drop && e.Seq > 0 {
		t.s.confirms.dropped(e.Chan, e.Seq)
	}
	if err := t.holdBack(p, a); err != nil {
		return err
	}
	if short {
		return t.cutShort(p.Cut, a, raw)
	}
	if err := t.forward(p, raw); err != nil {
		return err
	}
	t.q += n
	t.start = t.q
	ch := e.Chan // e does not last until a content is complete
	then := func(kept []byte) error { return t.afterwards(p, a, ch, kept) }
	if c == nil {
		return then(raw)
	}
	if p.Twice || p.Whole != nil || p.Late {
		c.keeping, c.kept = true, append([]byte(nil), raw...)
	}
	c.drop = p.Drop
	c.then = func() error { return then(c.kept) }
	if c.left == 0 {
		return t.complete(c)
	}
	return nil
}

// holdBack stalls and delays.
func (t *stream) holdBack(p *Plan, a *Armed) error {
	for _, d := range p.Stall {
		t.s.stream(d).gates.add(a.gone)
	}
	if err := t.passGates(); err != nil {
		return err
	}
	if p.Wait <= 0 {
		return nil
	}
	return t.s.wait(t.dir, p.Wait, a.gone)
}

func (t *stream) cutShort(c *Cut, a *Armed, raw []byte) error {
	if c.When == Mid {
		k := c.Bytes
		if k <= 0 {
			k = len(raw) / 2
		}
		if _, err := t.out.Write(raw[:min(k, len(raw)-1)]); err != nil {
			return err
		}
	}
	t.s.cut(*c, t.dir, 0, a)
	return errCut
}

func (t *stream) forward(p *Plan, raw []byte) error {
	if p.Drop {
		return nil
	}
	if p.Replace != nil {
		raw = p.Replace(append([]byte(nil), raw...))
	}
	_, err := t.out.Write(raw)
	return err
}

// complete ends a message, and does what waits for its end.
func (t *stream) complete(c *channel) error {
	then := c.then
	if then == nil {
		return nil
	}
	if err := t.flush(); err != nil {
		return err
	}
	err := then()
	c.drop, c.keeping, c.kept, c.then = false, false, nil, nil
	return err
}

// afterwards does what comes behind the frame and its content.
func (t *stream) afterwards(p *Plan, a *Armed, ch uint16, kept []byte) error {
	if p.Twice {
		if err := t.put(kept, a); err != nil {
			return err
		}
	}
	if want := p.Pretend; want != nil {
		if p.Late {
			want.Tell = append(want.Tell, kept...)
		}
		t.s.begin(want, a, nil)
	}
	if p.Whole != nil {
		t.s.send(p.Whole(kept), a, nil)
	}
	for _, send := range p.Send {
		t.s.send(send, a, nil)
	}
	if err := t.drain(); err != nil {
		return err
	}
	if p.Cut != nil {
		t.s.cut(*p.Cut, t.dir, ch, a)
		return errCut
	}
	return nil
}
