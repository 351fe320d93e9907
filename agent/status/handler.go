package status

import (
	"embed"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"logboom/checkpoint"
)

//go:embed page
var page embed.FS

// scrapes is how many scrapes of the metrics may run at a time.
const scrapes = 4

// Agent is what Handler asks, for each request and from several goroutines.
type Agent struct {
	Status      func() Status
	Files       func() []File // all, the worst first
	History     *History
	Live, Ready func() error
	Settings    func() any // the configuration in force, without secrets
	Losses      func(func(checkpoint.Loss) error) error
	Letters     func(n int) ([]Letter, error) // the oldest dead letters, at most n
}

// Handler serves what an agent says of itself. Nothing can be changed through it, and it shows no content of lines, but on
// the node itself.
//
//	/healthz         200 while the loops turn (live), 503 with the reason otherwise: a restart may help
//	/readyz          200 while logs are being secured (ready), 503 with the reason otherwise; the body tells of the backend
//	                 too, which does not count: logs are secured without it
//	/metrics         for Prometheus; all of a scrape comes from one Status
//	/api/v1/status   the Status as JSON; files=N for at most N Files in it
//	/api/v1/files    a part of all Files, see files.go
//	/api/v1/history  the last hour, see History
//	/api/v1/config   the configuration in force, secrets hidden
//	/                a page for people
//
//	/api/v1/ledger/newest       the newest entries of the ledger
//	/api/v1/deadletters/oldest  the first dead letters, with what the backend said: on the node only, see local
func Handler(a Agent) http.Handler {
	a.Status = alone(a.Status)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { health(w, a.Live(), "") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { health(w, a.Ready(), backend(a.Status().Delivery)) })
	mux.Handle("GET /metrics", metrics(a.Status))
	mux.HandleFunc("GET /api/v1/status", func(w http.ResponseWriter, r *http.Request) { serveStatus(w, r, a.Status()) })
	mux.HandleFunc("GET /api/v1/files", func(w http.ResponseWriter, r *http.Request) { serveFiles(w, r, a.Files()) })
	mux.Handle("GET /api/v1/history", a.History)
	mux.HandleFunc("GET /api/v1/config", func(w http.ResponseWriter, _ *http.Request) { serveJSON(w, a.Settings()) })
	mux.Handle("GET /api/v1/ledger/newest", newest(a.Losses))
	mux.Handle("GET /api/v1/deadletters/oldest", oldest(a.Letters))
	mux.Handle("GET /", files())
	return guarded(mux)
}

// alone makes a Status once at a time: of ten thousand Files it costs megabytes, and anybody may ask.
func alone(make func() Status) func() Status {
	var one sync.Mutex
	return func() Status {
		one.Lock()
		defer one.Unlock()
		return make()
	}
}

// health answers a probe in plain words.
func health(w http.ResponseWriter, problem error, more string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if problem != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintf(w, "not ok: %v\n%s", problem, more)
		return
	}
	io.WriteString(w, "ok\n"+more)
}

func backend(d Delivery) string {
	switch {
	case d.BackendUp && d.LastError == "":
		return "backend: reachable\n"
	case d.BackendUp:
		return "backend: reachable, but: " + d.LastError + "\n"
	case d.LastError == "":
		return "backend: not tried yet\n"
	}
	return "backend: unreachable: " + d.LastError + "\n"
}

func serveStatus(w http.ResponseWriter, r *http.Request, s Status) {
	most := MaxFiles
	if text := r.URL.Query().Get("files"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			http.Error(w, "files: want a number", http.StatusBadRequest)
			return
		}
		most = min(n, most)
	}
	s.Files = append([]File{}, s.Files[:min(len(s.Files), most)]...) // lists are [], never null
	s.Problems = append([]Problem{}, s.Problems...)
	serveJSON(w, s)
}

func metrics(source func() Status) http.Handler {
	r := prometheus.NewPedanticRegistry()
	r.MustRegister(&collector{source}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{MaxRequestsInFlight: scrapes})
}

func files() http.Handler {
	root, err := fs.Sub(page, "page")
	if err != nil {
		panic("BUG: the page is not embedded: " + err.Error())
	}
	return http.FileServerFS(root)
}

// guarded keeps the page from loading, or being framed by, anything but itself.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}
