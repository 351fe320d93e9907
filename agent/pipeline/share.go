package pipeline

import (
	"sync"

	"logboom/checkpoint"
	"logboom/wal"
)

// shares keeps one pod from filling the WAL while the backend is away: over wal.max_pod_share of it, a pod waits in its own
// files, and the others go on. That binds only while the WAL is more than half full: a backlog that is no danger to anybody
// is not held back, and a pod that is alone on its node has at least half of the WAL.
//
// What a pod has in the WAL is what was appended of its Files and not acknowledged, as its part of the whole.
type shares struct {
	mu       sync.Mutex // guards all below
	most     float64    // of the WAL, 0 to 1
	used     int64      // bytes on the disk that wait: what is delivered and not removed yet is nobody's
	capacity int64
	files    map[wal.FileID]held // those with a backlog only
	pods     map[string]int64    // bytes of text
	total    int64
}

// held is what the WAL has of a File: [acked, end).
type held struct{ acked, end wal.Offset }

// newShares begins with nothing in the WAL.
func newShares(most float64) *shares {
	return &shares{most: most, files: map[wal.FileID]held{}, pods: map[string]int64{}}
}

// limit replaces the most of the WAL that a pod may hold.
func (s *shares) limit(most float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.most = most
}

// begin takes over what an earlier process left in the WAL.
func (s *shares) begin(r *wal.Recovery, state checkpoint.State) {
	for id, e := range r.Files {
		h := held{e.Start, e.End}
		if f, known := state.Files[id]; known {
			h.acked = max(h.acked, f.Offset)
		}
		s.set(e.File, h)
	}
}

// podOf names who shares: the pod, or a file that belongs to none.
func podOf(f *wal.File) string {
	if f.PodUID != "" {
		return f.PodUID
	}
	return f.Path
}

// measure notes how much the WAL holds that is not delivered, and how large it may get.
func (s *shares) measure(used, capacity int64) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used, s.capacity = used, capacity
}

// gathered notes that the Records of b go into the WAL.
func (s *shares) gathered(b *wal.Block) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range b.Records {
		r := &b.Records[i]
		h, known := s.files[r.File.ID]
		if !known {
			h.acked = r.Start
		}
		s.set(r.File, held{h.acked, r.End})
	}
}

// passed notes that nobody needs f before offset any more.
func (s *shares) passed(f *wal.File, offset wal.Offset) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if h, known := s.files[f.ID]; known {
		s.set(f, held{max(h.acked, offset), h.end}) // a Loss may end before what was delivered with it
	}
}

// set replaces what is held of f.
func (s *shares) set(f *wal.File, h held) {
	old := s.files[f.ID]
	bytes := max(0, int64(h.end-h.acked))
	change := bytes - max(0, int64(old.end-old.acked))
	pod := podOf(f)
	if s.pods[pod] += change; s.pods[pod] == 0 {
		delete(s.pods, pod)
	}
	s.total += change
	if s.files[f.ID] = h; bytes == 0 {
		delete(s.files, f.ID)
	}
}

// waits says that f's pod has its share.
func (s *shares) waits(f *wal.File) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over(s.pods[podOf(f)])
}

// waiting counts the pods that have.
func (s *shares) waiting() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, bytes := range s.pods {
		if s.over(bytes) {
			n++
		}
	}
	return n
}

func (s *shares) over(bytes int64) bool {
	return s.used > s.capacity/2 && s.total > 0 && float64(bytes)/float64(s.total)*float64(s.used) > s.most*float64(s.capacity)
}
