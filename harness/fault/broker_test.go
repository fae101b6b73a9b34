package fault

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
	"github.com/stretchr/testify/require"

	"github.com/comeback-chaos/xk6-comeback/fakes/script"
	"github.com/comeback-chaos/xk6-comeback/harness/broker"
	"github.com/comeback-chaos/xk6-comeback/harness/child"
	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

// withBroker is a bench whose run has a broker of its own.
type withBroker struct {
	*bench
	node Broker
}

func (b withBroker) Broker() (Broker, error) { return b.node, nil }
func (b withBroker) Queue() string           { return "jobs" }

// fakeNode notes what is done to it, and answers questions with what the test says.
type fakeNode struct {
	mu      sync.Mutex
	done    []string
	answers map[string]string // to what contains the key; "!…" is an error
}

func (n *fakeNode) note(what string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.done = append(n.done, what)
	for key, answer := range n.answers {
		if text, fails := strings.CutPrefix(answer, "!"); fails && strings.Contains(what, key) {
			return errors.New(text)
		}
	}
	return nil
}

// all is a copy: what a fault does in the background goes on.
func (n *fakeNode) all() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.done)
}

func (n *fakeNode) Start(context.Context) error { return n.note("start") }
func (n *fakeNode) Stop(context.Context) error  { return n.note("stop") }
func (n *fakeNode) Kill() error                 { return n.note("kill") }
func (n *fakeNode) Pause() error                { return n.note("pause") }
func (n *fakeNode) Resume() error               { return n.note("resume") }

func (n *fakeNode) Eval(_ context.Context, expr string) (string, error) {
	if err := n.note(expr); err != nil {
		return "", err
	}
	for key, answer := range n.answers {
		if strings.Contains(expr, key) {
			return answer, nil
		}
	}
	return "ok", nil
}

// did tells whether all of that was done to it, in that order.
func (n *fakeNode) did(want ...string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, d := range n.done {
		if len(want) > 0 && strings.Contains(d, want[0]) {
			want = want[1:]
		}
	}
	return len(want) == 0
}

// The connections of the bench: the load's, the target's, and somebody else's.
const (
	ofLoad, ofTargets, ofOthers = 1, 2, 3
	broken                      = history.FromBroker
)

var (
	closedByBroker = history.Event{Kind: history.ConnClose, Conn: ofTargets, Flags: broken, Text: "RST"}
	forced         = history.Event{Kind: history.ConnClose, Conn: ofTargets, Flags: broken, Code: 320, Text: "CONNECTION_FORCED"}
	givenUp        = history.Event{Kind: history.ConnClose, Conn: ofTargets, Text: "FIN"}
	confirm        = history.Event{Kind: history.Confirm, Conn: ofLoad}
	delivery       = history.Event{Kind: history.Deliver, Conn: ofTargets}
	blocked        = history.Event{Kind: history.Blocked, Conn: ofLoad, Text: "low on memory"}
	blockedByDisk  = history.Event{Kind: history.Blocked, Conn: ofTargets, Text: "low on disk"}
	cancelled      = history.Event{Kind: history.Cancel, Conn: ofTargets, Flags: broken}
	tooLate        = history.Event{Kind: history.ChanClose, Conn: ofTargets, Flags: broken, Code: 406, Text: "PRECONDITION_FAILED - delivery acknowledgement on channel 1 timed out"}
)

func on(conn uint32, e history.Event) history.Event {
	e.Conn = conn
	return e
}

func flagged(f history.Flags, e history.Event) history.Event {
	e.Flags |= f
	return e
}

