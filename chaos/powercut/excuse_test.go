package powercut

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"logboom/chaos/manifest"
)

// loss is what is read of a line of the ledger.
type loss struct {
	File struct {
		Path string `json:"path"`
	} `json:"file"`
	Start  int64  `json:"start"`
	End    int64  `json:"end"`
	Cause  string `json:"cause"`
	Detail string `json:"detail"`
}

// excuse takes those out of missing that are in the ledger, and returns how many. The ledger must list nothing unless the
// WAL rots, and nothing but damage then.
func (l *life) excuse(logboom string, d disease, missing []string) (left []string, excused int) {
	l.t.Helper()
	text, err := exec.Command(logboom, "ledger", "-c", l.config(), "--json").Output()
	must(l.t, err)
	fmt.Fprintf(&l.history, "ledger:\n%s\n", text)
	var losses []loss
	for line := range bytes.Lines(text) {
		var one loss
		must(l.t, json.Unmarshal(line, &one))
		if !d.rot || one.Cause != "damaged" {
			l.t.Errorf("ledger: %s", line)
		}
		if one.Cause == "damaged" && !strings.Contains(one.Detail, "kept in "+l.data()+"/damaged/wal/") {
			l.t.Errorf("the ledger does not say where the damage is kept: %s", line)
		}
		losses = append(losses, one)
	}
	if len(losses) == 0 || len(missing) == 0 {
		return missing, 0
	}
	listed := l.listed(losses)
	left = slices.DeleteFunc(slices.Clone(missing), func(one string) bool {
		message, _, _ := strings.Cut(one, ",")
		return listed[message]
	})
	return left, len(missing) - len(left)
}

// listed returns the messages, as <stream>/<number>, of which a byte is in the ledger. Files are not rotated.
func (l *life) listed(losses []loss) map[string]bool {
	all := map[string]bool{}
	for _, path := range l.logs() {
		messages(l.read(path), func(stream string, n, start, end int64) {
			for _, one := range losses {
				if one.File.Path == path && one.Start < end && start < one.End {
					all[fmt.Sprintf("%s/%d", stream, n)] = true
				}
			}
		})
	}
	return all
}

// messages tells where in a log file each message stands, from its first piece to the end of its last.
func messages(data []byte, use func(stream string, n, start, end int64)) {
	type open struct {
		message []byte
		start   int64
	}
	streams := map[string]*open{"stdout": {}, "stderr": {}}
	at := int64(0)
	for line := range bytes.Lines(data) {
		start := at
		at += int64(len(line))
		name, tag, content, ok := parseLine(bytes.TrimSuffix(line, []byte{'\n'}))
		if !ok {
			continue
		}
		o := streams[name]
		if len(o.message) == 0 {
			o.start = start
		}
		o.message = append(o.message, content...)
		if tag == 'F' {
			if stream, n, ok := manifest.ParsePrefix(o.message); ok {
				use(string(stream), n, o.start, at)
			}
			*o = open{}
		}
	}
}
