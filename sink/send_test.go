package sink

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestSendStoresEveryEvent(t *testing.T) {
	b := newBackend(t)
	s := newSink(t, b.url)
	r := mustSend(t, s, testEvents(testFile(1), 1000))
	if r.Stored != 1000 || r.Duplicate != 0 || r.Refused != nil || r.Retries != 0 {
		t.Fatalf("result %+v", r)
	}
	if len(b.docs) != 1000 || len(b.requests) != 1 {
		t.Fatalf("%d documents in %d requests", len(b.docs), len(b.requests))
	}
	if int(r.Bytes) != b.requests[0].wire {
		t.Errorf("Bytes %d, on the wire %d", r.Bytes, b.requests[0].wire)
	}
	if h := s.Health(); !h.Up || h.LastError != "" || h.Retrying != 0 || h.LastSuccess.IsZero() {
		t.Errorf("health %+v", h)
	}
}

// To go through a Batch is to parse it.
func TestEventsAreReadOnce(t *testing.T) {
	b := newBackend(t)
	events := passes{list: testEvents(testFile(1), 1000)}
	if r := mustSend(t, newSink(t, b.url), &events); r.Stored != 1000 || events.n != 1 {
		t.Fatalf("result %+v, %d passes", r, events.n)
	}
}

// passes counts how often its Events are gone through.
type passes struct {
	list
	n int
}

func (p *passes) Each(fn func(n int, e *Event) error) error {
	p.n++
	return p.list.Each(fn)
}

func TestSendAgainMakesNoDouble(t *testing.T) {
	b := newBackend(t)
	s := newSink(t, b.url)
	mustSend(t, s, testEvents(testFile(1), 50))
	r := mustSend(t, s, testEvents(testFile(1), 60))
	if r.Stored != 10 || r.Duplicate != 50 || len(b.docs) != 60 {
		t.Fatalf("result %+v, %d documents", r, len(b.docs))
	}
}

func TestEmptyBatchSendsNothing(t *testing.T) {
	b := newBackend(t)
	if r := mustSend(t, newSink(t, b.url), list{}); r.Stored != 0 || len(b.requests) != 0 {
		t.Fatalf("result %+v, %d requests", r, len(b.requests))
	}
}

// What an answer leaves in doubt is sent again, whole, and stored once.
func TestDoubtfulAnswersSettleNothing(t *testing.T) {
	cut := func(w http.ResponseWriter) { panic(http.ErrAbortHandler) }
	say := func(status int, body string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	ok := strings.Repeat(`,{"create":{"status":201}}`, 30)[1:]
	for name, answer := range map[string]func(http.ResponseWriter){
		"connection cut":      cut,
		"HTML":                say(200, "<html><body>Please log in</body></html>"),
		"nothing":             say(200, ""),
		"no content":          say(204, ""),
		"truncated":           say(200, `{"errors":false,"items":[`+ok),
		"one item too few":    say(200, `{"errors":false,"items":[`+ok[:len(ok)-26]+`]}`),
		"one item too many":   say(200, `{"errors":false,"items":[`+ok+`,{"create":{"status":201}}]}`),
		"no items":            say(200, `{"errors":false}`),
		"empty object":        say(200, `{}`),
		"array":               say(200, `[]`),
		"items without state": say(200, `{"errors":false,"items":[`+strings.Repeat(`,{"create":{}}`, 30)[1:]+`]}`),
		"text behind":         say(200, `{"errors":false,"items":[`+ok+`]} x`),
		"redirection": func(w http.ResponseWriter) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(302)
		},
		"short body": func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte(`{"errors":false,"items":[` + ok + `]}`))
			panic(http.ErrAbortHandler)
		},
	} {
		for _, stored := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/stored=%v", name, stored), func(t *testing.T) {
				b := newBackend(t)
				b.script = func(n int, q *bulkRequest, w http.ResponseWriter) bool {
					if n > 0 {
						return false
					}
					if stored {
						b.answer(n, q)
					}
					answer(w)
					return true
				}
				r := mustSend(t, newSink(t, b.url), testEvents(testFile(1), 30))
				want := Result{Stored: 30}
				if stored {
					want = Result{Duplicate: 30}
				}
				if r.Stored != want.Stored || r.Duplicate != want.Duplicate || len(r.Refused) > 0 || r.Retries != 1 {
					t.Errorf("result %+v", r)
				}
				if len(b.docs) != 30 {
					t.Errorf("%d documents", len(b.docs))
				}
				for _, q := range b.requests {
					if len(q.actions) != 30 || strings.Contains(q.uri, "elsewhere") {
						t.Errorf("%s with %d actions", q.uri, len(q.actions))
					}
				}
			})
		}
	}
}

