package sink

import (
	"context"
	"sync"
	"time"
)

// allowance keeps what a Sink sends under so many bytes a second, in the mean, so that catching up after an outage leaves a narrow line to
// others. A request is paid for when it is sent: the next one begins when its bytes have been earned. So no body has to be cut, and what
// is sent at once is never more than the requests that may be in flight.
type allowance struct {
	rate int64 // bytes a second; 0: no limit

	mu   sync.Mutex
	next time.Time // guarded by mu: no request begins before
}

// wait returns when a request may begin. An error is ctx's.
func (a *allowance) wait(ctx context.Context) error {
	for {
		a.mu.Lock()
		pause := time.Until(a.next)
		a.mu.Unlock()
		if pause <= 0 {
			return nil
		}
		if err := await(ctx, pause, nil); err != nil {
			return err
		}
	}
}

// spend notes that a request of n bytes is sent.
func (a *allowance) spend(n int) {
	if a.rate <= 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if now := time.Now(); a.next.Before(now) {
		a.next = now
	}
	a.next = a.next.Add(time.Duration(float64(n) / float64(a.rate) * float64(time.Second)))
}
