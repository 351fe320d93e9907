package config

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/labels"
)

// Bytes is a size: 10GiB, 512MiB, 1.5MB, or a plain number of bytes.
type Bytes int64

// Sizes that defaults are made of.
const (
	MiB Bytes = 1 << 20
	GiB Bytes = 1 << 30
)

var units = []struct {
	name string
	size float64
}{
	{"TiB", 1 << 40}, {"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10},
	{"TB", 1e12}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"KB", 1e3}, {"B", 1}, {"", 1},
}

func (b *Bytes) set(text string) error {
	for _, u := range units {
		number, found := strings.CutSuffix(text, u.name)
		if !found {
			continue
		}
		n, err := decimal(strings.TrimSpace(number))
		if err != nil || n*u.size >= math.MaxInt64 {
			break
		}
		*b = Bytes(n * u.size)
		return nil
	}
	return wrong("is not a size; write it like 10GiB, 512MiB or 1000000")
}

// String writes the size with the largest unit that leaves no remainder.
func (b Bytes) String() string {
	for _, u := range units[:4] {
		if size := Bytes(u.size); b >= size && b%size == 0 {
			return fmt.Sprintf("%d%s", b/size, u.name)
		}
	}
	return fmt.Sprintf("%dB", int64(b))
}

// decimal reads a plain positive number, without exponent, hexadecimal digits or names like inf.
func decimal(text string) (float64, error) {
	if strings.Trim(text, "0123456789.") != "" {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseFloat(text, 64)
}

// Space is a part of a volume: a size, or a share of the whole. One of the fields is 0.
type Space struct {
	Bytes   Bytes
	Percent float64 // 0 to 100
}

// Of returns the bytes that s is on a volume of total bytes.
func (s Space) Of(total int64) int64 { return int64(s.Bytes) + int64(float64(total)*s.Percent/100) }

func (s *Space) set(text string) error {
	number, found := strings.CutSuffix(text, "%")
	if !found {
		*s = Space{}
		if s.Bytes.set(text) != nil {
			return wrong("is neither a size nor a share; write it like 20GiB or 15%")
		}
		return nil
	}
	n, err := decimal(strings.TrimSpace(number))
	if err != nil || n >= 100 {
		return wrong("is not a share; write it like 15%, below 100%")
	}
	*s = Space{Percent: n}
	return nil
}

// String writes s as the file does.
func (s Space) String() string {
	if s.Percent != 0 {
		return strconv.FormatFloat(s.Percent, 'f', -1, 64) + "%"
	}
	return s.Bytes.String()
}

// Share is a part of something, in percent: more than 0, at most 100.
type Share float64

func (s *Share) set(text string) error {
	number, found := strings.CutSuffix(text, "%")
	n, err := decimal(strings.TrimSpace(number))
	if !found || err != nil || n <= 0 || n > 100 {
		return wrong("is not a share; write it like 33%, up to 100%")
	}
	*s = Share(n)
	return nil
}

// String writes s as the file does.
func (s Share) String() string { return strconv.FormatFloat(float64(s), 'f', -1, 64) + "%" }

// ReadFrom says what the first start does with what is there already.
type ReadFrom string

const (
	Beginning ReadFrom = "beginning" // reads it
	Now       ReadFrom = "now"       // passes over it
)

func (r *ReadFrom) set(text string) error { return choose(r, text, Beginning, Now) }

// Source is where metadata of pods come from.
type Source string

const (
	SourceAuto Source = "auto" // the API, in a cluster or with a kubeconfig
	SourceAPI  Source = "api"
	SourceNone Source = "none"
)

func (s *Source) set(text string) error { return choose(s, text, SourceAuto, SourceAPI, SourceNone) }

// Selector chooses pods by their labels, as kubectl does with -l.
type Selector struct{ labels.Selector }

func (s *Selector) set(text string) error {
	parsed, err := labels.Parse(text)
	if err != nil || parsed.Empty() {
		return wrong("is not a selector of labels; write it like app=web,tier!=test")
	}
	s.Selector = parsed
	return nil
}

// String writes s as the file does.
func (s Selector) String() string {
	if s.Selector == nil {
		return ""
	}
	return s.Selector.String()
}

// Format is how the lines of a file are written.
type Format string

const (
	Plain  Format = "plain"  // a line is the message
	CRI    Format = "cri"    // as containerd and CRI-O write
	Docker Format = "docker" // as docker's json-file driver writes
	Auto   Format = "auto"   // one of these, by the first line of each file
)

func (f *Format) set(text string) error { return choose(f, text, Plain, CRI, Docker, Auto) }

// Traces names the runtimes whose stack traces are single events.
type Traces string

// AllTraces are the names that a file may say.
var AllTraces = []Traces{"auto", "java", "python", "go", "node", "ruby", "dotnet"}

func (t *Traces) set(text string) error { return choose(t, text, AllTraces...) }

// OnFull says what happens when the WAL is full.
type OnFull string

const (
	Block      OnFull = "block"       // reading stops
	DropOldest OnFull = "drop_oldest" // the oldest Segment is given up, with a ledger entry
)

func (o *OnFull) set(text string) error { return choose(o, text, Block, DropOldest) }

// LogLevel is the least severe level that is logged.
type LogLevel string

// Levels, as log/slog has them.
const (
	LevelDebug LogLevel = "debug"
	LevelInfo  LogLevel = "info"
	LevelWarn  LogLevel = "warn"
	LevelError LogLevel = "error"
)

func (l *LogLevel) set(text string) error {
	return choose(l, text, LevelDebug, LevelInfo, LevelWarn, LevelError)
}

// LogFormat is the shape of a log line.
type LogFormat string

const (
	LogText LogFormat = "text" // key=value
	LogJSON LogFormat = "json"
)

func (l *LogFormat) set(text string) error { return choose(l, text, LogText, LogJSON) }

func choose[T ~string](v *T, text string, words ...T) error {
	if *v = T(text); slices.Contains(words, *v) {
		return nil
	}
	names := make([]string, len(words))
	for i, w := range words {
		names[i] = string(w)
	}
	return wrong("is none of " + strings.Join(names, ", "))
}

// Pattern is a regular expression in the syntax of RE2.
type Pattern struct{ *regexp.Regexp }

func (p *Pattern) set(text string) error {
	re, err := regexp.Compile(text)
	if err != nil {
		return wrong("is not a regular expression: " + flaw(err))
	}
	p.Regexp = re
	return nil
}

// flaw says what is wrong with a regular expression without quoting it, as it may be what a reference stands for.
func flaw(err error) string {
	var e *syntax.Error
	if errors.As(err, &e) {
		return e.Code.String()
	}
	return "it can't be compiled"
}

// String writes p as the file does.
func (p Pattern) String() string {
	if p.Regexp == nil {
		return ""
	}
	return p.Regexp.String()
}

// Secret is a value that is never shown, whatever prints it. Reveal returns it.
type Secret string

// Reveal returns the value itself, for the one place that sends it.
func (s Secret) Reveal() string { return string(s) }

// String returns "(hidden)", or nothing where there is nothing to hide.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "(hidden)"
}

// Format hides the value from every verb of fmt, the wrong ones too.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, s.String()) }

// MarshalText hides the value, from JSON too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue hides the value.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

func (s *Secret) set(text string) error {
	if text == "" {
		return wrong("is empty")
	}
	if strings.ContainsAny(text, "\r\n\x00") {
		return wrong("holds a line break, which can't be sent")
	}
	*s = Secret(text)
	return nil
}
