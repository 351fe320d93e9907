package status

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/pprof"

	"logboom/checkpoint"
)

// Private returns what agent.sock serves: all that public does, and what is nobody's business on the network. Content of
// other people's lines, and whatever changes something, belongs here and nowhere else; the caller adds its routes.
//
//	GET /api/v1/ledger   every Loss, oldest first, a line of JSON each
//	GET /debug/pprof/    profiles of the process
func Private(public http.Handler, ledger func(func(checkpoint.Loss) error) error) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("/", public)
	mux.HandleFunc("GET /api/v1/ledger", func(w http.ResponseWriter, _ *http.Request) { serveLedger(w, ledger) })
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// serveLedger cuts the connection where it can't go on, so that half a ledger is never taken for a whole one.
func serveLedger(w http.ResponseWriter, ledger func(func(checkpoint.Loss) error) error) {
	w.Header().Set("Content-Type", "application/x-ndjson")
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	begun := false
	err := ledger(func(l checkpoint.Loss) error {
		begun = true
		return e.Encode(l)
	})
	if err != nil && begun {
		panic(http.ErrAbortHandler)
	}
	if err != nil {
		http.Error(w, fmt.Sprintf("read the ledger: %v", err), http.StatusInternalServerError)
	}
}
