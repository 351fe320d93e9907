package api

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// fields of a bulk item, in the order in which they are written. They are rendered by hand: filter_path through
// encoding/json would cost more than storing the documents.
var itemFields = [...][]string{
	{"_index"}, {"_type"}, {"_id"}, {"_version"}, {"result"},
	{"_shards", "total"}, {"_shards", "successful"}, {"_shards", "failed"},
	{"_seq_no"}, {"_primary_term"}, {"status"},
	{"error", "type"}, {"error", "reason"}, {"error", "index_uuid"}, {"error", "shard"}, {"error", "index"},
}

type mask [len(itemFields)]bool

func (f filter) mask(op string) *mask {
	var m mask
	for i, path := range itemFields {
		m[i] = f.keep(append([]string{"items", op}, path...)...)
	}
	return &m
}

// replyBulk writes the answer of a bulk request.
func replyBulk(w http.ResponseWriter, r *http.Request, actions []action, items []item, took time.Duration) {
	f := parseFilter(r.URL.Query().Get("filter_path"))
	masks := map[string]*mask{}
	b := make([]byte, 0, 64+200*len(items))
	b = append(b, '{')
	if f.keep("took") {
		b = append(b, `"took":`...)
		b = strconv.AppendInt(b, took.Milliseconds(), 10)
		b = append(b, ',')
	}
	if f.keep("errors") {
		b = append(b, `"errors":`...)
		b = strconv.AppendBool(b, anyError(items))
		b = append(b, ',')
	}
	open := len(b)
	b = append(b, `"items":[`...)
	first := len(b)
	for i := range items {
		m := masks[actions[i].op]
		if m == nil {
			m = f.mask(actions[i].op)
			masks[actions[i].op] = m
		}
		b = appendItem(b, &actions[i], &items[i], m)
	}
	if len(b) == first {
		b = b[:open]
	} else {
		b[len(b)-1] = ']'
		b = append(b, ',')
	}
	if b[len(b)-1] == ',' {
		b = b[:len(b)-1]
	}
	replyRaw(w, r, http.StatusOK, append(b, '}'))
}

func anyError(items []item) bool {
	for i := range items {
		if items[i].typ != "" {
			return true
		}
	}
	return false
}

// appendItem appends the item and a comma, or nothing when the mask lets nothing of it through.
func appendItem(b []byte, a *action, t *item, m *mask) []byte {
	start := len(b)
	b = append(b, '{')
	b = append(b, '"')
	b = append(b, a.op...)
	b = append(b, `":{`...)
	empty := len(b)
	group := ""
	for i, path := range itemFields {
		if !m[i] || !t.has(path[0]) {
			continue
		}
		b, group = enter(b, group, path)
		b = appendKey(b, path[len(path)-1])
		b = appendValue(b, i, a, t)
		b = append(b, ',')
	}
	if len(b) == empty {
		return b[:start]
	}
	b, _ = enter(b, group, []string{""})
	b[len(b)-1] = '}'
	return append(b, '}', ',')
}

// has says whether an item with this outcome carries the field.
func (t *item) has(field string) bool {
	switch field {
	case "_index", "_type", "_id", "status":
		return true
	case "error":
		return t.typ != ""
	default:
		return t.typ == ""
	}
}

// enter opens and closes the inner objects _shards and error.
func enter(b []byte, group string, path []string) ([]byte, string) {
	want := ""
	if len(path) == 2 {
		want = path[0]
	}
	if group == want {
		return b, group
	}
	if group != "" {
		b[len(b)-1] = '}'
		b = append(b, ',')
	}
	if want != "" {
		b = append(appendKey(b, want), '{')
	}
	return b, want
}

func appendKey(b []byte, key string) []byte {
	b = append(b, '"')
	b = append(b, key...)
	return append(b, '"', ':')
}

func appendValue(b []byte, field int, a *action, t *item) []byte {
	switch field {
	case 0, 15:
		return appendString(b, a.index)
	case 1:
		return append(b, `"_doc"`...)
	case 2:
		return appendString(b, a.id)
	case 3:
		return strconv.AppendUint(b, uint64(t.version), 10)
	case 4:
		return appendString(b, t.result)
	case 5, 6, 9:
		return append(b, '1')
	case 7:
		return append(b, '0')
	case 8:
		return strconv.AppendInt(b, t.seq, 10)
	case 10:
		return strconv.AppendInt(b, int64(t.status), 10)
	case 11:
		return appendString(b, t.typ)
	case 12:
		return appendString(b, t.reason)
	case 13:
		return append(b, `"_na_"`...)
	case 14:
		return append(b, `"0"`...)
	}
	panic("BUG: a field of a bulk item without a value")
}

// appendString appends s as JSON; plain ASCII, which is nearly all, without the help of encoding/json.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			data, err := json.Marshal(s)
			if err != nil {
				panic("BUG: a string that is no JSON: " + err.Error())
			}
			return append(b, data...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}