// A status of the whole request never costs an Event.
func TestRefusedRequestsAreSentAgain(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404, 405, 408, 429, 500, 502, 503, 504, 507, 599} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			b := newBackend(t)
			s := newSink(t, b.url)
			b.script = func(n int, q *bulkRequest, w http.ResponseWriter) bool {
				if n >= 3 {
					if h := s.Health(); n == 3 && (h.Retrying != 1 || !strings.Contains(h.LastError, fmt.Sprint(status)) || h.Up != (status == 429)) {
						t.Errorf("health %+v", h)
					}
					return false
				}
				w.WriteHeader(status)
				_, _ = w.Write([]byte(`{"error":{"type":"some_exception","reason":"secret"},"status":1}`))
				return true
			}
			r := mustSend(t, s, testEvents(testFile(1), 30))
			if r.Stored != 30 || r.Retries != 3 {
				t.Errorf("result %+v", r)
			}
			if h := s.Health(); !h.Up || h.LastError != "" || h.Retrying != 0 || h.LastErrorAt.IsZero() {
				t.Errorf("health afterwards %+v", h)
			}
		})
	}
}

func TestOnlyWhatHasNoHomeIsSentAgain(t *testing.T) {
	b := newBackend(t)
	b.item = func(n int, a action) string {
		if n == 0 && strings.Contains(a.doc, `7"`) {
			return failure(429, "es_rejected_execution_exception", "busy")
		}
		return ""
	}
	r := mustSend(t, newSink(t, b.url), testEvents(testFile(1), 200))
	if r.Stored != 200 || r.Retries != 1 {
		t.Fatalf("result %+v", r)
	}
	if n := len(b.requests[1].actions); n != 20 {
		t.Errorf("%d actions in the second request", n)
	}
}

func TestPoisonIsRefusedAndTheRestStored(t *testing.T) {
	b := newBackend(t)
	b.item = func(n int, a action) string {
		if strings.Contains(a.doc, `"message 3"`) {
			return failure(400, "document_parsing_exception", "can't parse it")
		}
		return ""
	}
	r := mustSend(t, newSink(t, b.url), testEvents(testFile(1), 10))
	if r.Stored != 9 || len(r.Refused) != 1 || r.Retries != 0 {
		t.Fatalf("result %+v", r)
	}
	if want := (Refusal{N: 3, Type: "document_parsing_exception", Reason: "can't parse it"}); r.Refused[0] != want {
		t.Errorf("refusal %+v", r.Refused[0])
	}
}

// A verdict counts only when the whole answer is good.
func TestPoisonInATruncatedAnswerIsNotRefused(t *testing.T) {
	b := newBackend(t)
	b.script = func(n int, q *bulkRequest, w http.ResponseWriter) bool {
		if n > 0 {
			return false
		}
		_, _ = w.Write([]byte(`{"errors":true,"items":[` + failure(400, "mapper_parsing_exception", "") + `,{"create":{"sta`))
		return true
	}
	if r := mustSend(t, newSink(t, b.url), testEvents(testFile(1), 10)); r.Stored != 10 || len(r.Refused) > 0 {
		t.Errorf("%+v", r)
	}
}

// A template that fits nothing is not the Events' fault: nothing is refused, and all is stored once it is put right.
func TestMostlyPoisonIsHeld(t *testing.T) {
	for _, c := range []struct{ total, poison, refused int }{
		{20, 10, 10}, {20, 11, 0}, {19, 19, 19}, {1000, 501, 0}, {1000, 500, 500},
	} {
		b := newBackend(t)
		s := newSink(t, b.url)
		b.item = func(n int, a action) string {
			var at int
			_, _ = fmt.Sscanf(a.doc[strings.Index(a.doc, `"message `):], `"message %d"`, &at)
			if n < 3 && at < c.poison {
				return failure(400, "mapper_parsing_exception", "")
			}
			return ""
		}
		r := mustSend(t, s, testEvents(testFile(1), c.total))
		if len(r.Refused) != c.refused || r.Stored != c.total-c.refused {
			t.Errorf("%+v: %d stored, %d refused", c, r.Stored, len(r.Refused))
		}
	}
}

