package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault says how some of the next requests are answered wrongly. README.md has examples.
type Fault struct {
	Path   string     `json:"path"`   // requests whose path contains it; "" means _bulk
	Skip   int        `json:"skip"`   // so many of them pass unharmed first
	Count  int        `json:"count"`  // so many are hit then; 0 means 1
	Stored bool       `json:"stored"` // the request is carried out although its answer goes wrong
	Delay  Duration   `json:"delay"`  // before anything else
	Hang   Duration   `json:"hang"`   // no answer for so long, or until the client goes; then the connection is cut
	Status int        `json:"status"` // of the whole request
	Type   string     `json:"type"`   // of the error; "" means the usual one for the status
	Reason string     `json:"reason"`
	Items  *ItemFault `json:"items"`  // of some items of a bulk request
	Answer string     `json:"answer"` // cut | html | garbage | empty, or of what was carried out: half | short
}

// ItemFault spoils every Every-th item of a bulk request, beginning with the one at place First; with Field, only documents
// that have it, as a mapping does.
type ItemFault struct {
	Every  int    `json:"every"` // 0 means every one
	First  int    `json:"first"`
	Field  string `json:"field"` // such as kubernetes.labels.app
	Status int    `json:"status"`
	Type   string `json:"type"`
	Reason string `json:"reason"`
	Stored bool   `json:"stored"` // the item is stored although its answer says otherwise
}

func (f *ItemFault) hits(i int, source []byte) bool {
	return f != nil && i >= f.First && (i-f.First)%max(f.Every, 1) == 0 && (f.Field == "" || hasField(source, f.Field))
}

// hasField says whether a document has a field, whose name may lead through objects.
func hasField(source []byte, name string) bool {
	var here map[string]json.RawMessage
	if json.Unmarshal(source, &here) != nil {
		return false
	}
	first, rest, deeper := strings.Cut(name, ".")
	value, there := here[first]
	return there && (!deeper || hasField(value, rest))
}

// Duration is written like "1.5s".
type Duration time.Duration

// UnmarshalJSON reads a duration.
func (d *Duration) UnmarshalJSON(data []byte) error {
	v, err := time.ParseDuration(strings.Trim(string(data), `"`))
	*d = Duration(v)
	return err
}

// MarshalJSON writes what UnmarshalJSON reads.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(d).String()) }

// maxFaults bounds the script.
const maxFaults = 1000

// faults is the script: the first entry that matches a request decides.
type faults struct {
	mu   sync.Mutex // guards list
	list []Fault
}

// take returns the fault that hits the next request for path.
func (s *faults) take(path string) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.list {
		f := &s.list[i]
		if !strings.Contains(path, f.Path) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			return Fault{}, false
		}
		hit := *f
		if f.Count--; f.Count == 0 {
			s.list = slices.Delete(s.list, i, i+1)
		}
		return hit, true
	}
	return Fault{}, false
}

// serve shows, extends (POST, one fault or a list) or empties (DELETE) the script.
func (s *faults) serve(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPost:
		added, err := readFaults(r.Body)
		if err == nil {
			err = s.add(added)
		}
		if err != nil {
			replyError(w, r, illegalArgument("%v", err))
			return
		}
	case http.MethodDelete:
		s.mu.Lock()
		s.list = nil
		s.mu.Unlock()
	case http.MethodGet:
	default:
		unknownPath(w, r)
		return
	}
	s.mu.Lock()
	left := slices.Clone(s.list)
	s.mu.Unlock()
	reply(w, r, http.StatusOK, object{"faults": append([]Fault{}, left...)})
}

func (s *faults) add(list []Fault) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list)+len(list) > maxFaults {
		return fmt.Errorf("more than %d faults", maxFaults)
	}
	s.list = append(s.list, list...)
	return nil
}

func readFaults(body io.Reader) ([]Fault, error) {
	data, err := io.ReadAll(io.LimitReader(body, 1<<20))
	if err != nil {
		return nil, err
	}
	if data = bytes.TrimSpace(data); !bytes.HasPrefix(data, []byte{'['}) {
		data = slices.Concat([]byte{'['}, data, []byte{']'})
	}
	in := json.NewDecoder(bytes.NewReader(data))
	in.DisallowUnknownFields()
	var list []Fault
	if err := in.Decode(&list); err != nil {
		return nil, err
	}
	for i := range list {
		if err := list[i].complete(); err != nil {
			return nil, fmt.Errorf("fault %d: %w", i+1, err)
		}
	}
	return list, nil
}

