package config

import (
	"regexp"
	"time"
)

// maxRegexp bounds a pattern, in bytes: it is part of each file's description in the WAL.
const maxRegexp = 1 << 10

func (d *decoder) checkMultiline(path string, m *Multiline) {
	if m == nil {
		return
	}
	set := 0
	for _, text := range []string{string(m.Traces), m.Start, m.Continue} {
		if text != "" {
			set++
		}
	}
	if set != 1 {
		d.reportAt(path, "%s must hold exactly one of traces, start and continue", path)
	}
	for key, pattern := range map[string]string{"start": m.Start, "continue": m.Continue} {
		p := join(path, key)
		if len(pattern) > maxRegexp {
			d.reportAt(p, "%s has %d bytes; a pattern may have %d", p, len(pattern), maxRegexp)
		} else if _, err := regexp.Compile(pattern); err != nil {
			d.reportAt(p, "%s: %s is not a regular expression: %s", p, d.marks[p].shown, flaw(err))
		}
	}
	within(d, path+".max_wait", m.MaxWait, 10*time.Millisecond, time.Minute)
}