func TestTooLongRequestsAreSplit(t *testing.T) {
	b := newBackend(t)
	tooLong := 0
	b.script = func(n int, q *bulkRequest, w http.ResponseWriter) bool {
		if len(q.actions) <= 9 {
			return false
		}
		tooLong++
		w.WriteHeader(413)
		return true
	}
	s := newSink(t, b.url)
	if r := mustSend(t, s, testEvents(testFile(1), 100)); r.Stored != 100 || r.Retries != 0 {
		t.Fatalf("%+v", r)
	}
	if tooLong > 7 || len(b.requests) > 30 {
		t.Errorf("%d requests, %d too long", len(b.requests), tooLong)
	}
	tooLong = 0
	if r := mustSend(t, s, testEvents(testFile(2), 100)); r.Stored != 100 || tooLong > 0 {
		t.Errorf("the next Batch: %+v, %d requests too long", r, tooLong)
	}
}

func TestOneDocumentThatIsTooLongIsRefused(t *testing.T) {
	b := newBackend(t)
	b.script = func(n int, q *bulkRequest, w http.ResponseWriter) bool {
		for _, a := range q.actions {
			if strings.Contains(a.doc, `"message 777"`) {
				w.WriteHeader(413)
				return true
			}
		}
		return false
	}
	r := mustSend(t, newSink(t, b.url), testEvents(testFile(1), 1000))
	if want := (Refusal{N: 777, Type: "request_too_large", Reason: "the backend answered 413"}); r.Stored != 999 || len(r.Refused) != 1 || r.Refused[0] != want {
		t.Fatalf("%+v", r)
	}
	if len(b.requests) > 150 {
		t.Errorf("%d requests for one long Event", len(b.requests))
	}
}

// A backend may refuse a whole request because of one index in it.
func TestOneBadIndexDoesNotStopTheOthers(t *testing.T) {
	b := newBackend(t)
	b.script = func(n int, q *bulkRequest, w http.ResponseWriter) bool {
		for _, a := range q.actions {
			if a.index == "bad" && n < 6 {
				w.WriteHeader(403)
				return true
			}
		}
		return false
	}
	var events list
	for i, index := range []string{"bad", "good", "better", "bad"} {
		f := testFile(i)
		f.Route = index
		events = append(events, testEvents(f, 10)...)
	}
	r := mustSend(t, newSink(t, b.url), events)
	if r.Stored != 40 {
		t.Fatalf("%+v", r)
	}
	for i, want := range []int{40, 20, 10, 10, 20, 20, 20} {
		if got := len(b.requests[i].actions); got != want {
			t.Errorf("request %d has %d actions, want %d", i, got, want)
		}
	}
}

// A proxy that finds everything too long must not turn a node's logs into dead letters.
func TestEverythingTooLongIsHeld(t *testing.T) {
	b := newBackend(t)
	b.script = func(n int, q *bulkRequest, w http.ResponseWriter) bool {
		if n >= 70+2*64 { // down to one document, each of 64, and twice again
			return false
		}
		w.WriteHeader(413)
		return true
	}
	if r := mustSend(t, newSink(t, b.url), testEvents(testFile(1), 64)); r.Stored != 64 || len(r.Refused) != 0 {
		t.Fatalf("result %+v", r)
	}
}

func TestCancelIsPromptWhileBackingOff(t *testing.T) {
	b := newBackend(t)
	b.script = func(n int, q *bulkRequest, w http.ResponseWriter) bool {
		w.Header().Set("Retry-After", "200")
		w.WriteHeader(503)
		return true
	}
	s := newSink(t, b.url)
	ctx, cancel := context.WithCancel(t.Context())
	sent := make(chan error, 1)
	go func() {
		_, err := s.Send(ctx, testEvents(testFile(1), 3))
		sent <- err
	}()
	for s.Health().LastError == "" {
		time.Sleep(time.Millisecond)
	}
	cancel()
	start := time.Now()
	if err := <-sent; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("took %v", took)
	}
	if h := s.Health(); h.Up || h.LastError == "" || h.Retrying != 0 {
		t.Errorf("health %+v", h)
	}
}

