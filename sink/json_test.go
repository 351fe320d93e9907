package sink

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"logboom/wal"
)

func TestJSONObjectsBecomeFields(t *testing.T) {
	deep := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	wide := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, ",%q:1", fmt.Sprint("k", i))
		}
		return "{" + b.String()[1:] + "}"
	}
	same := func(n int) string { return "{" + strings.Repeat(`"a":1,`, n-1) + `"a":1}` }
	for _, c := range []struct{ in, want string }{ // "=": as it is; "": it stays a message
		{`{}`, "="},
		{`{"a":1}`, "="},
		{" \t{ \"a\" : [ 1 , {} , [] ] }\r\n", `{"a":[1,{},[]]}`},
		{`{"n":12345678901234567890.123456789012345678901234567890e-12,"m":-0.0,"z":1E+5}`, "="},
		{`{"s":"é\u00e9\n\"\\\/ \ud834\udd1e","b":true,"c":false,"d":null}`, "="},
		{`{"a.b":1,"a_b":2,"a":{"b.c.d":3}}`, `{"a_b":1,"a_b_2":2,"a":{"b_c_d":3}}`},
		{`{"a":1,"a":2,"a":3,"b":{"a":4}}`, `{"a":1,"a_2":2,"a_3":3,"b":{"a":4}}`},
		{`{"a":1,"\u0061":2,"a\u002eb":3,"a_b":4}`, `{"a":1,"a_2":2,"a_b":3,"a_b_2":4}`},
		{`{"":1," ":2,".":3}`, `{"_":1,"__2":2,"__3":3}`},
		{`{"say \"hi\"":1}`, "="},
		{deep(maxJSONDepth), "="}, {deep(maxJSONDepth + 1), ""},
		{`{"a":` + strings.Repeat("[", maxJSONDepth) + strings.Repeat("]", maxJSONDepth) + `}`, ""},
		{wide(maxJSONFields), "="}, {wide(maxJSONFields + 1), ""},
		{same(maxSameNames + 1), ""},
		{`{"` + strings.Repeat("x", maxJSONName-2) + `":1}`, "="}, {`{"` + strings.Repeat("x", maxJSONName-1) + `":1}`, ""},
		{`{"a":"` + strings.Repeat("x", maxJSON) + `"}`, ""},
		{`{"a":` + strings.Repeat("1", maxJSONNumber+1) + `}`, ""},
		{``, ""}, {`words`, ""}, {`"a"`, ""}, {`1`, ""}, {`[{"a":1}]`, ""}, {`null`, ""},
		{`{"a":1} and more`, ""}, {`{"a":1}{"a":1}`, ""}, {`{"a":1`, ""}, {`{"a":1,}`, ""}, {`{"a"}`, ""}, {`{"a":}`, ""}, {`{,}`, ""},
		{`{a:1}`, ""}, {`{'a':1}`, ""}, {`{"a":NaN}`, ""}, {`{"a":01}`, ""}, {`{"a":1.}`, ""}, {`{"a":.5}`, ""}, {`{"a":+1}`, ""}, {`{"a":1e}`, ""},
		{`{"a":-}`, ""}, {`{"a":[1,]}`, ""}, {`{"a":[1 2]}`, ""}, {`{"a":tru}`, ""},
		{`{"a":"\x"}`, ""}, {`{"a":"\u12"}`, ""}, {`{"a":"\u12g4"}`, ""}, {`{"a":"`, ""}, {`{"a":"\`, ""}, {"{\"a\":\"\n\"}", ""},
		{`{"a":"\ud834"}`, ""}, {`{"a":"\udd1e\ud834"}`, ""}, {`{"a":"\u0000"}`, ""}, {"{\"a\":\"\xff\"}", ""}, {"{\"\xff\":1}", ""},
	} {
		want, taken := c.want, c.want != ""
		if want == "=" {
			want = c.in
		}
		got, ok := new(jsonCopy).appendObject([]byte("before"), []byte(c.in))
		if ok != taken || string(got) != "before"+want {
			t.Errorf("%.80q: %v, %.200q", c.in, ok, got)
		}
	}
}

// The document has the message as it was, and the fields besides: what can't be taken apart is only a message.
func TestADocumentHasTheMessageAndItsFields(t *testing.T) {
	for _, c := range []struct {
		message string
		fields  bool
	}{{`{"level":"info","n":1}`, true}, {`level=info`, false}, {"{\"a\":\"\xff\"}", false}} {
		e := &Event{File: &wal.File{Path: "/p", Route: "r", JSON: "json"}, Time: []byte("2026-11-22T16:01:41Z"), Message: []byte(c.message)}
		r := NewRenderer(Fields{})
		_, _, doc := r.Render(e)
		var got map[string]any
		if err := json.Unmarshal(doc, &got); err != nil {
			t.Fatalf("%v: %s", err, doc)
		}
		fields, there := got["json"]
		if there != c.fields || got["message"] != strings.ToValidUTF8(c.message, "\uFFFD") {
			t.Errorf("%s", doc)
		}
		if want := map[string]any{"level": "info", "n": 1.0}; there && !reflect.DeepEqual(fields, want) {
			t.Errorf("%s", doc)
		}
		e.File = &wal.File{Path: "/p", Route: "r"}
		if _, _, doc := r.Render(e); bytes.Contains(doc, []byte(`"json"`)) {
			t.Errorf("nobody asked for fields: %s", doc)
		}
	}
}

// A field that people add and the object of a message would be one name twice, which a backend refuses.
func TestAFieldOfThatNameGivesWay(t *testing.T) {
	r := NewRenderer(Fields{Add: map[string]string{"json.a": "x", "other": "y"}})
	e := &Event{File: &wal.File{Path: "/p", Route: "r", JSON: "json"}, Time: []byte("2026-11-22T16:01:41Z"), Message: []byte(`{"b":1}`)}
	if _, _, doc := r.Render(e); bytes.Count(doc, []byte(`"json"`)) != 1 || !bytes.Contains(doc, []byte(`"other":"y"`)) {
		t.Errorf("%s", doc)
	}
}

// What a redaction took out of the message is in no field either.
func TestFieldsAreMadeOfTheRedactedMessage(t *testing.T) {
	r := NewRenderer(Fields{Redact: []Redaction{{Pattern: regexp.MustCompile(`"password":"[^"]*"`), Replace: []byte(`"password":"***"`)}}})
	e := &Event{File: &wal.File{Path: "/p", Route: "r", JSON: "json"}, Time: []byte("2026-11-22T16:01:41Z"), Message: []byte(`{"password":"secret"}`)}
	if _, _, doc := r.Render(e); bytes.Contains(doc, []byte("secret")) || !bytes.Contains(doc, []byte(`"json":{"password":"***"}`)) {
		t.Errorf("%s", doc)
	}
}

