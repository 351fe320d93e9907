package config

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"logboom/sink"
)

// What stands in the description of every File must be short, or it would not fit into the WAL.
const (
	maxName   = 255 // bytes of a node's name: one of Kubernetes has 253 at most
	maxFields = 8   // parts of an index pattern: each stands for a name
)

// check looks at what the walk alone can't see: bounds, and fields that must fit each other.
func (d *decoder) check(c *Config) {
	if len(c.NodeName) > maxName {
		d.reportAt("node_name", "node_name has %d bytes; at most %d are a name", len(c.NodeName), maxName)
	}
	d.absolute("data_dir", c.DataDir)
	if len(c.Inputs) == 0 {
		d.reportAt("inputs", "inputs names nothing to read; add kubernetes or files")
	}
	for i := range c.Inputs {
		d.checkInput(fmt.Sprintf("inputs[%d]", i), &c.Inputs[i], c)
	}
	d.checkOverlaps(c)
	d.checkMetadata(&c.Metadata)
	d.checkRoutes(c)
	within(d, "wal.segment_size", c.WAL.SegmentSize, MiB, 64*MiB)
	if c.WAL.MaxSize < 4*c.WAL.SegmentSize {
		d.reportAt("wal.max_size", "wal.max_size (%s) must hold at least 4 times wal.segment_size (%s)", c.WAL.MaxSize, c.WAL.SegmentSize)
	}
	if c.Dead.MaxSize < 64*MiB {
		d.reportAt("deadletter.max_size", "deadletter.max_size (%s) must be at least 64MiB, or the letters of one request may not fit", c.Dead.MaxSize)
	}
	d.checkElasticsearch(&c.Sink.Elasticsearch)
	d.checkFields(c)
	d.checkListen(c.HTTP.Listen)
}

func (d *decoder) checkInput(path string, in *Input, c *Config) {
	if (in.Kubernetes == nil) == (in.Files == nil) {
		d.reportAt(path, "%s must hold exactly one of kubernetes and files", path)
		return
	}
	if k := in.Kubernetes; k != nil {
		d.absolute(path+".kubernetes.root", k.Root)
		d.checkIndex(path+".kubernetes.index", k.Index)
		d.checkMultiline(path+".kubernetes.multiline", k.Multiline)
		d.checkJSON(path+".kubernetes.json", k.JSON, c)
		d.checkAllowed(path+".kubernetes.allowed_roots", k.AllowedRoots)
		d.checkPatterns(path+".kubernetes.index_annotation", []string{k.IndexAnnotation})
		d.checkSelection(path+".kubernetes.include", &k.Include, c)
		d.checkSelection(path+".kubernetes.exclude", &k.Exclude, c)
		if inside(k.Root, c.DataDir) || inside(c.DataDir, k.Root) {
			d.reportAt(path+".kubernetes.root", "%s.kubernetes.root and data_dir must not lie inside each other", path)
		}
		return
	}
	if len(in.Files.Paths) == 0 {
		d.reportAt(path+".files.paths", "%s.files.paths names no file", path)
	}
	for i, pattern := range in.Files.Paths {
		d.checkPattern(fmt.Sprintf("%s.files.paths[%d]", path, i), pattern)
	}
	d.checkIndex(path+".files.index", in.Files.Index)
	d.checkMultiline(path+".files.multiline", in.Files.Multiline)
	d.checkJSON(path+".files.json", in.Files.JSON, c)
	d.checkAllowed(path+".files.allowed_roots", in.Files.AllowedRoots)
}

func (d *decoder) checkAllowed(path string, roots []string) {
	for i, root := range roots {
		d.absolute(fmt.Sprintf("%s[%d]", path, i), root)
	}
}

func (d *decoder) checkPattern(path, pattern string) {
	switch {
	case pattern == "":
	case !doublestar.ValidatePattern(pattern):
		d.reportAt(path, "%s: %s is not a pattern", path, d.marks[path].shown)
	default:
		d.absolute(path, pattern)
	}
}

