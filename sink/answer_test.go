package sink

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// scan reads an answer and returns its items as text.
func scan(r io.Reader) (items []string, err error) {
	err = newAnswer().read(r, func(i int, it *item) error {
		if i != len(items) {
			panic("item out of order")
		}
		items = append(items, fmt.Sprintf("%d %q %q %q", it.status, string([]rune(string(it.errType))), string([]rune(string(it.reason))), it.failureStore))
		return nil
	})
	return items, err
}

func TestAnswersAreRead(t *testing.T) {
	long := strings.Repeat("x", 3*answerWindow)
	for _, c := range []struct {
		text string
		want []string
	}{
		{`{"items":[]}`, nil},
		{`{"errors":false,"items":[{"create":{"status":201}},{"create":{"status":201}}]}`, []string{`201 "" "" ""`, `201 "" "" ""`}},
		{` { "took" : -1.5e+3 , "items" : [ { "create" : { "status" : 200 , "_id" : null } } ] , "x" : [ true , { } ] } `, []string{`200 "" "" ""`}},
		{`{"items":[{"create":{"error":{"reason":"a\u0041\n\ud83e\udeb5\ud83e","type":"t"},"status":400}}]}`, []string{"400 \"t\" \"aA\\n🪵\uFFFD\" \"\""}},
		{`{"items":[{"create":{"status":201,"failure_store":"used"}}]}`, []string{`201 "" "" "used"`}},
		{`{"items":[{"create":{"status":500,"error":"text"}}]}`, []string{`500 "" "text" ""`}},
		{`{"items":[{"create":{"status":400,"error":{"type":"` + long + `"}}}]}`, []string{`400 "` + long[:keepString] + `" "" ""`}},
	} {
		for _, r := range []io.Reader{strings.NewReader(c.text), iotest.OneByteReader(strings.NewReader(c.text)), iotest.DataErrReader(strings.NewReader(c.text))} {
			got, err := scan(r)
			if err != nil || fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("%.80s: %.200q, %v", c.text, got, err)
			}
		}
	}
}

func TestEveryTruncationIsSeen(t *testing.T) {
	text := `{"errors":true,"items":[{"create":{"status":201}},{"create":{"status":400,"error":{"type":"t","reason":"\u00e9"}}}]}`
	for i := range text {
		if _, err := scan(strings.NewReader(text[:i])); !errors.Is(err, errAnswer) {
			t.Errorf("%s: %v", text[:i], err)
		}
	}
}

func TestBadAnswersAreSeen(t *testing.T) {
	for _, text := range []string{
		``, `null`, `[]`, `"x"`, `{}`, `{"items":null}`, `{"items":{}}`, `{"items":[{}]}`, `{"items":[1]}`, `{"items":[],"items":[]}`,
		`{"items":[{"create":{}}]}`, `{"items":[{"create":{"status":"201"}}]}`, `{"items":[{"create":{"status":20100}}]}`,
		`{"items":[{"create":{"status":0201}}]}`, `{"items":[{"create":{"status":201.0}}]}`, `{"items":[{"create":{"status":-201}}]}`,
		`{"items":[{"create":{"status":201},"create":{"status":201}}]}`, `{"items":[{"create":{"status":201}}{"create":{"status":201}}]}`,
		`{"items":[{"create":{"status":201}},]}`, `{"items":[,{"create":{"status":201}}]}`, `{"items":[]} {}`, `{"items":[],}`, `{"a":tru,"items":[]}`,
		`{"a":01,"items":[]}`, `{"a":1.,"items":[]}`, `{"a":1e,"items":[]}`, `{"a":"` + "\n" + `","items":[]}`, `{"a":"\x","items":[]}`,
		`{"a":` + strings.Repeat("[", 10000), `{items:[]}`,
	} {
		if got, err := scan(strings.NewReader(text)); !errors.Is(err, errAnswer) {
			t.Errorf("%.80s: %v, %v", text, got, err)
		}
	}
}

