package config

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const short = "inputs: [{kubernetes: {}}]\nredact: [{pattern: a}]\nsink: {elasticsearch: {urls: [http://a], api_key: first}}\n"

func TestChangesTellsWhatARunningAgentTakesOver(t *testing.T) {
	parse := func(text string) *Config {
		t.Helper()
		c, err := Parse("logboom.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if live, fixed := Changes(parse(short), parse(short)); live != nil || fixed != nil {
		t.Errorf("the same configuration: %v, %v", live, fixed)
	}
	live, fixed := Changes(parse(short), parse(`
inputs: [{kubernetes: {root: /pods}}]
redact: [{pattern: b}]
sink: {elasticsearch: {urls: [http://a], api_key: second, headers: {X-A: b}, timeout: 9s}}
wal: {max_size: 1GiB, segment_size: 4MiB}
log: {level: debug, format: json}
`))
	if diff := cmp.Diff([]string{"wal.max_size", "sink.elasticsearch.api_key", "sink.elasticsearch.headers", "log.level"}, live); diff != "" {
		t.Error("live", diff)
	}
	if diff := cmp.Diff([]string{"inputs", "wal.segment_size", "sink.elasticsearch.timeout", "redact", "log.format"}, fixed); diff != "" {
		t.Error("fixed", diff)
	}
}

// The page says of the same keys that SIGHUP takes them over.
func TestDocsNameTheKeysThatAreTakenOver(t *testing.T) {
	page, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	section := regexp.MustCompile(`(?s)## Changing it\n(.*?)\n## `).FindSubmatch(page)
	if section == nil {
		t.Fatal("no section Changing it")
	}
	var documented []string
	for _, m := range regexp.MustCompile("(?m)^- `([a-z_.]+)`").FindAllSubmatch(section[1], -1) {
		documented = append(documented, string(m[1]))
	}
	var want []string
	live(reflect.TypeFor[Config](), "", &want)
	slices.Sort(want)
	slices.Sort(documented)
	if diff := cmp.Diff(want, documented); diff != "" {
		t.Errorf("docs/configuration.md (+) differs from the tags (-):\n%s", diff)
	}
}

func live(t reflect.Type, path string, found *[]string) {
	for i := range t.NumField() {
		f, at := t.Field(i), join(path, t.Field(i).Tag.Get("yaml"))
		_, scalar := reflect.New(f.Type).Interface().(setter)
		if f.Type.Kind() == reflect.Struct && !scalar {
			live(f.Type, at, found)
		} else if f.Tag.Get("reload") == "yes" {
			*found = append(*found, at)
		}
	}
}
