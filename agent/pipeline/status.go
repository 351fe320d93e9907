package pipeline

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"logboom/agent/config"
	"logboom/agent/status"
	"logboom/sink"
)

// stalled is how long a loop may take for one turn before it counts as stuck. An fsync on a failing disk takes long.
const stalled = time.Minute

// soon is when a buffer that fills is worth a warning, in seconds.
const soon = 24 * 3600

// maxUnreadable bounds the problems that are files which can't be read: thousands may have one cause.
const maxUnreadable = 10

// status says how things stand.
func (a *agent) status() status.Status {
	standing := a.intake.standing()
	logStats, health := a.log.Stats(), a.sink.Health()
	report, delivered, err := a.accounts()
	files, total := settle(&report, &delivered)
	d := a.delivery
	s := status.Status{
		Version: a.o.Version, Node: a.c.NodeName, Started: a.started, Now: time.Now(),
		Intake: status.Intake{ReadBytes: report.ReadBytes, Records: report.Records, LastStep: nanos(a.intake.lastStep.Load()),
			Blocked: standing.why, BlockedBy: standing.reason, Pins: report.Pins, PinBytes: report.PinBytes,
			PinMaxBytes: int64(a.conf.Load().Pins.MaxSize), OpenFiles: report.Open, UnreadBytes: report.Unread, RefusedLinks: report.Refused,
			Waiting: a.shares.waiting()},
		WAL: status.WAL{Bytes: logStats.Bytes, MaxBytes: int64(a.conf.Load().WAL.MaxSize), Segments: logStats.Segments,
			LastIndex: uint64(logStats.LastIndex), Durable: uint64(logStats.Durable), WrittenBytes: logStats.WrittenBytes, Syncs: logStats.Syncs,
			Failures: logStats.Failures, LastError: logStats.LastError, OldestBlock: logStats.OldestBlock,
			Room: a.roomLeft(logStats.Bytes), OnFull: string(a.conf.Load().WAL.OnFull)},
		Delivery: status.Delivery{Acked: uint64(d.Acked()), Stored: d.stored.Load(), Duplicates: d.duplicates.Load(),
			DeadLetters: d.deadLetters.Load(), AckedBytes: d.ackedBytes.Load(), Retries: d.retries.Load(), SentBytes: d.sent.Load(),
			InFlight: int(d.inFlight.Load()), Parallel: health.Parallel, Plain: d.plain.Load(), FailureStore: d.failureStore.Load(),
			LastAck: nanos(d.lastAck.Load()), LastStep: nanos(d.lastStep.Load()),
			LastError: health.LastError, LastErrorAt: health.LastErrorAt, NextRetry: health.NextRetry, BackendUp: health.Up},
		Letters: status.Letters{Refused: a.letters.refusedLetters.Load(), Held: a.letters.heldLetters.Load(), Resent: d.post.stored.Load(),
			Bytes: a.deadLog.Stats().Bytes, MaxBytes: int64(a.conf.Load().Dead.MaxSize)},
		Metadata: a.metadata(),
		Files:    files, FileCount: report.Count, Account: total, Lost: delivered.Lost,
	}
	if err != nil {
		s.Delivery.LastError = err.Error()
	}
	if problem := d.problem.Load(); problem != nil {
		s.Delivery.LastError = *problem
	}
	s.WAL.FullIn = int64(a.history.FullIn(s.Now, s.WAL.Room, min(4*int64(a.c.WAL.SegmentSize), s.WAL.MaxBytes/50), a.limits()) / time.Second)
	s.Problems = problems(&s)
	return s
}

// roomLeft is what the WAL may grow by when it has so many bytes: up to max_size, and down to min_free of the volume.
func (a *agent) roomLeft(used int64) int64 {
	c := a.conf.Load()
	room := int64(c.WAL.MaxSize) - used
	if free, total, err := volume(c.DataDir); err == nil {
		room = min(room, free-c.WAL.MinFree.Of(total))
	}
	return max(0, room)
}