func TestReadErrorsAreNotTheAnswers(t *testing.T) {
	r := io.MultiReader(strings.NewReader(`{"items":[`), iotest.ErrReader(io.ErrUnexpectedEOF))
	if _, err := scan(r); !errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errAnswer) {
		t.Error(err)
	}
}

// What the scanner takes is what encoding/json understands, and the other way round for all answers of the right shape.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"errors":false,"items":[{"create":{"status":201}},{"create":{"status":201}}]}`))
	f.Add([]byte(`{"items":[{"create":{"error":{"reason":"a\u0041\n\ud83e\udeb5\ud83e","type":"t"},"status":400}}],"took":-1.5e3}`))
	f.Add([]byte(`{"items":[{"create":{"status":201,"failure_store":"used","x":[null,true,{"y":0}]}},{"index":{"status":409,"error":"\ud83e\ud83e\udeb5\uD83E"}}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := scan(bytes.NewReader(text))
		slow, slowErr := scan(iotest.OneByteReader(bytes.NewReader(text)))
		if fmt.Sprint(got) != fmt.Sprint(slow) || (err == nil) != (slowErr == nil) {
			t.Fatalf("%q %v, byte by byte %q %v", got, err, slow, slowErr)
		}
		if err == nil && !json.Valid(text) {
			t.Fatal("took what is not JSON")
		}
		want, ok := reference(text)
		if !ok {
			return
		}
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("%q %v, want %q", got, err, want)
		}
	})
}

// reference reads text with encoding/json. ok is false where text is no answer, or one for which the two may differ:
// keys twice, long strings, deep nesting.
func reference(text []byte) (items []string, ok bool) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	top, err := tree(dec, 0)
	object, isObject := top.(map[string]any)
	if _, behind := dec.Token(); err != nil || !isObject || !errors.Is(behind, io.EOF) {
		return nil, false
	}
	list, isList := object["items"].([]any)
	if !isList {
		return nil, false
	}
	for _, e := range list {
		entry, _ := e.(map[string]any)
		if len(entry) != 1 {
			return nil, false
		}
		for _, a := range entry {
			action, isObject := a.(map[string]any)
			number, _ := action["status"].(json.Number)
			status, err := number.Int64()
			if !isObject || err != nil || status < 100 || status > 599 {
				return nil, false
			}
			text := func(v any) string { s, _ := v.(string); return s }
			typ, reason := "", text(action["error"])
			if e, isObject := action["error"].(map[string]any); isObject {
				typ, reason = text(e["type"]), text(e["reason"])
			}
			if len(typ)+len(reason)+len(text(action["failure_store"])) > keepString/4 {
				return nil, false
			}
			items = append(items, fmt.Sprintf("%d %q %q %q", status, typ, reason, text(action["failure_store"])))
		}
	}
	return items, true
}

var errTwice = errors.New("a key twice, or too deep")

func tree(dec *json.Decoder, depth int) (any, error) {
	token, err := dec.Token()
	if err != nil || depth > maxDepth-4 {
		return nil, errors.Join(err, errTwice)
	}
	switch token {
	case json.Delim('{'):
		object := map[string]any{}
		for dec.More() {
			key, err := dec.Token()
			if err != nil {
				return nil, err
			}
			value, err := tree(dec, depth+1)
			if err != nil {
				return nil, err
			}
			if _, twice := object[key.(string)]; twice {
				return nil, errTwice
			}
			object[key.(string)] = value
		}
		_, err = dec.Token()
		return object, err
	case json.Delim('['):
		list := []any{}
		for dec.More() {
			value, err := tree(dec, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		_, err = dec.Token()
		return list, err
	}
	return token, nil
}

func BenchmarkAnswer(b *testing.B) {
	for name, it := range map[string]string{
		"stored": `{"create":{"status":201}}`,
		"busy":   failure(429, "es_rejected_execution_exception", "rejected execution of coordinating operation [coordinating_and_primary_bytes=0]"),
	} {
		b.Run(name, func(b *testing.B) {
			text := `{"errors":true,"items":[` + strings.Repeat(it+",", 9999) + it + `]}`
			a := newAnswer()
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if err := a.read(strings.NewReader(text), func(int, *item) error { return nil }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
