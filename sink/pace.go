package sink

import (
	"time"

	"github.com/cenkalti/backoff/v4"
)

// pace is how long one Send waits between its attempts: ever longer, from the start again after progress, and longer
// by what the backend asked for. The flow's pauses are those of the Sink; these see to it that a Send which alone gets
// nothing through does not keep a backend busy that is well.
type pace struct {
	*backoff.ExponentialBackOff
	retryAfter time.Duration
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
func (p *pace) NextBackOff() time.Duration { return p.ExponentialBackOff.NextBackOff() + p.retryAfter }
