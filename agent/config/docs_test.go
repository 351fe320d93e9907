package config

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The page lists every key in the order of the types, and its defaults are those that Parse fills in.
func TestDocsListEveryKeyWithItsDefault(t *testing.T) {
	page, err := os.ReadFile("../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_.\\[\\]]+)` \\| [^|]+ \\| ([^|]+) \\| [^|]+ \\|$").FindAllSubmatch(page, -1) {
		documented = append(documented, string(m[1])+" = "+string(m[2]))
	}
	var c Config
	c.setDefaults()
	var want []string
	listKeys(reflect.ValueOf(c), "", &want)
	if diff := cmp.Diff(want, documented); diff != "" {
		t.Errorf("docs/configuration.md (+) differs from the types (-):\n%s", diff)
	}
}

// elsewhere are the defaults that Parse takes from the machine or from another key, and the keys without any.
var elsewhere = map[string]string{
	"node_name": "`NODE_NAME`, then host name", "inputs": "required", "inputs[].files.paths": "required", "sink.elasticsearch.urls": "required",
	"redact[].pattern": "required", "inputs[].kubernetes.index": "that of the sink", "inputs[].files.index": "that of the sink",
}

func listKeys(v reflect.Value, path string, found *[]string) {
	for i, key := range keys(v.Type()) {
		path, field := join(path, key), v.Field(i)
		_, scalar := reflect.New(field.Type()).Interface().(setter)
		switch {
		case field.Kind() == reflect.Struct && !scalar:
			listKeys(field, path, found)
		case field.Kind() == reflect.Pointer:
			*found = append(*found, path+" = -")
			section := reflect.New(field.Type().Elem())
			section.Interface().(interface{ setDefaults() }).setDefaults()
			listKeys(section.Elem(), path, found)
		case path == "inputs":
			*found = append(*found, path+" = required")
			listKeys(reflect.New(field.Type().Elem()).Elem(), path+"[]", found)
		case path == "redact":
			*found = append(*found, path+" = -")
			var r Redaction
			r.setDefaults()
			listKeys(reflect.ValueOf(r), path+"[]", found)
		case elsewhere[path] != "":
			*found = append(*found, path+" = "+elsewhere[path])
		case field.IsZero() && field.Kind() != reflect.Bool:
			*found = append(*found, path+" = -")
		default:
			*found = append(*found, fmt.Sprintf("%s = `%v`", path, field.Interface()))
		}
	}
}
