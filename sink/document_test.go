package sink

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"logboom/wal"
)

// rendered returns the action and the document of e as a backend without compression sees them.
func rendered(t testing.TB, e *Event) (action, doc map[string]any) {
	t.Helper()
	b := newBody(newFileCache(&Fields{}), 0)
	b.reset()
	b.add(e)
	lines := strings.Split(string(b.finish()), "\n")
	if len(lines) != 3 || lines[2] != "" {
		t.Fatalf("%d lines: %q", len(lines), lines)
	}
	for i, v := range []*map[string]any{&action, &doc} {
		if err := json.Unmarshal([]byte(lines[i]), v); err != nil {
			t.Fatalf("%v: %s", err, lines[i])
		}
	}
	return action, doc
}

// These ids are in people's indices. A change makes doubles of everything that is sent again after an upgrade: never
// change what they are made of, nor this test.
func TestIDsNeverChange(t *testing.T) {
	for _, c := range []struct {
		id   string
		at   wal.Offset
		sum  uint32
		want string
	}{
		{"00000000000000000000000000000000", 0, 0, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},
		{"000102030405060708090a0b0c0d0e0f", 0x1122334455667788, 0xdeadbeef, "AAECAwQFBgcICQoLDA0ODxEiM0RVZneI3q2-7w"},
		{"ffffffffffffffffffffffffffffffff", 1<<63 - 1, 1<<32 - 1, "_____________________3_______________w"},
		{"3f9a0b5c77d1e2409a8b7c6d5e4f3a21", 10485760, 0x8a7d3c21, "P5oLXHfR4kCai3xtXk86IQAAAAAAoAAAin08IQ"},
	} {
		var f wal.File
		if err := f.ID.UnmarshalText([]byte(c.id)); err != nil {
			t.Fatal(err)
		}
		action, _ := rendered(t, &Event{File: &f, Offset: c.at, Sum: c.sum, Time: []byte("2026-11-22T16:01:02Z")})
		got := action["create"].(map[string]any)["_id"]
		if got != c.want {
			t.Errorf("file %s at %d: id %s, want %s", c.id, c.at, got, c.want)
		}
	}
}

func TestDocumentHasEveryField(t *testing.T) {
	f := testFile(1)
	f.Path, f.Ordinal, f.ContainerID, f.Image = `/var/log/"odd"/0.log`, 3, "c0ffee", "registry.example/cart:1.2"
	f.Owners = map[string]string{"deployment": "cart", "replicaset": "cart-5d4f8", "rollout": "none of ours"}
	f.Annotations = map[string]string{"example.com/team": "a", "logboom.io/format": "json"}
	f.Labels = map[string]string{"app.kubernetes.io/name": "cart", "app": "x", "a.b": "1", "a_b": "2", "a.b_2": "3"}
	f.NamespaceLabels = map[string]string{"example.com/team": "b"}
	e := &Event{
		File: f, Offset: 1234, Sum: 7, Time: []byte("2026-11-22T16:01:02.123456789+02:00"), Stream: "stderr",
		Message: []byte("tab\t quote\" back\\ bell\a nl\n é 漢 🪵 \u2028"), Part: 2, Last: true,
	}
	_, doc := rendered(t, e)
	want := map[string]any{
		"@timestamp": "2026-11-22T16:01:02.123456789+02:00",
		"message":    string(e.Message),
		"stream":     "stderr",
		"event":      map[string]any{"sequence": float64(3<<40 + 1234)},
		"logboom":    map[string]any{"part": 2.0, "last": true},
		"log":        map[string]any{"offset": 1234.0, "file": map[string]any{"path": f.Path}},
		"host":       map[string]any{"name": "node-1"},
		"container":  map[string]any{"id": "c0ffee", "image": map[string]any{"name": "registry.example/cart:1.2"}},
		"kubernetes": map[string]any{
			"namespace":   "shop",
			"pod":         map[string]any{"name": "cart-1", "uid": "5f6c"},
			"container":   map[string]any{"name": "app"},
			"node":        map[string]any{"name": "node-1"},
			"deployment":  map[string]any{"name": "cart"},
			"replicaset":  map[string]any{"name": "cart-5d4f8"},
			"annotations": map[string]any{"example_com/team": "a"},
			"labels": map[string]any{
				"app": "x", "app_kubernetes_io/name": "cart", "a_b": "2", "a_b_2": "1", "a_b_2_2": "3",
			},
			"namespace_labels": map[string]any{"example_com/team": "b"},
		},
	}
	if !reflect.DeepEqual(doc, want) {
		t.Errorf("document\n%v\nwant\n%v", doc, want)
	}
}

func TestPlainFileHasNoKubernetes(t *testing.T) {
	f := &wal.File{Path: "/var/log/app.log", Node: "node-1", Route: "x"}
	_, doc := rendered(t, &Event{File: f, Time: []byte("2026-11-22T16:01:02Z")})
	for _, field := range []string{"kubernetes", "container", "stream", "logboom"} {
		if _, there := doc[field]; there {
			t.Errorf("field %s", field)
		}
	}
	if doc["message"] != "" {
		t.Errorf("message %v", doc["message"])
	}
}

