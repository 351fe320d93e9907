package pipeline

import (
	"context"
	"sync/atomic"
	"time"

	"logboom/agent/config"
)

// settings is the configuration in force. It is replaced as a whole, by the goroutine that is told to read the file again, and
// each loop takes over what is its own at its next Step: so no state has two owners.
type settings struct{ atomic.Pointer[config.Config] }

// taken is what one loop has of the settings. The zero value never has anything to take over.
type taken struct {
	from *settings
	last *config.Config
	take func(*config.Config)
}

// look takes over what is new.
func (t *taken) look() {
	if t.from == nil {
		return
	}
	if c := t.from.Load(); c != t.last {
		t.last = c
		t.take(c)
	}
}

// followIn makes Intake follow the settings.
func (a *agent) followIn(sp *space) {
	a.intake.conf = taken{from: &a.conf, last: a.c, take: func(c *config.Config) {
		sp.minFree, sp.maxSize, sp.checked = c.WAL.MinFree, int64(c.WAL.MaxSize), time.Time{} // the volume is looked at again
		a.log.SetMaxSize(int64(c.WAL.MaxSize))
		a.shares.limit(podShare(c))
		a.tail.SetMaxPins(int64(c.Pins.MaxSize))
	}}
}

// followOut makes Delivery follow them.
func (a *agent) followOut() {
	a.delivery.conf = taken{from: &a.conf, last: a.c, take: func(c *config.Config) {
		a.delivery.drops.on = c.WAL.OnFull == config.DropOldest
		a.letters.maxSize = int64(c.Dead.MaxSize)
	}}
}

func podShare(c *config.Config) float64 { return float64(c.WAL.MaxPodShare) / 100 }

// obey reads the configuration again whenever hangup says so, until ctx is done.
func (a *agent) obey(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.o.Hangup:
			a.reload()
		}
	}
}

// reload takes the file over as it is now, or nothing of it: an agent that runs with half of a configuration is one that
// nobody wrote. The file is read once: what is compared, what the loops take over and what the sink logs in with is of one moment.
func (a *agent) reload() {
	defer a.sink.KeepCredentials()() // a 401 meanwhile may find newer ones
	now, err := a.o.Reload()
	if err != nil {
		a.o.Logger.Error("the configuration is wrong: the agent goes on with the one it has", "error", err)
		return
	}
	live, fixed := config.Changes(a.conf.Load(), now)
	if len(fixed) > 0 {
		a.o.Logger.Error("nothing of the configuration is taken over: these keys hold from the next start on", "keys", fixed)
		return
	}
	credentials := SinkConfig(now, a.o.Logger)
	if err := a.sink.TakeCredentials(&credentials); err != nil {
		a.o.Logger.Error("nothing of the configuration is taken over: its credentials can't be used", "error", err)
		return
	}
	a.conf.Store(now)
	a.o.Logger.Info("the configuration was read again", "changed", live)
	if a.o.Applied != nil {
		a.o.Applied(now)
	}
}
