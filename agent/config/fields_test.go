package config

import (
	"strings"
	"testing"
)

func TestWhatCantBeAFieldOrARuleIsTold(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"a pattern that is none":   {small + "redact:\n  - pattern: 'a('\n", "redact[0].pattern: \"a(\" is not a regular expression"},
		"a pattern that finds all": {small + "redact:\n  - pattern: a*\n", "finds the empty text"},
		"no pattern":               {small + "redact:\n  - replace: x\n", "redact[0] has no pattern"},
		"a field that is none":     {small + "fields:\n  add:\n    a..b: x\n", "is no field name"},
		"a field below a text":     {small + "fields:\n  add:\n    stream.a: x\n", "stream.a is an object in some documents and a text in others"},
		"fields that exclude each": {small + "fields:\n  add:\n    a: x\n    a.b: x\n", "a.b is an object in some documents and a text in others"},
		"a field that must stay":   {small + "fields:\n  drop: [log]\n", "log can't be dropped: documents are found and ordered by log.offset"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("x.yaml", []byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "x.yaml:") {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