func (d *decoder) checkElasticsearch(e *Elasticsearch) {
	const path = "sink.elasticsearch"
	if len(e.URLs) == 0 {
		d.reportAt(path+".urls", "%s.urls names no server, such as https://elasticsearch:9200", path)
	}
	for i, u := range e.URLs {
		d.checkURL(fmt.Sprintf("%s.urls[%d]", path, i), u)
	}
	d.checkIndex(path+".index", e.Index)
	ways := 0
	for _, set := range []bool{e.Username != "" || e.Password != "", e.APIKey != "", e.Bearer != ""} {
		if set {
			ways++
		}
	}
	if ways > 1 {
		d.reportAt(path, "%s has more than one way to authenticate; keep username with password, or api_key, or bearer", path)
	}
	if (e.Username == "") != (e.Password == "") {
		d.reportAt(path, "%s: username and password belong together", path)
	}
	if (e.TLS.CertFile == "") != (e.TLS.KeyFile == "") {
		d.reportAt(path+".tls", "%s.tls: cert_file and key_file belong together", path)
	}
	for name := range e.Headers {
		if !headerName.MatchString(name) {
			d.reportAt(join(path+".headers", name), "%s.headers: a header can't have this name", path)
		}
	}
	if err := sink.CheckProxy(e.Proxy.Reveal()); err != nil {
		d.reportAt(path+".proxy", "%s.proxy: %v", path, err)
	}
	within(d, path+".compression_level", e.CompressionLevel, 0, 9)
	within(d, path+".batch_size", e.BatchSize, MiB, 64*MiB)
	within(d, path+".concurrency", e.Concurrency, 1, 16)
	if e.BytesPerSecond != 0 {
		within(d, path+".max_bytes_per_second", e.BytesPerSecond, 16<<10, 1<<40)
	}
	within(d, path+".timeout", e.Timeout, time.Second, time.Hour)
	within(d, path+".min_backoff", e.MinBackoff, 10*time.Millisecond, time.Hour)
	if e.MaxBackoff < e.MinBackoff {
		d.reportAt(path+".max_backoff", "%s.max_backoff (%v) is less than min_backoff (%v)", path, e.MaxBackoff, e.MinBackoff)
	}
}

var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// checkFields knows which fields a document can have more or less, and sink knows why.
func (d *decoder) checkFields(c *Config) {
	for _, name := range slices.Sorted(maps.Keys(c.Fields.Add)) {
		f := sink.Fields{Add: map[string]string{name: ""}}
		if err := f.Check(); err != nil {
			d.reportAt(join("fields.add", name), "fields.add: %v", err)
		}
	}
	f := sink.Fields{Add: c.Fields.Add}
	if err := f.Check(); err != nil { // two that exclude each other
		d.reportAt("fields.add", "fields.add: %v", err)
	}
	for i, name := range c.Fields.Drop {
		f := sink.Fields{Drop: []string{name}}
		if err := f.Check(); err != nil {
			d.reportAt(fmt.Sprintf("fields.drop[%d]", i), "fields.drop: %v", err)
		}
	}
	for i, r := range c.Redact {
		path := fmt.Sprintf("redact[%d]", i)
		if r.Pattern.Regexp == nil {
			d.reportAt(path, "%s has no pattern", path)
		} else if r.Pattern.MatchString("") {
			d.reportAt(path+".pattern", "%s.pattern: %s finds the empty text, which is everywhere", path, d.marks[path+".pattern"].shown)
		}
	}
}

func (d *decoder) checkURL(path, text string) {
	if text == "" {
		return
	}
	u, err := url.Parse(text)
	switch {
	case err == nil && u.User != nil:
		d.reportAt(path, "%s holds a user; use username and password, which are never shown", path)
	case err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.Scheme != "http" && u.Scheme != "https":
		d.reportAt(path, "%s: %s is not a URL like https://elasticsearch:9200", path, d.marks[path].shown)
	}
}

var placeholder = regexp.MustCompile(`%\{[^}]*\}?`)