func TestFailedReadEndsSend(t *testing.T) {
	broken := errors.New("broken")
	b := newBackend(t)
	_, err := newSink(t, b.url).Send(t.Context(), eachFails{broken})
	if !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	if len(b.requests) != 0 {
		t.Errorf("%d requests", len(b.requests))
	}
}

type eachFails struct{ err error }

func (e eachFails) Each(func(int, *Event) error) error { return e.err }

// Whatever mix of answers comes, in the end the backend has every Event once, or it was refused once.
func TestEveryEventFindsExactlyOneHome(t *testing.T) {
	for range 60 {
		seed := rand.Uint64()
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { oneHome(t, seed) })
	}
}

func oneHome(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 0))
	b := newBackend(t)
	refused := map[string]int{} // poison, by key: how often said
	b.item = func(n int, a action) string {
		bad := a.id[len(a.id)-1] == 'A' && a.id[len(a.id)-2] < 'C'
		switch x := rnd.IntN(100); {
		case bad:
			refused[a.key()]++
			return failure(400, "document_parsing_exception", a.doc)
		case x < 10:
			return failure(429, "es_rejected_execution_exception", "")
		case x < 15:
			return failure(503, "unavailable_shards_exception", "")
		case x < 20:
			return failure(403, "cluster_block_exception", "")
		case x < 22:
			return failure(400, "validation_exception", "too many shards")
		case x < 24:
			return failure(404, "index_not_found_exception", "")
		}
		return ""
	}
	b.script = func(n int, q *bulkRequest, w http.ResponseWriter) bool {
		switch x := rnd.IntN(20); {
		case x == 0:
			w.WriteHeader([]int{429, 503, 401, 403, 400, 302}[rnd.IntN(6)])
		case x == 1:
			b.answer(n, q)
			panic(http.ErrAbortHandler)
		case x == 2:
			text := b.answer(n, q)
			_, _ = w.Write([]byte(text[:rnd.IntN(len(text))]))
		case x == 3:
			_, _ = w.Write([]byte("<html>"))
		case len(q.actions) > 150:
			w.WriteHeader(413)
		default:
			return false
		}
		return true
	}
	var events list
	for i := range 1 + rnd.IntN(4) {
		events = append(events, testEvents(testFile(i), rnd.IntN(200))...)
	}
	s := newSink(t, b.url)
	r := mustSend(t, s, events)
	if got := r.Stored + r.Duplicate + len(r.Refused); got != len(events) {
		t.Errorf("%d of %d Events have a home: %+v", got, len(events), r)
	}
	home := map[string]bool{}
	for _, f := range r.Refused {
		key := "logs-test-default/" + idOf(&events[f.N])
		if home[key] || refused[key] == 0 {
			t.Errorf("Event %d refused twice or for nothing", f.N)
		}
		home[key] = true
	}
	for i := range events {
		key := "logs-test-default/" + idOf(&events[i])
		if _, stored := b.docs[key]; stored == home[key] {
			t.Errorf("Event %d: stored %v, refused %v", i, stored, home[key])
		}
	}
	if len(b.docs) != r.Stored+r.Duplicate || r.Duplicate > b.doubles {
		t.Errorf("%d documents, %d doubles, %+v", len(b.docs), b.doubles, r)
	}
}

func idOf(e *Event) string {
	t := newFileText(e.File, &Fields{})
	id := string(t.appendRest(append([]byte(nil), t.head...), e.Offset, e.Sum))
	return strings.TrimPrefix(id, actionStart)
}

// A document in the failure store is stored, and a person should know.
func TestFailureStoreIsCounted(t *testing.T) {
	b := newBackend(t)
	b.item = func(n int, a action) string {
		b.docs[a.key()] = a.doc
		if strings.Contains(a.doc, `"message 3"`) {
			return `{"create":{"status":201,"failure_store":"used"}}`
		}
		return `{"create":{"status":201,"failure_store":"not_enabled"}}`
	}
	if r := mustSend(t, newSink(t, b.url), testEvents(testFile(1), 10)); r.Stored != 10 || r.FailureStore != 1 {
		t.Errorf("%+v", r)
	}
}
