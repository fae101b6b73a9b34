package upstream

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// askAccount calls the account service for the share of requests that need it. False: it failed, and
// so has the request. The thread is held meanwhile.
func (c *call) askAccount() bool {
	account := c.now.Account
	if account.URL == "" || !strings.HasPrefix(c.r.URL.Path, account.Path) || c.chance("account") >= account.Share {
		return true
	}
	ctx, cancel := context.WithTimeout(c.s.ctx, time.Duration(account.Timeout))
	defer cancel()
	err := c.callAccount(ctx, account.URL)
	if c.s.ctx.Err() != nil {
		panic(http.ErrAbortHandler)
	}
	if err != nil {
		c.fail("account service: " + err.Error())
	}
	return err == nil
}

func (c *call) callAccount(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	set(req.Header, RequestID, c.rec.ID)
	res, err := c.s.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("it answered %s", res.Status)
	}
	return nil
}
