package load

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"
)

// Publisher offers messages to one queue. All its methods are safe for many goroutines.
//
// A message is handed to a connection at most once. When the connection ends before the broker's
// answer, the message is counted as unknown and left at that: the broker may well have it, and
// sending it again would make a duplicate that the target is not to blame for.
type Publisher struct {
	o    Options
	dial dialer

	cancel context.CancelFunc
	done   chan struct{} // closed when the run goroutine has ended
	wake   chan struct{} // holds one token: there may be something to send

	mu      sync.Mutex
	closed  bool
	blocked bool
	queue   fifo[message]
	ledger  *ledger
	idle    chan struct{} // non-nil while somebody waits in Settled
}

// message is one offered message that was not sent yet.
type message struct {
	id          uint64
	at          time.Time
	body        []byte
	contentType string
	headers     []byte // encoded
	transient   bool
	anonymous   bool
	priority    uint8
	expiration  string
	doomed      bool
}

// Open connects to the broker, once and bounded by ctx, and returns a Publisher that keeps itself
// connected until Close.
func Open(ctx context.Context, o Options) (*Publisher, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	return open(ctx, o, amqpDialer(o))
}

func open(ctx context.Context, o Options, d dialer) (*Publisher, error) {
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	p := &Publisher{
		o: o, dial: d, cancel: cancel,
		done: make(chan struct{}), wake: make(chan struct{}, 1),
		ledger: newLedger(o.Window, answerSpan),
	}
	l, err := d(ctx, p)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("load: connecting to the broker: %w; is it up, and is Options.URL right?", err)
	}
	o.OnState(true, nil)
	go p.run(run, l)
	return p, nil
}

// Submit offers a message and returns its id: 1, 2, 3 …; its message-id property is "m<id>". It never
// waits for the network. The body belongs to the Publisher from then on. The error is ErrFull,
// ErrClosed, or says which header AMQP cannot carry; nothing was offered then.
func (p *Publisher) Submit(body []byte, props Props) (uint64, error) {
	headers, err := encodeHeaders(props.Headers)
	if err != nil {
		return 0, fmt.Errorf("load: headers: %w", err)
	}
	if n := len(props.ContentType); n > 255 {
		return 0, fmt.Errorf("load: content type of %d bytes: at most 255 are allowed", n)
	}
	if props.Expiration < 0 || props.Expiration%time.Millisecond != 0 {
		return 0, fmt.Errorf("load: expiration %v: want whole milliseconds", props.Expiration)
	}
	m := message{
		at: time.Now(), body: body, contentType: props.ContentType, headers: headers,
		transient: props.Transient, anonymous: props.Anonymous, priority: props.Priority, doomed: props.Doomed,
	}
	if props.Expiration > 0 {
		m.expiration = strconv.FormatInt(props.Expiration.Milliseconds(), 10)
	}
	id, err := p.offer(m)
	if err != nil {
		return 0, err
	}
	p.nudge()
	return id, nil
}

func (p *Publisher) offer(m message) (uint64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return 0, ErrClosed
	}
	if p.queue.n >= p.o.Buffer {
		p.ledger.c.Dropped++
		return 0, ErrFull
	}
	m.id = p.ledger.offer()
	p.o.OnOffer(m.id, m.priority, m.doomed)
	p.queue.push(m)
	return m.id, nil
}

// Counts returns what became of the messages so far, as of one moment.
func (p *Publisher) Counts() Counts {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.ledger.c
}

// Settled waits until nothing is unsent or in flight. When ctx ends first, the error tells how much is.
func (p *Publisher) Settled(ctx context.Context) error {
	p.mu.Lock()
	if p.ledger.idle() {
		p.mu.Unlock()
		return nil
	}
	if p.idle == nil {
		p.idle = make(chan struct{})
	}
	idle := p.idle
	p.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-p.done:
		return p.unsettled(ErrClosed)
	case <-ctx.Done():
		return p.unsettled(context.Cause(ctx))
	}
}

func (p *Publisher) unsettled(why error) error {
	c := p.Counts()
	if c.Buffered == 0 && c.InFlight() == 0 {
		return nil
	}
	return fmt.Errorf("load: waiting for the broker: %d messages unsent, %d unconfirmed: %w", c.Buffered, c.InFlight(), why)
}

// Close ends the connection in order, bounded by ctx, and does not wait for messages: use Settled
// before it. What is in flight becomes unknown, what is unsent stays Buffered. Closing twice is fine.
func (p *Publisher) Close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.cancel()
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("load: closing the connection to the broker: %w", context.Cause(ctx))
	}
}

func (p *Publisher) nudge() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// settle lets Settled return. The lock must be held.
func (p *Publisher) settle() {
	if p.idle != nil && p.ledger.idle() {
		close(p.idle)
		p.idle = nil
	}
}
