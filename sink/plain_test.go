package sink

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// mapped is what a document of a table has where a mapping looks, nil for nothing.
func mapped(doc string, path ...string) (v any) {
	_ = json.Unmarshal([]byte(doc), &v)
	for _, name := range path {
		object, _ := v.(map[string]any)
		v = object[name]
	}
	return v
}

func TestWhatAMappingRefusesIsStoredInPlainForm(t *testing.T) {
	const parse = "document_parsing_exception"
	object := func(path ...string) func(string) bool { // mapped as text
		return func(doc string) bool { _, is := mapped(doc, path...).(map[string]any); return is }
	}
	there := func(path ...string) func(string) bool {
		return func(doc string) bool { return mapped(doc, path...) != nil }
	}
	for name, c := range map[string]struct {
		typ, reason string
		refuses     func(doc string) bool
		plain       bool // takes the plain form
	}{
		"host is a string":          {parse, "failed to parse field [host] of type [text]", object("host"), true},
		"log is a string":           {parse, "", object("log"), true},
		"a label is a number":       {"mapper_parsing_exception", "failed to parse field [kubernetes.labels.app]", there("kubernetes", "labels", "app"), true},
		"too many fields":           {"illegal_argument_exception", "Limit of total fields [1000] has been exceeded", there("kubernetes"), true},
		"strict, with ECS's root":   {"strict_dynamic_mapping_exception", "", there("stream"), true},
		"strict, without":           {"strict_dynamic_mapping_exception", "", there("stream"), false},
		"message is a number":       {parse, "failed to parse field [message] of type [long]", there("message"), false},
		"message is a keyword":      {"illegal_argument_exception", "Document contains at least one immense term", there("message"), false},
		"no timestamp can be right": {parse, "failed to parse field [@timestamp]", there("@timestamp"), false},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBackend(t)
			refusals := 0
			b.item = func(n int, a action) string {
				if strings.Contains(a.doc, `"message 3`) && (c.refuses(a.doc) || !c.plain && mapped(a.doc, "tags") != nil) {
					refusals++
					return failure(400, c.typ, c.reason)
				}
				return ""
			}
			f := testFile(1)
			f.Labels = map[string]string{"app": "web"}
			events := testEvents(f, 10)
			whole, _ := rendered(t, &events[3])
			r := mustSend(t, newSink(t, b.url), events)
			doc, stored := b.docs["logs-test-default/"+whole["create"].(map[string]any)["_id"].(string)]
			if !c.plain {
				if r.Stored != 9 || r.Plain != 0 || stored || refusals != 2 ||
					len(r.Refused) != 1 || r.Refused[0] != (Refusal{N: 3, Type: c.typ, Reason: c.reason}) {
					t.Fatalf("%+v, refused %d times, stored %v", r, refusals, stored)
				}
				return
			}
			if r.Stored != 10 || r.Plain != 1 || len(r.Refused) > 0 || r.Retries != 0 || refusals != 1 {
				t.Fatalf("%+v, refused %d times", r, refusals)
			}
			if mapped(doc, "message") != "message 3" || mapped(doc, "@timestamp") != string(events[3].Time) || !strings.Contains(doc, `"tags":["_logboom_plain"]`) {
				t.Errorf("stored as %s", doc)
			}
			if refused, _ := mapped(doc, "event", "original").(string); mapped(refused, "kubernetes", "labels", "app") != "web" ||
				mapped(refused, "log", "offset") != 300.0 || mapped(refused, "event", "sequence") != 300.0 || mapped(refused, "stream") != "stdout" {
				t.Errorf("what was refused is not in %s", doc)
			}
			if again := mustSend(t, newSink(t, b.url), events); again.Duplicate != 10 {
				t.Errorf("sent again: %+v", again)
			}
		})
	}
}

// The bytes of a message that is not UTF-8, and the number of a part, are not lost with the plain form.
func TestPlainFormKeepsEverything(t *testing.T) {
	e := testEvents(testFile(1), 1)[0]
	e.Message, e.Part, e.Last = []byte("a\xff\"b"), 3, true
	b := newBody(newFileCache(&Fields{}), 0)
	b.reset()
	b.addAs(&e, true)
	_, doc, _ := strings.Cut(strings.TrimSuffix(string(b.finish()), "\n"), "\n")
	if mapped(doc, "message") != "a\uFFFD\"b" {
		t.Errorf("%s", doc)
	}
	refused, _ := mapped(doc, "event", "original").(string)
	if mapped(refused, "event", "original") != base64.StdEncoding.EncodeToString(e.Message) || mapped(refused, "logboom", "part") != 3.0 {
		t.Errorf("%s", doc)
	}
}

// A plain form that the backend had no time for goes again as it is, and what is never taken is never settled.
func TestPlainFormIsTriedAgain(t *testing.T) {
	b := newBackend(t)
	busy := 3
	b.item = func(n int, a action) string {
		plain := mapped(a.doc, "tags") != nil
		switch {
		case !strings.Contains(a.doc, `"message 3"`):
			return ""
		case !plain:
			return failure(400, "mapper_parsing_exception", "")
		case busy > 0:
			busy--
			return failure(429, "es_rejected_execution_exception", "")
		}
		return ""
	}
	b.script = func(n int, q *bulkRequest, w http.ResponseWriter) bool {
		if n == 2 {
			w.WriteHeader(503)
		}
		return n == 2
	}
	r := mustSend(t, newSink(t, b.url), testEvents(testFile(1), 10))
	if r.Stored != 10 || r.Plain != 1 || r.Retries == 0 {
		t.Errorf("%+v", r)
	}
}
