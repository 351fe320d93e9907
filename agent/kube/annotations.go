package kube

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"time"

	"logboom/agent/parse"
	"logboom/wal"
)

// What a pod says about its own logs, in annotations: for all of its containers as logboom.io/KEY, for one as
// logboom.io/KEY.CONTAINER, which comes first. Anybody who may make a pod may write them, so what can't be obeyed is ignored and
// told, and what can must cost the node little.
const (
	keyExclude   = ours + "exclude"   // true, false, or names of containers with commas between
	keyFormat    = ours + "format"    // json or text
	keyMultiline = ours + "multiline" // none, the name of rules for traces, start:PATTERN or continue:PATTERN
	keyIndex     = ours + "index"     // the name of an index or data stream, where the configuration lets pods choose
)

const excludedItself = "annotation"

// jsonField is where the members of messages go, where the input names no field.
const jsonField = "json"

// Faults says which annotations of d's pod are ignored for its container, and why.
func (r *Rules) Faults(d *wal.File) (faults []string) {
	for _, c := range []struct {
		key  string
		obey func(d *wal.File, value string) error
	}{{keyExclude, exclude}, {keyFormat, format}, {keyMultiline, multiline}, {keyIndex, r.index}} {
		key := c.key + "." + d.Container
		value, said := d.Annotations[key]
		if !said {
			key = c.key
			if value, said = d.Annotations[key]; !said {
				continue
			}
		}
		if err := c.obey(d, strings.TrimSpace(value)); err != nil {
			faults = append(faults, fmt.Sprintf("%s of pod %s/%s is ignored: %v", key, d.Namespace, d.Pod, err))
		}
	}
	return faults
}

var containerName = regexp.MustCompile(`^[a-z0-9-]*$`)

func exclude(d *wal.File, value string) error {
	names := strings.Split(strings.ReplaceAll(value, " ", ""), ",")
	switch {
	case value == "true", slices.Contains(names, d.Container):
		d.Excluded = excludedItself
	case value == "", slices.ContainsFunc(names, func(name string) bool { return !containerName.MatchString(name) }): // True, say
		return errors.New("it is neither true, false nor a list of containers")
	}
	return nil
}

func format(d *wal.File, value string) error {
	switch value {
	case "json":
		if d.JSON == "" {
			d.JSON = jsonField
		}
	case "text":
		d.JSON = ""
	default:
		return errors.New("it is neither json nor text")
	}
	return nil
}

// Bounds of a pattern that a pod brings: it is compared with the beginning of each of its lines, by the one loop that reads all logs.
const (
	maxPattern = 256 // bytes
	maxSteps   = 100 // as cost counts them
	perhaps    = 12  // of what may come or not: many such in a row are what costs most
	anywhere   = 3   // times as much counts what may begin anywhere in a line
)

func multiline(d *wal.File, value string) error {
	m := wal.Multiline{MaxWait: time.Second}
	if d.Multiline != nil {
		m.MaxWait = d.Multiline.MaxWait
	}
	pattern, isStart := strings.CutPrefix(value, "start:")
	isContinue := false
	if !isStart {
		pattern, isContinue = strings.CutPrefix(value, "continue:")
	}
	switch {
	case value == "none":
		d.Multiline = nil
		return nil
	case isStart:
		m.Start = pattern
	case isContinue:
		m.Continue = pattern
	case parse.Traces[value] != "":
		m.Traces = parse.Traces[value]
	default:
		return errors.New("it is neither none, rules for traces, start:PATTERN nor continue:PATTERN")
	}
	if isStart || isContinue {
		if err := affordable(pattern); err != nil {
			return err
		}
	}
	d.Multiline = &m
	return nil
}

// affordable says why a pattern of a pod is not used.
func affordable(pattern string) error {
	if pattern == "" || len(pattern) > maxPattern {
		return fmt.Errorf("its pattern must have 1 to %d bytes", maxPattern)
	}
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return errors.New("it is not a regular expression of RE2")
	}
	steps := cost(re)
	if !anchored(re) {
		steps *= anywhere
	}
	if steps > maxSteps {
		return errors.New("its pattern costs too much: it has too many parts, repetitions counted")
	}
	return nil
}

// anchored says that a pattern is compared with the beginning of a line only.
func anchored(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpBeginText:
		return true
	case syntax.OpConcat, syntax.OpCapture:
		return anchored(re.Sub[0])
	case syntax.OpAlternate:
		return !slices.ContainsFunc(re.Sub, func(sub *syntax.Regexp) bool { return !anchored(sub) })
	}
	return false
}

// cost is how many states a pattern has, about: what is compared with each byte of a line in the worst case. It counts a
// repetition as often as it may come, before anybody spells it out.
func cost(re *syntax.Regexp) int {
	sum := 0
	for _, sub := range re.Sub {
		sum = min(sum+cost(sub), 1<<20)
	}
	switch re.Op {
	case syntax.OpLiteral:
		return len(re.Rune)
	case syntax.OpCharClass:
		return 1 + len(re.Rune)/32
	case syntax.OpRepeat:
		sum = min(max(re.Min, re.Max, 1)*max(sum, 1), 1<<20)
		if re.Max < 0 {
			sum += perhaps
		}
		return sum
	case syntax.OpStar, syntax.OpPlus, syntax.OpQuest:
		return sum + perhaps
	}
	return sum + 1
}

var indexName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,199}$`)

func (r *Rules) index(d *wal.File, value string) error {
	if r.IndexAnnotation == "" {
		return errors.New("the configuration lets no pod choose its index")
	}
	if ok, _ := path.Match(r.IndexAnnotation, value); !ok || !indexName.MatchString(value) {
		return errors.New("it is no name of an index that the configuration lets pods choose")
	}
	d.Route = value
	return nil
}
