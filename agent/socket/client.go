package socket

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// ErrNoAgent says that nobody listens: no agent runs with this data directory, or it is only starting or ending.
var ErrNoAgent = errors.New("no agent answers at " + Name)

const (
	dialTimeout   = 5 * time.Second
	answerTimeout = 30 * time.Second // until the answer begins; how long it takes is up to the caller's context
	maxComplaint  = 4 << 10          // bytes of an answer that says what is wrong
)

// Client asks the agent that runs in one data directory. It holds no connection open.
type Client struct{ http http.Client }

// NewClient makes a Client; only Get says whether an agent runs.
func NewClient(dataDir string) *Client {
	return &Client{http.Client{Transport: &http.Transport{
		DisableKeepAlives:     true,
		ResponseHeaderTimeout: answerTimeout,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			at, done, err := address(dataDir)
			if err != nil {
				return nil, fmt.Errorf("%w: %w", ErrNoAgent, err)
			}
			defer done()
			dialer := net.Dialer{Timeout: dialTimeout}
			conn, err := dialer.DialContext(ctx, "unix", at)
			if err != nil && ctx.Err() == nil {
				err = fmt.Errorf("%w: %w", ErrNoAgent, err)
			}
			return conn, err
		},
	}}}
}

// Get asks for a path such as /api/v1/status. The caller reads the answer and closes it.
func (c *Client) Get(ctx context.Context, path string) (io.ReadCloser, error) {
	return c.ask(ctx, http.MethodGet, path)
}

// Post tells the agent to do something.
func (c *Client) Post(ctx context.Context, path string) (io.ReadCloser, error) {
	return c.ask(ctx, http.MethodPost, path)
}

// GetJSON asks for a path, and decodes the answer into v.
func (c *Client) GetJSON(ctx context.Context, path string, v any) error {
	body, err := c.Get(ctx, path)
	if err != nil {
		return err
	}
	defer body.Close()
	if err := json.NewDecoder(body).Decode(v); err != nil {
		return fmt.Errorf("read the agent's answer to %s: %w", path, err)
	}
	return nil
}

func (c *Client) ask(ctx context.Context, method, path string) (io.ReadCloser, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://agent"+path, nil)
	if err != nil {
		return nil, fmt.Errorf("ask the agent: %w", err)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("ask the agent: %w", err)
	}
	if answer.StatusCode == http.StatusOK {
		return answer.Body, nil
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, maxComplaint)) // what there is of it
	return nil, fmt.Errorf("the agent answers %s: %s (%s)", path, strings.TrimSpace(string(text)), answer.Status)
}