// limits is a number for what roomLeft reckons with, which SIGHUP may change.
func (a *agent) limits() int64 {
	w := &a.conf.Load().WAL
	return int64(w.MaxSize) - w.MinFree.Of(1<<50)
}

// sample is how things stand, as the charts show it, once the log folders were looked at: what is found there first was not
// written just now.
func (a *agent) sample() (s status.Sample, ok bool) {
	report, logStats, now := a.tail.Report(), a.log.Stats(), time.Now()
	if report.Scans == 0 {
		return s, false
	}
	s = status.Sample{Time: now, Written: report.Written, Read: report.ReadBytes, Acked: a.delivery.ackedBytes.Load(), Unread: report.Unread, WAL: logStats.Bytes,
		Room: a.roomLeft(logStats.Bytes), Limits: a.limits(), Up: answers(a.sink.Health()), Blocked: a.intake.Blocked() != ""}
	if !logStats.OldestBlock.IsZero() {
		s.Age = int64(max(0, now.Sub(logStats.OldestBlock)) / time.Second)
	}
	return s, true
}

// answers says whether the backend does, as far as it was asked.
func answers(h sink.Health) bool { return h.Up || h.LastError == "" }

func nanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n)
}

// problems puts what is wrong into words, the worst first.
func problems(s *status.Status) []status.Problem {
	var all []status.Problem
	add := func(severity, what, do string) {
		all = append(all, status.Problem{Severity: severity, What: what, Do: do})
	}
	for _, cause := range slices.SortedFunc(maps.Keys(s.Lost), func(x, y string) int {
		return cmp.Or(cmp.Compare(s.Lost[y], s.Lost[x]), cmp.Compare(x, y))
	}) {
		if n := s.Lost[cause]; n > 0 {
			add("loss", fmt.Sprintf("%s of logs were lost (%s)", status.Size(n), cause), "logboom ledger says which")
		}
	}
	if s.Intake.Blocked != "" {
		add("stuck", "reading stands still: "+s.Intake.Blocked, "free space, raise the limit, or bring the backend back; the log files wait meanwhile")
	}
	if !s.Delivery.BackendUp && s.Delivery.LastError != "" {
		add("stuck", "the backend takes nothing: "+s.Delivery.LastError, "see that it runs and can be reached from here (logboom check says); logs are safe in the WAL meanwhile")
	}
	if s.Delivery.BackendUp && s.Delivery.LastError != "" {
		severity := "warning"
		if still(s) {
			severity = "stuck"
		}
		add(severity, "the backend answers, but: "+s.Delivery.LastError, "it is tried again until it goes; logs are safe in the WAL meanwhile")
	}
	if n := s.WAL.FullIn; n > 0 && n < soon {
		then := "then reading stops, and the log files wait where they are"
		if s.WAL.OnFull == string(config.DropOldest) {
			then = "then the oldest logs are given up (wal.on_full)"
		}
		add("warning", "the buffer is full in about "+roughly(n)+", if it goes on like this", "bring the backend back, free space, or raise wal.max_size; "+then)
	}
	if n := s.Intake.Waiting; n > 0 {
		add("warning", fmt.Sprintf("%d pods have their share of the WAL (wal.max_pod_share) and wait in their own files", n),
			"bring the backend back, or make the WAL larger; the others go on meanwhile")
	}
	if s.Letters.Held > 0 {
		add("warning", fmt.Sprintf("%d events are held, for their index takes nothing while others do", s.Letters.Held),
			"logboom deadletter ls says which and why; they are sent again by themselves when it takes documents")
	}
	if s.Letters.Refused > 0 {
		add("warning", fmt.Sprintf("%d events were refused by the backend and are kept as dead letters", s.Letters.Refused),
			"logboom deadletter ls says why; logboom deadletter replay sends them again when the mapping is put right")
	}
	if s.Delivery.Plain > 0 {
		add("warning", fmt.Sprintf("%d events were stored in plain form: the mapping refuses the whole document", s.Delivery.Plain),
			"search for tags:_logboom_plain, and put the mapping right")
	}
	if s.Delivery.FailureStore > 0 {
		add("warning", fmt.Sprintf("%d events went to the failure store of their data stream: its mapping refuses them", s.Delivery.FailureStore),
			"look there with GET <data stream>::failures/_search, and put the mapping right")
	}
	if !s.Intake.Pins {
		add("warning", "no hard links protect rotated files; open descriptors do, until the agent is killed",
			"put data_dir under the same mount as the logs")
	}
	for _, fault := range s.Metadata.Faults {
		add("warning", "annotation "+fault, "the pod's owner puts it right; its logs are read as if it were not there")
	}
	if s.Metadata.Error != "" {
		add("warning", fmt.Sprintf("the Kubernetes API does not tell of pods: %s", s.Metadata.Error),
			"logboom check says what is missing; "+fate(s.Metadata.ExcludesUnknown))
	}
	if s.Metadata.Namespaces != "" {
		add("warning", "documents lack labels of their namespaces: "+s.Metadata.Namespaces, "logboom check says what is missing; logs are read all the same")
	}
	if !s.Metadata.Asked && s.Metadata.ExcludesUnknown {
		add("warning", "the Kubernetes API is not asked about pods, so none is known, and their new logs are not read (metadata.exclude_unknown)",
			"set metadata.source to api, or run in a cluster")
	}
	unreadable, doubtful := 0, 0
	for _, f := range s.Files {
		if f.Error != "" {
			if unreadable++; unreadable <= maxUnreadable {
				add("warning", fmt.Sprintf("can't read %s: %s", f.Path, f.Error), "")
			}
		} else if f.Doubt != "" {
			if doubtful++; doubtful <= maxUnreadable {
				add("warning", fmt.Sprintf("%s: %s", f.Path, f.Doubt), "all that could be read of it is delivered; no loss is known of")
			}
		}
	}
	if more := unreadable - maxUnreadable; more > 0 {
		add("warning", fmt.Sprintf("can't read %d more files", more), "the list of log files has them first")
	}
	if more := doubtful - maxUnreadable; more > 0 {
		add("warning", fmt.Sprintf("%d more files are damaged at their end", more), "the list of log files says which")
	}
	return all
}