func TestBytesThatAreNotUTF8AreKept(t *testing.T) {
	long := strings.Repeat("é漢🪵", 20000)
	for _, message := range []string{
		"\xff", "a\xffb", "ok é \xc3", "\xed\xa0\x80", "\xf4\x90\x80\x80", "12345678\x80", long + "\xc3", long[1:], "\xff" + long,
	} {
		_, doc := rendered(t, &Event{File: testFile(1), Time: []byte("2026-11-22T16:01:02Z"), Message: []byte(message)})
		if want := string([]rune(message)); doc["message"] != want {
			t.Errorf("message %.20q for %.20q", doc["message"], message)
		}
		original, err := base64.StdEncoding.DecodeString(fmt.Sprint(doc["event"].(map[string]any)["original"]))
		if err != nil || string(original) != message {
			t.Errorf("event.original %.20q (%v) for %.20q", original, err, message)
		}
	}
	_, doc := rendered(t, &Event{File: testFile(1), Time: []byte("2026-11-22T16:01:02Z"), Message: []byte(long + "\uFFFD")})
	if doc["message"] != long+"\uFFFD" || doc["event"].(map[string]any)["original"] != nil {
		t.Error("a long valid message was changed")
	}
}

func TestOneBodyIsOneGzipMember(t *testing.T) {
	f := testFile(1)
	for _, level := range []int{1, 2, 9} {
		b := newBody(newFileCache(&Fields{}), level)
		for _, n := range []int{0, 1, 5000, 3} {
			b.reset()
			events := testEvents(f, n)
			for i := range events {
				b.add(&events[i])
			}
			text, err := gunzipOne(b.finish())
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Count(string(text), "\n"); got != 2*n || int64(len(text)) != b.size {
				t.Errorf("level %d: %d lines for %d Events, %d bytes, size %d", level, got, n, len(text), b.size)
			}
		}
	}
}

// TestShortBodiesAreNoLarger than by a tenth than what a general encoder makes of them: a node that says little sends nothing else, one Event at a time.
func TestShortBodiesAreNoLarger(t *testing.T) {
	events, _ := benchEvents(6000)
	for _, per := range []int{1, 10, 30, 100} {
		files := newFileCache(&Fields{})
		ours, text, general := newBody(files, 1), newBody(files, 0), newBody(files, 1)
		general.doubt = true
		var size, generalSize int
		for i := range 60 {
			ours.reset()
			text.reset()
			general.reset()
			for j := range per {
				e := &events[i*per+j]
				ours.add(e)
				text.add(e)
				general.add(e)
			}
			stream := ours.finish()
			size, generalSize = size+len(stream), generalSize+len(general.finish())
			if got, err := gunzipOne(stream); err != nil || !bytes.Equal(got, text.finish()) || !ours.compressed() || ours.size != text.size {
				t.Fatalf("%d Events: another text comes back, or %v", per, err)
			}
		}
		if size > generalSize*11/10 {
			t.Errorf("bodies of %d Events have %d bytes, and of a general encoder %d", per, size/60, generalSize/60)
		}
	}
}

// TestLevelsSayTheSame: what comes out of the streams of all levels is what goes out without compression, for Events of all kinds.
func TestLevelsSayTheSame(t *testing.T) {
	events, _ := benchEvents(3000)
	rnd := rand.New(rand.NewPCG(4, 1))
	for i := range events {
		e := &events[i]
		switch rnd.IntN(12) {
		case 0:
			e.Stream = "stderr"
		case 1:
			e.Stream = ""
		case 2:
			e.Part, e.Last = 1+rnd.IntN(3), rnd.IntN(2) == 0
		case 3:
			e.GoesOn = true
		case 4:
			e.Message = append([]byte("not UTF-8 \xff\x00\x01 "), e.Message...)
		case 5:
			e.Message = nil
		}
		if i%500 == 7 {
			e.Message = bytes.Repeat([]byte("a long \xfe line\t\\"), 1+rnd.IntN(20000))
		}
		if i%10 == 0 {
			f := *e.File
			f.JSON, f.Ordinal = "json", i%3
			e.File = &f
		}
	}
	render := func(level int) []byte {
		b := newBody(newFileCache(&Fields{Add: map[string]string{"event.dataset": "x"}}), level)
		for range 2 { // the second body is made in the memory of the first
			b.reset()
			for i := range events {
				b.addAs(&events[i], i%97 == 3)
			}
			b.finish()
			b.release()
		}
		return b.wire
	}
	want := render(0)
	for level := 1; level <= 2; level++ {
		if got, err := gunzipOne(render(level)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("level %d: %v, %d bytes, want %d", level, err, len(got), len(want))
		}
	}
}