func (f *Fault) complete() error {
	if f.Path == "" {
		f.Path = "_bulk"
	}
	f.Count = max(f.Count, 1)
	switch f.Answer {
	case "", "cut", "half", "html", "garbage", "empty", "short":
	default:
		return fmt.Errorf("answer %q: want cut, half, html, garbage, empty or short", f.Answer)
	}
	if f.Status != 0 && (f.Status < 200 || f.Status > 599) {
		return fmt.Errorf("status %d: want 200 to 599", f.Status)
	}
	f.Type, f.Reason = usual(f.Status, f.Type, f.Reason)
	if t := f.Items; t != nil {
		if t.Status < 200 || t.Status > 599 {
			return fmt.Errorf("items.status %d: want 200 to 599", t.Status)
		}
		t.Type, t.Reason = usual(t.Status, t.Type, t.Reason)
	}
	return nil
}

// usual fills in the error type that a real server most often gives with a status.
func usual(status int, typ, reason string) (string, string) {
	if typ == "" {
		typ = map[int]string{
			400: "mapper_parsing_exception", 401: "security_exception", 403: "cluster_block_exception",
			404: "index_not_found_exception", 409: "version_conflict_engine_exception",
			429: "es_rejected_execution_exception", 503: "unavailable_shards_exception",
		}[status]
	}
	if typ == "" {
		typ = "exception"
	}
	if reason == "" {
		reason = "scripted fault"
	}
	return typ, reason
}

// misbehave answers r as f says.
func (s *Server) misbehave(w http.ResponseWriter, r *http.Request, f Fault) {
	if !wait(r.Context(), time.Duration(f.Delay)) {
		return
	}
	answer := &recorder{header: http.Header{}, status: http.StatusOK}
	if f.carriedOut() {
		s.route(answer, r, f.Items)
	} else {
		io.Copy(io.Discard, r.Body)
	}
	if f.Hang > 0 {
		wait(r.Context(), time.Duration(f.Hang))
		panic(http.ErrAbortHandler)
	}
	if f.Status != 0 {
		replyError(w, r, &failure{status: f.Status, typ: f.Type, reason: f.Reason})
		return
	}
	answer.send(w, f.Answer)
}

// carriedOut says whether the request does its work before its answer goes wrong.
func (f *Fault) carriedOut() bool {
	if f.Stored {
		return true
	}
	return f.Status == 0 && f.Hang == 0 && (f.Answer == "" || f.Answer == "half" || f.Answer == "short")
}

// wait returns false when the client went before d was over.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// recorder holds an answer back.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *recorder) Header() http.Header         { return a.header }
func (a *recorder) WriteHeader(status int)      { a.status = status }
func (a *recorder) Write(p []byte) (int, error) { return a.body.Write(p) }

// send sends the answer, damaged as how says.
func (a *recorder) send(w http.ResponseWriter, how string) {
	body := a.body.Bytes()
	for name, values := range a.header {
		w.Header()[name] = values
	}
	switch how {
	case "cut":
		panic(http.ErrAbortHandler)
	case "half":
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(a.status)
		w.Write(body[:len(body)/2])
		panic(http.ErrAbortHandler)
	case "html":
		w.Header().Set("Content-Type", "text/html")
		body = []byte("<html><body><h1>502 Bad Gateway</h1></body></html>\n")
	case "garbage":
		body = []byte(`{"took":1,"errors":fal` + "\x00\xff")
	case "empty":
		body = nil
	case "short":
		body = dropLastItem(body)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(a.status)
	w.Write(body)
}

// dropLastItem takes the last item out of the answer of a bulk request.
func dropLastItem(body []byte) []byte {
	var answer map[string]json.RawMessage
	var items []json.RawMessage
	if json.Unmarshal(body, &answer) != nil || json.Unmarshal(answer["items"], &items) != nil || len(items) == 0 {
		return body
	}
	rest, err := json.Marshal(items[:len(items)-1])
	if err != nil {
		return body
	}
	answer["items"] = rest
	out, err := json.Marshal(answer)
	if err != nil {
		return body
	}
	return out
}
