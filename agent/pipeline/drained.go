package pipeline

import "time"

// drained is asked whenever Intake has nothing to do, and says whether it may end. Asked to end, that is when Delivery has
// what was durable then, and another scan has found nothing that still waits to be read. To leave nothing behind, a scan
// that was made while the WAL was empty must have found all Files at their end, and what stood unfinished there must be
// delivered too.
func (a *agent) drained() bool {
	if a.delivery.doubt.rereading() && a.tail.Report().Scans > 0 && a.tail.AtEnd() {
		a.delivery.doubt.caughtUp(a.log.Durable())
	}
	durable := a.ending.Load()
	switch {
	case durable != nil && !a.c.Delivery.DrainOnStop:
		return a.delivery.Acked() >= *durable && a.tail.LookedAgain()
	case durable == nil && !a.o.ExitWhenDrained:
		return false
	case durable == nil && a.o.Overtake:
		return a.tail.AtEnd() && a.tail.Report().Scans > 0 && a.overtaken(time.Now())
	}
	return a.tail.AtEnd() && a.delivery.Acked() >= a.log.Durable() && a.tail.Finished()
}

// leave lists what ends with this process. Nothing else will: so the space for that may be what RESERVE has.
func (a *agent) leave() error {
	return a.reserve.spend(func() error { return a.tail.Leave(time.Now()) })
}

// behind is how far Delivery may be behind when Intake ends for good.
const behind = 10 * time.Second

// overtaken is asked when all Files are at their end. Where containers print on, no scan would ever find the WAL empty: it
// is enough that Delivery had within moments what was durable when another scan found them so, and that one more, after a
// Flush, did. When Intake has ended, Delivery sends the rest. Before that nothing ends: the kubelet rotates logs away.
func (a *agent) overtaken(now time.Time) bool {
	m := &a.mark
	switch {
	case m.flushed:
		return a.tail.LookedAgain()
	case !m.at.IsZero() && a.delivery.Acked() < m.durable:
	case m.at.IsZero() || now.Sub(m.at) > behind:
		m.at, m.durable = now, a.log.Durable()
	default:
		m.flushed = true
		a.tail.Flush()
	}
	return false
}
