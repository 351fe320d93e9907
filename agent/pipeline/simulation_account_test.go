package pipeline

import (
	"logboom/agent/status"
	"logboom/checkpoint"
	"logboom/wal"
)

// books are what the simulation itself knows of the bytes: the accounts must say the same.
type books struct {
	bytes     int64            // written into log files
	delivered []delivered      // Records that Delivery was given, by the present checkpoint
	backend   map[string]bool  // ids that are stored
	dead      map[string]int64 // bytes of the Events in the dead-letter store, by id
	total     status.Account   // as of the last audit
}

type delivered struct {
	index wal.Index
	file  wal.FileID
	end   wal.Offset
}

// listed is the WAL as Delivery reads it.
type listed struct {
	*wal.Log
	s *simulation
}

func (l listed) Next(after wal.Index, b *wal.Block) error {
	err := l.Log.Next(after, b)
	if err == nil {
		for _, r := range b.Records {
			l.s.delivered = append(l.s.delivered, delivered{b.Index, r.File.ID, r.End})
		}
	}
	return err
}

// audit checks that the account of every File adds up, and says what Delivery and the ledger say.
func (s *simulation) audit() {
	report, homes, err := s.a.accounts()
	s.must(err)
	files, total := settle(&report, &homes)
	for _, f := range append(files, status.File{Path: "all files", Account: total}) {
		a := f.Account
		if a.Known != a.Read+a.Unread+a.LostUnread || a.Read != a.Acked+a.Waiting+a.DeadLetters+a.Excluded+a.LostRead ||
			min(a.Known, a.Read, a.Unread, a.LostUnread, a.Acked, a.Waiting, a.DeadLetters, a.Excluded, a.LostRead) < 0 {
			s.wrong("the account of %s does not add up: %+v", f.Path, a)
		}
	}
	state, err := s.a.store.State()
	s.must(err)
	reach := map[wal.FileID]wal.Offset{}
	for _, d := range s.delivered {
		if d.index <= state.Acked {
			reach[d.file] = max(reach[d.file], d.end)
		}
	}
	for id, end := range reach {
		if home, known := homes.Files[id]; known && home.Reach != end { // or it is forgotten
			s.wrong("%d bytes of %s have their home, its account says %+v", end, id, home)
		}
	}
	if lost := homes.Lost[checkpoint.CauseDamaged]; lost != 0 {
		s.wrong("%d bytes are called damaged, and nothing is", lost)
	}
	if lost := sum(homes.Lost); lost != total.LostRead+total.LostUnread {
		s.wrong("%d bytes in the ledger, accounts %+v", lost, total)
	}
	s.total = total
}

func sum(lost map[string]int64) (n int64) {
	for _, bytes := range lost {
		n += bytes
	}
	return n
}

// closeBooks checks that what was written is what the accounts say at the end. A checkpoint that got lost knew more of what
// is gone.
func (s *simulation) closeBooks() {
	s.audit()
	if s.lostCheckpoints > 0 {
		return
	}
	want := s.total
	excluded, sure := s.excludedBytes()
	if want.Excluded < sure || want.Excluded > excluded {
		s.wrong("%d bytes were excluded, %d of them for certain; accounts %+v", excluded, sure, s.total)
	}
	read := s.bytes - excluded + want.Excluded
	want.Known, want.Read, want.Unread, want.Waiting = read, read, 0, 0
	want.Acked = s.bytes - excluded - want.DeadLetters - want.LostRead
	if s.total != want {
		s.wrong("accounts %+v, want %+v", s.total, want)
	}
	var dead int64
	for _, bytes := range s.dead {
		dead += bytes
	}
	if s.total.DeadLetters != dead {
		s.wrong("%d bytes of dead letters, accounts %+v", dead, s.total)
	}
}