// Each fault of the broker is in effect when an op of the target's, or of the load's, shows it, and gone
// when one passes; what others do shows nothing.
func TestBrokerFaults(t *testing.T) {
	t.Parallel()
	shown := map[string]struct {
		fault      Fault
		answers    map[string]string
		injected   []string // done to the node
		no         []history.Event
		yes        history.Event
		healed     []string
		still, out history.Event
	}{
		"stopped": {
			fault: &BrokerDown{How: "stop"}, injected: []string{"stop"},
			no:  []history.Event{givenUp, on(ofLoad, closedByBroker), on(ofOthers, closedByBroker)},
			yes: closedByBroker, healed: []string{"stop", "start"}, still: on(ofTargets, confirm), out: confirm,
		},
		"killed": {
			fault: &BrokerDown{How: "kill", Waiting: 3}, answers: map[string]string{"messages_ready": "true"}, injected: []string{"Ready >= 3", "mnesia:sync_log()", "kill"},
			yes: closedByBroker, healed: []string{"kill", "start"}, still: delivery, out: confirm,
		},
		"paused": {
			fault: &BrokerPaused{}, injected: []string{"pause"},
			no:  []history.Event{closedByBroker, flagged(history.Synthetic, givenUp), on(ofLoad, givenUp)},
			yes: givenUp, healed: []string{"pause", "resume"}, still: delivery, out: confirm,
		},
		"memory": {
			fault: &BrokerAlarm{Resource: "memory"}, answers: map[string]string{"get_vm": "0.4"},
			injected: []string{"get_vm_memory_high_watermark()", "set_vm_memory_high_watermark(0)"},
			no:       []history.Event{flagged(history.Synthetic, blocked), blockedByDisk},
			yes:      blocked, healed: []string{"set_vm_memory_high_watermark(0.4)"}, still: delivery, out: confirm,
		},
		"disk": {
			fault: &BrokerAlarm{Resource: "disk", Waiting: 7}, answers: map[string]string{"get_disk": "{mem_relative,1.0}", "messages_ready": "true"},
			injected: []string{"get_disk_free_limit()", "Ready >= 7", "set_disk_free_limit(1 bsl 60)"},
			no:       []history.Event{blocked},
			yes:      blockedByDisk, healed: []string{"set_disk_free_limit({mem_relative,1.0})"}, still: delivery, out: confirm,
		},
		"forced": {
			fault: &ForceClose{}, answers: map[string]string{"close_connection": "[ok]"}, injected: []string{"<<106,111,98,115>>"},
			no:  []history.Event{closedByBroker, givenUp, on(ofOthers, forced)},
			yes: forced, still: on(ofOthers, delivery), out: delivery,
		},
		"deleted": {
			fault: &QueueDeleted{Held: 2},
			no:    []history.Event{{Kind: history.Cancel, Conn: ofTargets}, flagged(history.Synthetic, cancelled), on(ofOthers, cancelled)},
			yes:   cancelled, healed: []string{"if Held < 2"}, still: confirm, out: delivery,
		},
		"too late": {
			fault:    &ConsumerTimeout{Limit: script.Duration(time.Second)},
			answers:  map[string]string{"close_connection": "[ok]", "get_env": "[{consumer_timeout,1800000}]"},
			injected: []string{"{consumer_timeout, 1000}, {channel_tick_interval, 500}", "close_connection"},
			no: []history.Event{
				{Kind: history.ChanClose, Conn: ofTargets, Flags: broken, Code: 406, Text: "unknown delivery tag"},
				flagged(history.Synthetic, tooLate), on(ofOthers, tooLate),
			},
			yes: tooLate, healed: []string{"[{consumer_timeout,1800000}]", "close_connection"}, still: confirm, out: delivery,
		},
	}
	for name, c := range shown {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			node := &fakeNode{answers: c.answers}
			b := withBroker{newBench(t), node}
			in, err := c.fault.Inject(t.Context(), b)
			require.NoError(t, err)
			require.True(t, node.did(c.injected...), "%q", node.all())
			for _, e := range c.no {
				b.Record(&e)
			}
			require.Zero(t, seen(b), "that shows nothing")
			b.Record(&c.yes)
			_, err = in.InEffect(t.Context())
			require.NoError(t, err)

			require.NoError(t, in.Heal(t.Context()))
			require.True(t, node.did(c.healed...), "%q", node.all())
			b.Record(&c.out) // before anybody looks: it does not count
			gone := make(chan error, 1)
			go func() {
				_, err := in.Gone(t.Context())
				gone <- err
			}()
			require.Eventually(t, func() bool { return watched(b) }, time.Minute, time.Millisecond)
			b.Record(&c.still)
			require.Zero(t, seen(b), "that does not show that it is gone")
			b.Record(&c.out)
			require.NoError(t, <-gone)
		})
	}
}

// seen is what the bench's watches hold.
func seen(b withBroker) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for w := range b.watches {
		n += len(w.events)
	}
	return n
}

func watched(b withBroker) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.watches) > 0
}

func TestBrokerFaultThatCannotBeInjectedLeavesNothing(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]struct {
		fault   Fault
		answers map[string]string
		undone  []string
	}{
		`how: "crash", want`:           {fault: &BrokerDown{How: "crash"}},
		"stop the broker: it will not": {fault: &BrokerDown{How: "stop"}, answers: map[string]string{"stop": "!it will not"}, undone: []string{"start"}},
		"pause the broker: gone":       {fault: &BrokerPaused{}, answers: map[string]string{"pause": "!gone"}},
		`resource: "cpu", want`:        {fault: &BrokerAlarm{Resource: "cpu"}},
		"waiting: -2, want":            {fault: &BrokerDown{How: "stop", Waiting: -2}},
		"waiting: -1":                  {fault: &BrokerAlarm{Resource: "disk", Waiting: -1}},
		"for: -1s":                     {fault: &BrokerAlarm{Resource: "disk", For: script.Duration(-time.Second)}},
		"memory limit to 0: busy":      {fault: &BrokerAlarm{Resource: "memory"}, answers: map[string]string{"get_": "0.4", "(0)": "!busy"}, undone: []string{"(0.4)"}},
		"nobody consumes":              {fault: &ForceClose{}, answers: map[string]string{"close_connection": "[]"}},
		"held: -1, want":               {fault: &QueueDeleted{Held: -1}},
		"limit: 0s, want 100ms":        {fault: &ConsumerTimeout{}},
	} {
		node := &fakeNode{answers: c.answers}
		b := withBroker{newBench(t), node}
		_, err := c.fault.Inject(t.Context(), b)
		require.ErrorContains(t, err, want)
		require.Empty(t, b.watches, want)
		require.Empty(t, b.claimed, want)
		require.True(t, node.did(c.undone...), "%s: %q", want, node.all())
	}
}

