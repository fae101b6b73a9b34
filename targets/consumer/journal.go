package consumer

import (
	"fmt"

	"github.com/comeback-chaos/xk6-comeback/targets/consumer/job"
)

// openJournal makes known which jobs an earlier process has finished, and keeps those to come. A journal
// that fails is alerted; jobs are done all the same, and remembered in memory only.
func (c *Consumer) openJournal() {
	if c.Journal == nil {
		return
	}
	ids, err := c.Journal.Load()
	if err != nil {
		c.journalChanged(err)
	}
	c.Worker.Ledger.Know(ids)
	c.Worker.Ledger.Keep = c.Journal.Add
	c.Log.Info("journal of finished jobs", "folder", c.Journal.Dir, "known", len(ids))
}

func (c *Consumer) journalChanged(err error) {
	if err != nil {
		c.Desk.Raise(TitleState, fmt.Sprintf("%v; finished jobs are remembered until this process ends", err))
		return
	}
	c.Desk.Clear(TitleState, "finished jobs are written down again")
}

func (c *Consumer) closeJournal() {
	if c.Journal == nil {
		return
	}
	if err := c.Journal.Close(); err != nil {
		c.Log.Warn("not all finished jobs are written down", "error", err)
	}
}

// journal is the one that the settings ask for; nil: none.
func journal(dir string, changed func(error)) *job.Journal {
	if dir == "" {
		return nil
	}
	return &job.Journal{Dir: dir, Most: finishedKept, OnChange: changed}
}
