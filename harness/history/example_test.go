package history_test

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/comeback-chaos/xk6-comeback/harness/history"
)

func Example() {
	dir, err := os.MkdirTemp("", "history")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "run.cbh")

	w, err := history.Create(history.Options{Path: path})
	if err != nil {
		fmt.Println(err)
		return
	}
	w.Append(&history.Event{Kind: history.Offer, Msg: history.ParseMsgID([]byte("m1"))})
	w.Append(&history.Event{Kind: history.End, Text: "done"})
	if err := w.Close(); err != nil {
		fmt.Println(err)
		return
	}

	r, err := history.Open(path)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer r.Close()
	for e, err := range r.All() {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s of %s\n", e.Kind, e.Msg)
	}
	fmt.Println("torn:", r.Torn() != nil)
	// Output:
	// offer of m1
	// end of -
	// torn: false
}