var (
	indexFields = map[string]bool{"%{namespace}": true, "%{pod}": true, "%{container}": true}
	indexOfPod  = regexp.MustCompile(`^%\{(label|annotation)\.([A-Za-z0-9._/-]+)(:[a-z0-9][a-z0-9._-]*)?\}$`)
	indexDate   = regexp.MustCompile(`^%\{\+[^}a-zA-Z]*(?:(?:yyyy|MM|dd|HH)[^}a-zA-Z]*)+\}$`)
)

// checkIndex knows what Elasticsearch would refuse in a name, and what tail and sink put in place of a pattern's parts.
func (d *decoder) checkIndex(path, pattern string) {
	if pattern == "" {
		return
	}
	shown := d.marks[path].shown
	parts := placeholder.FindAllString(pattern, -1)
	if len(parts) > maxFields {
		d.reportAt(path, "%s: %s has %d parts like %%{namespace}; at most %d are allowed", path, shown, len(parts), maxFields)
		return
	}
	for _, p := range parts {
		if !indexFields[p] && !indexOfPod.MatchString(p) && !indexDate.MatchString(p) {
			d.reportAt(path, "%s: %s is none of %%{namespace}, %%{pod}, %%{container}, %%{label.KEY}, %%{annotation.KEY} and dates like %%{+yyyy.MM.dd} (yyyy, MM, dd, HH)", path, p)
			return
		}
	}
	name := placeholder.ReplaceAllString(pattern, "x")
	if name != strings.ToLower(name) || strings.ContainsAny(name, "\\/*?\"<>| ,#:") || strings.ContainsRune("-_+.", rune(name[0])) || len(name) > 255 {
		d.reportAt(path, "%s: %s can't name an index: lower case, without \\ / * ? \" < > | , # : and spaces, not starting with - _ + .", path, shown)
	}
}

func (d *decoder) checkListen(listen string) {
	if listen == "off" || listen == "" {
		return
	}
	_, port, err := net.SplitHostPort(listen)
	if n, portErr := strconv.Atoi(port); err != nil || portErr != nil || n < 0 || n > 65535 {
		d.reportAt("http.listen", "http.listen: %s is not an address like 127.0.0.1:9600; off listens nowhere", d.marks["http.listen"].shown)
	}
}

func (d *decoder) absolute(path, name string) {
	if name != "" && !filepath.IsAbs(name) {
		d.reportAt(path, "%s: %s must be an absolute path", path, d.marks[path].shown)
	}
}

func within[T int | Bytes | time.Duration](d *decoder, path string, v, low, high T) {
	if v < low || v > high {
		d.reportAt(path, "%s: %v is not between %v and %v", path, v, low, high)
	}
}

// reportAt reports where path stands, or where the nearest thing around it stands, once: a value that could not be read is
// not checked too.
func (d *decoder) reportAt(path, format string, args ...any) {
	where, found := d.marks[path]
	for outer := path; !found && outer != ""; where, found = d.marks[outer] {
		outer = outer[:max(strings.LastIndexAny(outer, ".["), 0)]
		if outer == "" {
			break
		}
	}
	for _, p := range d.problems {
		if p.line == where.line && found {
			return
		}
	}
	d.report(where, format, args...)
}

// inside says whether name lies in the folder dir, or is it.
func inside(name, dir string) bool {
	rel, err := filepath.Rel(dir, name)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}

// harmless are the keys of the file whose values hold no secret, so that an error may show them.
var harmless = func() map[string]bool {
	found := map[string]bool{}
	secret := map[string]bool{}
	var walk func(t reflect.Type)
	walk = func(t reflect.Type) {
		for t.Kind() == reflect.Slice || t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || t == reflect.TypeFor[Space]() || t == reflect.TypeFor[Pattern]() || t == reflect.TypeFor[Selector]() {
			return
		}
		for i, key := range keys(t) {
			f := t.Field(i).Type
			if f == reflect.TypeFor[Secret]() || f.Kind() == reflect.Map {
				secret[key] = true
			}
			found[key] = true
			walk(f)
		}
	}
	walk(reflect.TypeFor[Config]())
	for key := range secret {
		delete(found, key)
	}
	return found
}()
