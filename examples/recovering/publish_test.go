package main

import (
	"encoding/binary"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A broker that keeps silent must not keep the publisher: whoever asks next would wait for the one before.
func TestDepthHasALimit(t *testing.T) {
	t.Parallel()
	b := &silent{}
	p := &publisher{settings: settings{
		amqpURL: "amqp://u:p@" + b.listen(t) + "/", queue: "jobs", retry: "jobs.retry", dead: "jobs.dead",
		callLimit: 2 * time.Second, heartbeat: time.Hour, // also for connecting, which must succeed
	}}
	failed := make(chan error, 2)
	for range cap(failed) {
		go func() {
			_, err := p.depth(t.Context())
			failed <- err
		}()
	}
	for range cap(failed) {
		select {
		case err := <-failed:
			require.Error(t, err)
		case <-time.After(20 * time.Second):
			require.Fail(t, "it waits for ever")
		}
	}
	require.Equal(t, int32(2), b.asked.Load(), "each was asked on a connection of its own")
}

// silent is as much of a broker as it takes to connect to. It never answers how deep a queue is.
type silent struct {
	asked atomic.Int32
}

func (b *silent) listen(t *testing.T) (address string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = ln.Close() })
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go b.serve(c)
		}
	}()
	return ln.Addr().String()
}

// serve answers frame by frame until the client is gone.
func (b *silent) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	if _, err := io.CopyN(io.Discard, c, int64(len("AMQP\x00\x00\x09\x01"))); err != nil {
		return
	}
	reply(c, 0, "\x00\x0a\x00\x0a\x00\x09\x00\x00\x00\x00\x00\x00\x00\x05PLAIN\x00\x00\x00\x05en_US") // connection.start
	for {
		head := make([]byte, 7) // type, channel, length
		if _, err := io.ReadFull(c, head); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint32(head[3:])+1)
		if _, err := io.ReadFull(c, body); err != nil {
			return
		}
		if head[0] == 1 {
			reply(c, binary.BigEndian.Uint16(head[1:]), b.answer(body[:len(body)-1]))
		}
	}
}

// answer gives the answer to a method, "" for none.
func (b *silent) answer(method []byte) string {
	switch string(method[:4]) {
	case "\x00\x0a\x00\x0b": // connection.start-ok: tune
		return "\x00\x0a\x00\x1e\x00\x00\x00\x00\x00\x00\x00\x00"
	case "\x00\x0a\x00\x28": // connection.open
		return "\x00\x0a\x00\x29\x00"
	case "\x00\x14\x00\x0a": // channel.open
		return "\x00\x14\x00\x0b\x00\x00\x00\x00"
	case "\x00\x55\x00\x0a": // confirm.select
		return "\x00\x55\x00\x0b"
	case "\x00\x32\x00\x0a": // queue.declare: its flags come after its name
		if flags := method[7+method[6]]; flags&1 == 0 {
			return "\x00\x32\x00\x0b\x00\x00\x00\x00\x00\x00\x00\x00\x00"
		}
		b.asked.Add(1) // passive: that is how the depth is asked
	}
	return ""
}

func reply(c net.Conn, channel uint16, method string) {
	if method == "" {
		return
	}
	frame := binary.BigEndian.AppendUint16([]byte{1}, channel)
	frame = binary.BigEndian.AppendUint32(frame, uint32(len(method)))
	_, _ = c.Write(append(append(frame, method...), 0xce))
}
