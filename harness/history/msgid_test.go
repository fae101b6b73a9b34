package history_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

func TestParseMsgID(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]history.MsgID{
		"": 0, "m1": 1, "m123": 123, "m9223372036854775807": math.MaxInt64,
	} {
		require.Equal(t, want, history.ParseMsgID([]byte(text)), text)
	}
	seen := map[history.MsgID]string{}
	for _, text := range []string{
		"m0", "m", "m01", "m-1", "M1", "m1 ", " m1", "1", "m9223372036854775808", "m99999999999999999999", "order-7",
	} {
		id := history.ParseMsgID([]byte(text))
		require.True(t, id.Hashed(), text)
		require.Empty(t, seen[id], text)
		seen[id] = text
		require.Equal(t, byte('#'), id.String()[0])
	}
	require.Equal(t, "-", history.MsgID(0).String())
}

func TestMsgIDRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		id := history.MsgID(rapid.Int64Range(1, math.MaxInt64).Draw(t, "id"))
		require.Equal(t, id, history.ParseMsgID([]byte(id.String())))
		require.False(t, id.Hashed())
	})
}

func TestParseMsgIDAllocatesNothing(t *testing.T) {
	for _, text := range [][]byte{[]byte("m123456"), []byte("0b51c3a4-6d0d-4d9c-a8f1-7d7a0d1f5a11")} {
		require.Zero(t, testing.AllocsPerRun(100, func() { history.ParseMsgID(text) }))
	}
}

func TestEveryKindHasAName(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for k := 1; k < history.Kinds; k++ {
		name := history.Kind(k).String()
		require.NotEmpty(t, name, k)
		require.False(t, seen[name], name)
		seen[name] = true
	}
	require.Equal(t, "kind-0", history.Kind(0).String())
	require.Equal(t, "load-begin", history.LoadBegin.String())
}
