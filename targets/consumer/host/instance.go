package host

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Instance tells which cloud instance this is. ID and Region that are set are taken as they are;
// only what is missing is asked of the instance metadata service (version 2, with a session token).
type Instance struct {
	ID, Region string
	Metadata   string       // base URL of the service
	HTTP       *http.Client // nil: one that asks past every proxy
}

const metadataLimit = 2 * time.Second

// Resolve gives id and region.
func (i Instance) Resolve(ctx context.Context) (id, region string, err error) {
	if i.ID != "" && i.Region != "" {
		return i.ID, i.Region, nil
	}
	ctx, cancel := context.WithTimeout(ctx, metadataLimit)
	defer cancel()
	token, err := i.ask(ctx, http.MethodPut, "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60")
	if err != nil {
		return "", "", err
	}
	id, region = i.ID, i.Region
	if id == "" {
		if id, err = i.ask(ctx, http.MethodGet, "/latest/meta-data/instance-id", "X-aws-ec2-metadata-token", token); err != nil {
			return "", "", err
		}
	}
	if region == "" {
		if region, err = i.ask(ctx, http.MethodGet, "/latest/meta-data/placement/region", "X-aws-ec2-metadata-token", token); err != nil {
			return "", "", err
		}
	}
	return id, region, nil
}

func (i Instance) ask(ctx context.Context, method, path, header, value string) (string, error) {
	status, body, err := ask(ctx, i.HTTP, i.Metadata, method, path, header, value)
	if err != nil {
		return "", fmt.Errorf("%w (or set INSTANCE_ID and AWS_REGION)", err)
	}
	if status != http.StatusOK || body == "" {
		return "", fmt.Errorf("instance metadata %s answered %d: %s", path, status, body)
	}
	return body, nil
}

// direct is for the instance metadata, which no proxy must stand before: its address is link-local, and behind a
// proxy there is another host's, or none. It is asked too seldom for a connection to be kept.
func direct() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
}

// ask asks the instance metadata service at base.
func ask(ctx context.Context, client *http.Client, base, method, path, header, value string) (status int, body string, err error) {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(base, "/")+path, nil)
	if err != nil {
		return 0, "", fmt.Errorf("build the request to the instance metadata: %w", err)
	}
	req.Header.Set(header, value)
	if client == nil {
		client = direct()
	}
	res, err := client.Do(req)
	if err != nil {
		return 0, "", fmt.Errorf("ask the instance metadata: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, 4096))
	if err != nil {
		return 0, "", fmt.Errorf("read the instance metadata %s: %w", path, err)
	}
	return res.StatusCode, strings.TrimSpace(string(text)), nil
}
