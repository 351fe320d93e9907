package sink

import (
	"time"

	"github.com/cenkalti/backoff/v4"
)

// pace is how long one Send waits between its attempts on its own account, that is while the backend takes what others
// send, or a part of its own: ever longer, from the start again after progress, and longer by what the backend asked for. So a
// Send which alone gets nothing through does not keep a backend busy that is well. In a trouble of all, the pauses are the
// flow's, and end for all with the first good answer.
type pace struct {
	*backoff.ExponentialBackOff
	retryAfter time.Duration
	ofAll      bool // nobody gets anything through, and the flow pauses
}

func newPace(c *Config) pace {
	// Half the wait, give or take all of that: anything from nothing to the whole.
	return pace{ExponentialBackOff: backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(c.MinBackoff/2),
		backoff.WithMaxInterval(c.MaxBackoff/2),
		backoff.WithRandomizationFactor(1),
		backoff.WithMultiplier(2),
		backoff.WithMaxElapsedTime(0), // never gives up
	)}
}

// NextBackOff returns the next wait.
func (p *pace) NextBackOff() time.Duration {
	if p.ofAll {
		return 0
	}
	return p.ExponentialBackOff.NextBackOff() + p.retryAfter
}
