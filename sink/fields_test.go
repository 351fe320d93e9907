package sink

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// made returns the document that choice makes of e, decoded, and its _id. A key that stands twice is an error.
func made(t *testing.T, choice Fields, e *Event) (doc map[string]any, id string) {
	t.Helper()
	if err := choice.Check(); err != nil {
		t.Fatal(err)
	}
	_, idText, text := NewRenderer(choice).Render(e)
	noKeyTwice(t, json.NewDecoder(strings.NewReader(string(text))))
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return doc, string(idText)
}

// noKeyTwice reads one value: a server refuses a document with the same key twice.
func noKeyTwice(t *testing.T, d *json.Decoder) {
	t.Helper()
	token, err := d.Token()
	if err != nil {
		t.Fatal(err)
	}
	if token != json.Delim('{') {
		for token == json.Delim('[') && d.More() {
			noKeyTwice(t, d)
		}
		if token == json.Delim('[') {
			_, _ = d.Token()
		}
		return
	}
	seen := map[string]bool{}
	for d.More() {
		key, _ := d.Token()
		if seen[key.(string)] {
			t.Errorf("the key %s stands twice", key)
		}
		seen[key.(string)] = true
		noKeyTwice(t, d)
	}
	_, _ = d.Token()
}

func TestFieldsAreAddedAndDropped(t *testing.T) {
	f := testFile(1)
	f.Labels = map[string]string{"app": "web"}
	e := testEvents(f, 4)[3]
	e.Part = 2
	plain, id := made(t, Fields{}, &e)
	got, sameID := made(t, Fields{
		Add: map[string]string{"service.name": "shop", "event.dataset": "d", "log.level": "none", "host.name": "other",
			"kubernetes.labels.team": "t", "kubernetes.cluster": "c"},
		Drop: []string{"stream", "kubernetes.pod.uid", "kubernetes.node", "container", "log.file", "nothing.here"},
	}, &e)
	if id != sameID {
		t.Errorf("the _id changes with the fields: %s, %s", id, sameID)
	}
	want := maps.Clone(plain)
	delete(want, "stream")
	delete(want, "container")
	want["service"] = map[string]any{"name": "shop"}
	want["host"] = map[string]any{"name": "other"}
	want["event"].(map[string]any)["dataset"] = "d"
	want["log"] = map[string]any{"offset": 300.0, "level": "none"}
	k := want["kubernetes"].(map[string]any)
	delete(k, "node")
	delete(k["pod"].(map[string]any), "uid")
	k["cluster"] = "c"
	k["labels"].(map[string]any)["team"] = "t"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRedactionReachesEveryPlaceOfAMessage(t *testing.T) {
	const secret = "hunter2"
	choice := Fields{Redact: []Redaction{
		{regexp.MustCompile(`password=(\S)\S*`), []byte("password=$1***")},
		{regexp.MustCompile("user=[a-z]+"), []byte("user=somebody")},
	}}
	for name, message := range map[string]string{
		"text":       "user=alice password=hunter2",
		"not UTF-8":  "user=alice \xff password=hunter2",
		"very long":  strings.Repeat("user=alice password=hunter2 ", 10_000),
		"both twice": "password=hunter2user=bob password=hunter2",
	} {
		t.Run(name, func(t *testing.T) {
			e := testEvents(testFile(1), 1)[0]
			e.Message = []byte(message)
			b := newBody(newFileCache(&choice), 0)
			for _, plain := range []bool{false, true} {
				b.reset()
				b.addAs(&e, plain)
				_, doc, _ := strings.Cut(string(b.finish()), "\n")
				if strings.Contains(doc, secret) || strings.Contains(doc, "alice") {
					t.Errorf("it is sent: %.300s", doc)
				}
				original, _ := mapped(doc, "event", "original").(string)
				if plain {
					original, _ = mapped(original, "event", "original").(string)
				}
				if raw, err := base64.StdEncoding.DecodeString(original); err != nil || strings.Contains(string(raw), secret) {
					t.Errorf("it is in event.original: %q, %v", raw, err)
				}
				if message, _ := mapped(doc, "message").(string); !strings.Contains(message, "password=h***") {
					t.Errorf("message: %.200q", message)
				}
			}
			if string(e.Message) != message {
				t.Error("the Event itself was changed")
			}
		})
	}
}

// TestWithoutOwnIDsNothingIsLookedUp has the backend make ids, and loses an answer.
func TestWithoutOwnIDsNothingIsLookedUp(t *testing.T) {
	b := newBackend(t)
	b.script = func(n int, q *bulkRequest, w http.ResponseWriter) bool {
		if n == 0 {
			panic(http.ErrAbortHandler)
		}
		return false
	}
	made := 0
	b.item = func(n int, a action) string {
		if a.id != "" || strings.Contains(a.doc, "_id") {
			t.Errorf("action with an id: %+v", a)
		}
		made++
		return `{"create":{"status":201}}`
	}
	s := newSinkOf(t, Config{URLs: []string{b.url}, Fields: Fields{BackendIDs: true}})
	f, g := testFile(1), testFile(2)
	g.Route = "another"
	events := append(testEvents(f, 5), testEvents(g, 5)...)
	if r := mustSend(t, s, events); r.Stored != 10 || made != 10 || len(b.looks) > 0 {
		t.Errorf("%+v, %d stored, looked at %q", r, made, b.looks)
	}
}