// Whatever a message is, what is taken of it is JSON that a strict reader takes, with no name twice.
func FuzzJSONFields(f *testing.F) {
	for _, s := range []string{`{"a":1,"a":[{"b.c":null}]}`, `{"\ud834\udd1e":"\n"}`, `{"a":-1.5e3}`, "{}", "{\"\xff\":1}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		got, ok := new(jsonCopy).appendObject(nil, message)
		if !ok {
			if len(got) > 0 {
				t.Fatalf("%q: something is left: %q", message, got)
			}
			return
		}
		if !json.Valid(message) || !json.Valid(got) {
			t.Fatalf("%q: %q", message, got)
		}
		d := json.NewDecoder(bytes.NewReader(got))
		d.UseNumber()
		if err := distinct(d); err != nil {
			t.Fatalf("%q: %q: %v", message, got, err)
		}
	})
}

// distinct reads one value whose objects have each name once, none of them with a dot.
func distinct(d *json.Decoder) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	open, is := token.(json.Delim)
	if !is {
		return nil
	}
	names := map[string]bool{}
	for d.More() {
		if open == '{' {
			name, err := d.Token()
			if err != nil {
				return err
			}
			if s := name.(string); names[s] || strings.Contains(s, ".") || strings.TrimSpace(s) == "" {
				return fmt.Errorf("the name %q", s)
			}
			names[name.(string)] = true
		}
		if err := distinct(d); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}

func BenchmarkJSONFields(b *testing.B) {
	message := []byte(`{"level":"info","ts":"2026-11-22T16:01:41.123Z","msg":"order placed","order":123456,"user":{"id":42,"name":"eve"},"ms":12.5}`)
	var dst []byte
	var c jsonCopy
	b.SetBytes(int64(len(message)))
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = c.appendObject(dst[:0], message)
	}
}
