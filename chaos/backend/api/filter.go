package api

import (
	"bytes"
	"encoding/json"
	"path"
	"strings"
)

// filter is the request parameter filter_path: a list of dotted paths, where * stands for any part of a name, ** for
// any number of names, and a leading - takes out instead of letting through. Elements of an array have the array's
// path. What has nothing left in it disappears, array elements too: this is why items.*.status must be in the list when
// a client relies on the position of items.
type filter struct {
	include, exclude [][]string
}

func parseFilter(s string) filter {
	var f filter
	for _, pattern := range strings.Split(s, ",") {
		pattern = strings.TrimSpace(pattern)
		if rest, minus := strings.CutPrefix(pattern, "-"); minus {
			f.exclude = append(f.exclude, strings.Split(rest, "."))
		} else if pattern != "" {
			f.include = append(f.include, strings.Split(pattern, "."))
		}
	}
	return f
}

// keep says whether the leaf at the path of names is let through.
func (f filter) keep(names ...string) bool {
	kept := len(f.include) == 0
	for _, p := range f.include {
		kept = kept || covers(p, names)
	}
	for _, p := range f.exclude {
		kept = kept && !covers(p, names)
	}
	return kept
}

// covers says whether the pattern matches the path or one of its parents.
func covers(pattern, names []string) bool {
	if len(pattern) == 0 {
		return true
	}
	if pattern[0] == "**" && covers(pattern[1:], names) {
		return true
	}
	if len(names) == 0 {
		return false
	}
	if pattern[0] == "**" {
		return covers(pattern, names[1:])
	}
	match, err := path.Match(pattern[0], names[0])
	return err == nil && match && covers(pattern[1:], names[1:])
}

// prune returns what of a JSON document is let through.
func (f filter) prune(data []byte) []byte {
	in := json.NewDecoder(bytes.NewReader(data))
	in.UseNumber()
	var v any
	if in.Decode(&v) != nil {
		return data
	}
	v, left := f.walk(v, nil)
	if !left {
		return []byte("{}")
	}
	out, err := json.Marshal(v)
	if err != nil {
		panic("BUG: decoded JSON that can't be encoded: " + err.Error())
	}
	return out
}

func (f filter) walk(v any, names []string) (kept any, left bool) {
	switch v := v.(type) {
	case map[string]any:
		for name, child := range v {
			child, left := f.walk(child, append(names[:len(names):len(names)], name))
			if !left {
				delete(v, name)
				continue
			}
			v[name] = child
		}
		return v, len(v) > 0
	case []any:
		out := v[:0]
		for _, child := range v {
			if child, left := f.walk(child, names); left {
				out = append(out, child)
			}
		}
		return out, len(out) > 0
	default:
		return v, f.keep(names...)
	}
}