// fate says what becomes of the logs of pods of which the API does not tell.
func fate(excluded bool) string {
	if excluded {
		return "logs of new pods are not read meanwhile (metadata.exclude_unknown), all others are secured"
	}
	return "logs are secured all the same, those of new pods without labels"
}

// still says that nothing was acknowledged for a while, though something waits.
func still(s *status.Status) bool {
	return !s.WAL.OldestBlock.IsZero() && s.Now.Sub(s.WAL.OldestBlock) > stalled && s.Now.Sub(s.Delivery.LastAck) > stalled
}

// roughly says a time as people do.
func roughly(seconds int64) string {
	switch {
	case seconds < 120:
		return fmt.Sprintf("%d seconds", seconds)
	case seconds < 2*3600:
		return fmt.Sprintf("%d minutes", (seconds+30)/60)
	}
	return fmt.Sprintf("%d hours", (seconds+1800)/3600)
}

// live says whether both loops turn.
func (a *agent) live() error {
	now := time.Now()
	for name, last := range map[string]int64{"intake": a.intake.lastStep.Load(), "delivery": a.delivery.lastStep.Load()} {
		if d := now.Sub(nanos(last)); last != 0 && d > stalled {
			return fmt.Errorf("the %s loop has not turned for %s", name, d.Round(time.Second))
		}
	}
	return nil
}

// ready says whether logs are being secured: a backend that is down does not hinder that.
func (a *agent) ready() error {
	if a.tail.Report().Scans == 0 {
		return errors.New("the log folders have not been looked at yet")
	}
	if why := a.intake.Blocked(); why != "" {
		return errors.New(why)
	}
	return nil
}