func TestActionsNameTheirIndexOnlyWhereItDiffers(t *testing.T) {
	b := newBody(newFileCache(&Fields{}), 0)
	b.reset()
	f, g := testFile(1), testFile(2)
	f.Route, g.Route = "logs-%{+yyyy.MM.dd}", "other"
	for _, e := range []Event{
		{File: f, Time: []byte("2026-11-22T16:01:02Z")}, {File: f, Time: []byte("2026-11-23T01:01:02+02:00")},
		{File: f, Time: []byte("2026-11-23T00:00:00.1Z")}, {File: g, Time: []byte("2026-11-22T16:01:02Z")},
	} {
		b.add(&e)
	}
	var got []any
	for i, line := range strings.Split(string(b.finish()), "\n") {
		var a struct{ Create map[string]any }
		if i%2 == 0 && line != "" {
			if err := json.Unmarshal([]byte(line), &a); err != nil {
				t.Fatal(err)
			}
			got = append(got, a.Create["_index"])
		}
	}
	if want := []any{nil, nil, "logs-2026.11.23", "other"}; !reflect.DeepEqual(got, want) || string(b.index) != "logs-2026.11.22" {
		t.Errorf("indices %v, of the URL %s", got, b.index)
	}
}

func TestRoutes(t *testing.T) {
	for _, c := range []struct{ route, time, want string }{
		{"logs", "2026-11-22T16:01:02Z", "logs"},
		{"", "2026-11-22T16:01:02Z", ""},
		{"logs-%{+yyyy.MM.dd}", "2026-11-22T23:59:59.999Z", "logs-2026.11.22"},
		{"logs-%{+yyyy.MM.dd}", "2026-11-22T23:59:59.999-00:30", "logs-2026.11.23"},
		{"logs-%{+yyyy.MM.dd}", "2027-01-01T00:59:59+01:00", "logs-2026.12.31"},
		{"logs-%{+yyyy.MM.dd}", "9999-12-31T23:30:00-01:00", "logs-9999.12.31"},
		{"logs-%{+yyyy.MM.dd}", "0000-01-01T00:30:00+01:00", "logs-0000.01.01"},
		{"%{+yyyy}-a-%{+MM}b%{+dd-HH}", "2026-11-22T16:01:02Z", "2026-a-11b22-16"},
		{"a%{+yyyyMMddHH}", "2026-11-22T16:01:02.5Z", "a2026112216"},
		{"open-%{+yyyy", "2026-11-22T16:01:02Z", "open-%{+yyyy"},
		{"other-%{namespace}", "2026-11-22T16:01:02Z", "other-%{namespace}"},
	} {
		r := newRoute(c.route)
		for range 2 {
			if got := string(r.index([]byte(c.time))); got != c.want {
				t.Errorf("%s at %s: %s, want %s", c.route, c.time, got, c.want)
			}
		}
	}
}

func TestFileCacheIsBounded(t *testing.T) {
	c := newFileCache(&Fields{})
	hot := testFile(0)
	kept := c.get(hot)
	for i := range 10 * cachedFiles {
		c.get(testFile(i))
		if c.get(hot) != kept {
			t.Fatal("a File in use was dropped")
		}
	}
	if n := len(c.young) + len(c.old); n > 2*cachedFiles {
		t.Errorf("%d Files", n)
	}
}

// Pods with many labels and annotations make long texts.
func TestFileCacheIsBoundedInBytes(t *testing.T) {
	c := newFileCache(&Fields{})
	for i := range 200 {
		f := testFile(i)
		f.Labels = map[string]string{"x": strings.Repeat("x", 8<<10)}
		f.Annotations = map[string]string{"y": strings.Repeat("\x01", 8<<10)}
		c.get(f)
	}
	size := 0
	for _, generation := range []map[*wal.File]*fileText{c.young, c.old} {
		for _, text := range generation {
			size += text.bytes()
		}
	}
	if size > 3*cachedBytes {
		t.Errorf("%d bytes of texts are kept", size)
	}
}

// TestEveryByteInEveryPlaceIsEscaped: messages of up to three words of 8 bytes, with one byte of each kind in each place, alone and behind
// bytes that need an escape.
func TestEveryByteInEveryPlaceIsEscaped(t *testing.T) {
	for n := range 25 {
		for i := range n {
			for c := range 256 {
				for _, before := range []string{"x", `"`} {
					message := bytes.Repeat([]byte("x"), n)
					copy(message[i/2:], before)
					message[i] = byte(c)
					text, valid := appendEscaped([]byte{'"'}, message)
					var got string
					if err := json.Unmarshal(append(text, '"'), &got); err != nil || got != string([]rune(string(message))) || valid != utf8.Valid(message) {
						t.Fatalf("%q is %s, %v: %v", message, text, valid, err)
					}
				}
			}
		}
	}
}

func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", "plain text", "\"\\\x00\x1f\x7f\x80\xff", "é漢🪵\u2028", "1234567\"", "12345678\xed\xa0\x80", "\xf0\x9f"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		e := &Event{File: testFile(1), Time: []byte("2026-11-22T16:01:02Z"), Message: message}
		_, doc := rendered(t, e)
		if want := string([]rune(string(message))); doc["message"] != want {
			t.Errorf("message %q, want %q", doc["message"], want)
		}
		original, there := doc["event"].(map[string]any)["original"]
		if there == utf8.Valid(message) {
			t.Fatalf("event.original there: %v", there)
		}
		if there && original != base64.StdEncoding.EncodeToString(message) {
			t.Errorf("event.original %q", original)
		}
	})
}