func TestBrokerFaultsOnTheSameThingExcludeEachOther(t *testing.T) {
	t.Parallel()
	b := withBroker{newBench(t), &fakeNode{}}
	in, err := (&BrokerDown{How: "kill"}).Inject(t.Context(), b)
	require.NoError(t, err)
	_, err = (&BrokerPaused{}).Inject(t.Context(), b)
	require.ErrorContains(t, err, "claimed")
	alarm, err := (&BrokerAlarm{Resource: "disk"}).Inject(t.Context(), b)
	require.NoError(t, err, "that is another thing")
	require.NoError(t, alarm.Heal(t.Context()))
	require.NoError(t, in.Heal(t.Context()))
}

// What the broker says in Erlang is asked of a real one.
func TestBrokerFaultsOnARealBroker(t *testing.T) {
	t.Parallel()
	node := realNode(t)
	b := withBroker{newBench(t), node}
	conn, err := amqp.Dial(node.URL(""))
	require.NoError(t, err)
	ch, err := conn.Channel()
	require.NoError(t, err)
	_, err = ch.QueueDeclare("jobs", true, false, false, false, nil)
	require.NoError(t, err)
	eval := func(expr string) string {
		got, err := node.Eval(t.Context(), expr)
		require.NoError(t, err)
		return got
	}

	t.Log("the alarms go off, and are lifted")
	for resource, get := range map[string]string{"memory": limits["memory"].get, "disk": limits["disk"].get} {
		before := eval(get)
		in, err := (&BrokerAlarm{Resource: resource}).Inject(t.Context(), b)
		require.NoError(t, err)
		require.Contains(t, eval("rabbit_alarm:get_alarms()"), "{resource_limit,"+resource)
		require.NoError(t, in.Heal(t.Context()))
		require.Equal(t, "[]", eval("rabbit_alarm:get_alarms()"))
		require.Equal(t, before, eval(get))
	}

	t.Log("nobody consumes yet")
	_, err = (&ForceClose{}).Inject(t.Context(), b)
	require.ErrorIs(t, err, errNoConsumer)

	t.Log("the queue is deleted when it is empty and two messages are held")
	deliveries, err := ch.Consume("jobs", "", false, false, false, false, nil)
	require.NoError(t, err)
	gone := ch.NotifyCancel(make(chan string, 1))
	in, err := (&QueueDeleted{Held: 2}).Inject(t.Context(), b)
	require.NoError(t, err)
	for range 2 {
		require.Empty(t, gone)
		require.NoError(t, ch.Publish("", "jobs", false, false, amqp.Publishing{}))
		<-deliveries
	}
	<-gone
	b.Record(&cancelled)
	_, err = in.InEffect(t.Context())
	require.NoError(t, err)
	require.NoError(t, in.Heal(t.Context()))

	t.Log("consumer_timeout is lowered, the consumer has to come again, and all is as it was")
	_, err = ch.QueueDeclare("jobs", true, false, false, false, nil)
	require.NoError(t, err)
	_, err = ch.Consume("jobs", "", false, false, false, false, nil)
	require.NoError(t, err)
	closed := conn.NotifyClose(make(chan *amqp.Error, 1))
	in, err = (&ConsumerTimeout{Limit: script.Duration(time.Second)}).Inject(t.Context(), b)
	require.NoError(t, err)
	require.Equal(t, amqp.ConnectionForced, (<-closed).Code)
	require.Equal(t, "{{ok,1000},{ok,500}}", eval("{application:get_env(rabbit,consumer_timeout),application:get_env(rabbit,channel_tick_interval)}"))
	require.NoError(t, in.Heal(t.Context()), "though nobody consumes now")
	require.Equal(t, "{{ok,1800000},{ok,60000}}", eval("{application:get_env(rabbit,consumer_timeout),application:get_env(rabbit,channel_tick_interval)}"))

	t.Log("killed and started again, it still has the queue")
	down, err := (&BrokerDown{How: "kill"}).Inject(t.Context(), b)
	require.NoError(t, err)
	require.Zero(t, node.PID())
	require.NoError(t, down.Heal(t.Context()))
	require.Contains(t, eval("rabbit_amqqueue:lookup("+resource("jobs")+")"), "jobs")
}

func realNode(t *testing.T) *broker.Local {
	t.Helper()
	g, err := child.NewGroup(context.Background(), child.Options{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, g.Close()) })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	node, err := broker.StartLocal(ctx, g, broker.LocalOptions{})
	if errors.Is(err, broker.ErrNotInstalled) {
		t.Skip(err)
	}
	require.NoError(t, err)
	return node
}
