package powercut

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"logboom/chaos/manifest"
)

// document is one hit of a search.
type document struct {
	ID     string `json:"_id"`
	Source struct {
		Message string `json:"message"`
		Event   struct {
			Original string `json:"original"`
		} `json:"event"`
		File struct {
			Path string `json:"path"`
		} `json:"log.file"`
		Offset int64 `json:"log.offset"`
	} `json:"_source"`
	raw json.RawMessage
}

// message returns the bytes that were in the log file.
func (d *document) message() ([]byte, error) {
	if original := d.Source.Event.Original; original != "" {
		return base64.StdEncoding.DecodeString(original)
	}
	return []byte(d.Source.Message), nil
}

// documents calls use for everything that is stored.
func documents(url, index string, use func(*document) error) error {
	var page struct {
		ScrollID string `json:"_scroll_id"`
		Hits     struct {
			Hits []json.RawMessage `json:"hits"`
		} `json:"hits"`
	}
	next, body := url+"/"+index+"/_search?scroll=1m", `{"size":2000,"sort":["_doc"]}`
	for {
		page.Hits.Hits = nil
		if err := post(next, body, &page); err != nil {
			return err
		}
		if len(page.Hits.Hits) == 0 {
			return nil
		}
		for _, raw := range page.Hits.Hits {
			d := document{raw: raw}
			if err := json.Unmarshal(raw, &d); err != nil {
				return err
			}
			if err := use(&d); err != nil {
				return err
			}
		}
		next, body = url+"/_search/scroll", fmt.Sprintf(`{"scroll":"1m","scroll_id":%q}`, page.ScrollID)
	}
}

func post(url, body string, to any) error {
	answer, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusNotFound {
		return nil // nothing was ever stored
	}
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 300))
		return fmt.Errorf("%s: %s: %s", url, answer.Status, text)
	}
	return json.NewDecoder(answer.Body).Decode(to)
}

// verdict is what judge found.
type verdict struct {
	written, demanded, stored    int
	torn, unfinished             int      // documents of lines that a cut left, and of messages that it interrupted
	missing, double, unexplained []string // each a sentence
}

func (v *verdict) String() string {
	return fmt.Sprintf("%d written, %d demanded, %d stored (%d of them torn, %d unfinished); missing %d, double %d, unexplained %d",
		v.written, v.demanded, v.stored, v.torn, v.unfinished, len(v.missing), len(v.double), len(v.unexplained))
}

// judge holds what is stored against the book.
func judge(url, index string, b *book) (*verdict, error) {
	v := &verdict{written: int(b.written.Lines())}
	seen := make(map[string]map[int64]*document)
	var strange []*document
	err := documents(url, index, func(d *document) error {
		v.stored++
		message, err := d.message()
		if err != nil {
			return fmt.Errorf("document %s: %w", d.ID, err)
		}
		stream, n, ok := manifest.ParsePrefix(message)
		sums, known := b.written[string(stream)]
		switch {
		case ok && known && n < int64(len(sums)) && manifest.SumOf(message) == sums[n]:
			of := seen[string(stream)]
			if of == nil {
				of = make(map[int64]*document)
				seen[string(stream)] = of
			}
			if other := of[n]; other != nil {
				v.double = append(v.double, fmt.Sprintf("%s/%d:\n  %s\n  %s", stream, n, brief(d.raw), brief(other.raw)))
			}
			of[n] = d
		case ok && known && n == int64(len(sums)):
			v.unfinished++
		default:
			strange = append(strange, d)
		}
		return nil
	})
	for _, d := range strange {
		if message, _ := d.message(); b.stood(message) {
			v.torn++
		} else {
			v.unexplained = append(v.unexplained, brief(d.raw))
		}
	}
	for stream, numbers := range b.must {
		v.demanded += len(numbers)
		for n, why := range numbers {
			if seen[stream][n] == nil {
				v.missing = append(v.missing, fmt.Sprintf("%s/%d, %s", stream, n, why))
			}
		}
	}
	slices.Sort(v.missing)
	return v, err
}

// brief shortens what is shown.
func brief(raw []byte) string {
	if len(raw) > 700 {
		return string(bytes.ToValidUTF8(raw[:500], nil)) + " ... " + string(bytes.ToValidUTF8(raw[len(raw)-200:], nil))
	}
	return string(raw)
}
