package tail

import (
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// entry is a name under which a scan found a log file.
type entry struct {
	stat
	name    string
	path    string
	attempt int
	stamp   string // what rotation added to the name
	in      *input // of a files input: whose pattern matches the name
	of      string // of a files input: the known name that a rotation may have made this one of
	kind    kind
	gz      bool
	pin     bool
}

type kind int

const (
	live    kind = iota // a writer may have it open under this name
	rotated             // it was renamed
	sibling             // of a files input: no pattern matches it, but it may be what a known File was renamed to
)

// A log file of a container is <attempt>.log, behind which a rotation puts a time and a compression .gz (kubernetes,
// pkg/kubelet/logs/container_log_manager.go).
var containerLog = regexp.MustCompile(`^(\d{1,9})\.log(\..+)?$`)

// name takes the name of a container's log file apart. It returns false for what is none.
func containerName(name string) (e entry, ok bool) {
	m := containerLog.FindStringSubmatch(name)
	if m == nil || strings.HasSuffix(name, ".tmp") {
		return entry{}, false
	}
	e.name, e.stamp = name, strings.TrimPrefix(m[2], ".")
	e.attempt, _ = strconv.Atoi(m[1])
	if e.stamp != "" {
		e.kind = rotated
	}
	e.stamp, e.gz = strings.CutSuffix(e.stamp, ".gz")
	if e.gz && e.stamp == "gz" {
		e.stamp = ""
	}
	return e, true
}

// age puts what was rotated before what is live.
func age(e entry) int {
	if e.kind == live {
		return 1
	}
	return 0
}

// rotatedAt is when a rotated file was last written to, 0 for a live one: names such as app.log.1 and app.log.2 don't tell.
func (e *entry) rotatedAt() int64 {
	if e.kind == live {
		return 0
	}
	return e.mtime
}

// renamedFrom returns the known name that a rotation may have made name of, or "". Rotations append (app.log.1,
// app.log-20261122.gz) or put something in front of the ending (app-2026-11-22.log, app-2026-11-22.1.log.gz).
func renamedFrom(name string, bases map[string]bool) string {
	for i := len(name) - 1; i > 0; i-- {
		if strings.ContainsRune(".-_", rune(name[i])) && bases[name[:i]] {
			return name[:i]
		}
	}
	plain := strings.TrimSuffix(name, ".gz")
	ending := filepath.Ext(plain)
	for i := 1; i < len(plain)-len(ending); i++ {
		if strings.ContainsRune(".-_", rune(plain[i])) && bases[plain[:i]+ending] {
			return plain[:i] + ending
		}
	}
	return ""
}

// rotationWords are what rotations put into names besides numbers and dates in digits.
var rotationWords = regexp.MustCompile(`^(?i:old|bak|backup|prev|previous|last|mon(day)?|tue(sday)?|wed(nesday)?|thu(rsday)?|fri(day)?|sat(urday)?|` +
	`sun(day)?)$`)

// madeByRotation says whether name is base with what a rotation adds. A file that is called alike may have nothing to do with
// it: app-audit.log is no app.log, and nobody asked for it.
func madeByRotation(name, base string) bool {
	added, appended := strings.CutPrefix(name, base)
	if !appended {
		ending := filepath.Ext(base)
		added, _, _ = strings.Cut(strings.TrimPrefix(name, strings.TrimSuffix(base, ending)), ending)
	}
	if added == ".gz" {
		return true
	}
	added = strings.TrimSuffix(added, ".gz")
	return strings.ContainsAny(added, "0123456789") || slices.ContainsFunc(strings.FieldsFunc(added, func(r rune) bool {
		return strings.ContainsRune(".-_", r)
	}), rotationWords.MatchString)
}
