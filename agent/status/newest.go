package status

import (
	"net/http"
	"sync"
	"time"

	"logboom/checkpoint"
	"logboom/wal"
)

// maxNewest bounds what the page shows of the ledger, and of the dead letters.
const maxNewest = 100

// Newest is the body of /api/v1/ledger/newest.
type Newest struct {
	Entries int    `json:"entries"` // in the ledger
	Newest  []Loss `json:"newest"`  // at most 100, the newest first
}

// Loss is an entry of the ledger as the page shows it: without what else is known of the File.
type Loss struct {
	Time    time.Time  `json:"time"`
	Cause   string     `json:"cause"`
	Path    string     `json:"path"`
	Start   wal.Offset `json:"start"`
	End     wal.Offset `json:"end"`
	AtLeast bool       `json:"at_least"`
	Detail  string     `json:"detail"`
}

// newest serves the end of the ledger. It names files and ranges, as the Status does, and has no content.
func newest(losses func(func(checkpoint.Loss) error) error) http.Handler {
	return oneByOne("the ledger", func() (any, error) {
		n := 0
		var ring [maxNewest]Loss
		err := losses(func(l checkpoint.Loss) error {
			ring[n%maxNewest] = Loss{l.Time, l.Cause, l.File.Path, l.Start, l.End, l.AtLeast, l.Detail}
			n++
			return nil
		})
		answer := Newest{Entries: n, Newest: []Loss{}}
		for i := n - 1; i >= max(0, n-maxNewest); i-- {
			answer.Newest = append(answer.Newest, ring[i%maxNewest])
		}
		return answer, err
	})
}

// oneByOne serves what read returns, which is called once at a time: it looks at much of the disk. Nobody waits for somebody
// who is slow to take the answer.
func oneByOne(what string, read func() (any, error)) http.Handler {
	var one sync.Mutex // is held by who reads
	alone := func() (any, error) {
		one.Lock()
		defer one.Unlock()
		return read()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		answer, err := alone()
		if err != nil {
			http.Error(w, "read "+what+": "+err.Error(), http.StatusInternalServerError)
			return
		}
		serveJSON(w, answer)
	})
}

// Letter is a dead letter as the page shows it.
type Letter struct {
	Time   string `json:"time"`
	State  string `json:"state"` // refused | held
	Index  string `json:"index"`
	Type   string `json:"type"`
	Reason string `json:"reason"` // the backend's words
	Path   string `json:"path"`
	Line   string `json:"line"` // the beginning of it
}

// oldest serves the first dead letters, for those who may see lines. letters returns at most n.
func oldest(letters func(n int) ([]Letter, error)) http.Handler {
	return local(oneByOne("the dead letters", func() (any, error) {
		all, err := letters(maxNewest)
		return map[string]any{"oldest": append([]Letter{}, all...)}, err
	}))
}
