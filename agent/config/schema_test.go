package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

const schemaFile = "../../docs/logboom.schema.json"

// TestSchemaIsThatOfTheTypes makes the JSON Schema for editors from the types, and the words in it from the page that
// describes the keys. `make schema` writes it.
func TestSchemaIsThatOfTheTypes(t *testing.T) {
	var c Config
	c.setDefaults()
	s := schema{page: meanings(t)}
	root := s.of(reflect.TypeOf(c), "")
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "logboom's configuration"
	root["required"] = []string{"inputs", "sink"}
	root["$defs"] = object{"reference": object{"type": "string", "pattern": `^file:|\$\{`,
		"description": "${NAME} is an environment variable; file:/path is what a file holds"}}
	var want bytes.Buffer
	e := json.NewEncoder(&want)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(root); err != nil {
		t.Fatal(err)
	}
	if os.Getenv("LOGBOOM_UPDATE") != "" {
		if err := os.WriteFile(schemaFile, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(got), want.String()); diff != "" {
		t.Errorf("the file (-) is not what the types make (+): make schema\n%s", diff)
	}
}

const chartSchema = "../../deploy/helm/logboom/values.schema.json"

// The chart's schema holds that of the agent, so that helm install refuses a configuration that the agent would end with. It is
// kept here, because it changes with the types: `make schema` writes it behind the agent's own.
func TestSchemaOfTheChartHasTheAgents(t *testing.T) {
	agent, chart := readSchema(t, schemaFile), readSchema(t, chartSchema)
	definitions := agent["$defs"].(map[string]any)
	for _, key := range []string{"$defs", "$schema", "title"} {
		delete(agent, key)
	}
	definitions["agent"] = agent
	wordless(definitions)
	if os.Getenv("LOGBOOM_UPDATE") != "" {
		chart["$defs"] = definitions
		var text bytes.Buffer
		e := json.NewEncoder(&text)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(chart); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(chartSchema, text.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(any(definitions), chart["$defs"]); diff != "" {
		t.Errorf("the chart's schema (+) has not the agent's (-): make schema\n%s", diff)
	}
}

// wordless takes the descriptions out: Helm shows none, and the page's words would be the chart's business.
func wordless(schema any) {
	switch v := schema.(type) {
	case map[string]any:
		if _, ok := v["description"].(string); ok { // and no property of that name
			delete(v, "description")
		}
		for _, below := range v {
			wordless(below)
		}
	case []any:
		for _, below := range v {
			wordless(below)
		}
	}
}

func readSchema(t *testing.T, path string) (v map[string]any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return v
}

func TestSchemaTakesWhatParseTakes(t *testing.T) {
	s, err := jsonschema.NewCompiler().Compile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	every, err := os.ReadFile("testdata/every-key.yaml")
	if err != nil {
		t.Fatal(err)
	}
	good := "inputs: [{kubernetes: {}}]\nsink: {elasticsearch: {urls: [http://a]}}\n"
	for _, text := range []string{string(every), good,
		good + "wal: {max_size: 1.5GB, min_free: 5%}", good + "wal: {max_size: 5000000000}", good + "wal: {max_size: '${SIZE}'}",
		good + "delivery: {grace: 1h30m}", good + "lock_wait: 0s", good + "node_name: 12"} {
		if err := s.Validate(asJSON(t, text)); err != nil {
			t.Errorf("refuses\n%s\n%v", text, err)
		}
	}
	for _, text := range []string{"inputs: []", good + "surprise: 1", good + "wal: {max_size: many}", good + "wal: {min_free: 120%}", good + "wal: {on_full: cry}",
		good + "delivery: {grace: soon}", good + "delivery: {drain_on_stop: perhaps}", good + "http: [off]",
		"inputs: [{files: {}}]\nsink: {elasticsearch: {urls: [http://a]}}", "inputs: [{kubernetes: {}}]\nsink: {elasticsearch: {}}"} {
		if s.Validate(asJSON(t, text)) == nil {
			t.Errorf("takes\n%s", text)
		}
	}
}

func asJSON(t *testing.T, text string) (v any) {
	t.Helper()
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if v, err = jsonschema.UnmarshalJSON(bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	return v
}

type object map[string]any

// schema makes a JSON Schema of types; page has what each key means.
type schema struct{ page map[string][2]string }

// of is the schema of a value of type t at path.
func (s schema) of(t reflect.Type, path string) object {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	v := reflect.New(t)
	if set, ok := v.Interface().(setter); ok {
		return orReference(scalarOf(t, set))
	}
	switch t.Kind() {
	case reflect.Struct:
		o, properties := object{"type": "object", "additionalProperties": false}, object{}
		var required []string
		for i, key := range keys(t) {
			at := join(path, key)
			p := s.of(t.Field(i).Type, at)
			if says, ok := s.page[at]; ok {
				p["description"] = says[1]
				if says[0] == "required" {
					required = append(required, key)
				} else if says[0] != "-" {
					p["description"] = says[1] + ". Default: " + says[0]
				}
			}
			properties[key] = p
		}
		o["properties"] = properties
		if required != nil {
			o["required"] = required
		}
		return o
	case reflect.Slice:
		return object{"type": "array", "items": s.of(t.Elem(), path+"[]")}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": s.of(t.Elem(), path+".*")}
	case reflect.Bool:
		return orReference(object{"type": "boolean"})
	case reflect.Int:
		return orReference(object{"type": "integer"})
	case reflect.String:
		return object{"type": []string{"string", "number", "boolean"}, "minLength": 1}
	}
	if t == reflect.TypeFor[time.Duration]() {
		return orReference(object{"type": "string", "pattern": `^(0|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+)$`})
	}
	panic(fmt.Sprintf("BUG: a field of type %v", t))
}

// scalarOf is the schema of a type with a text form of its own.
func scalarOf(t reflect.Type, set setter) object {
	const size = `[0-9]+(\.[0-9]+)?\s*(TiB|GiB|MiB|KiB|TB|GB|MB|kB|KB|B)?`
	const share = `[0-9]{1,2}(\.[0-9]+)?\s*%`
	switch t {
	case reflect.TypeFor[Bytes]():
		return object{"type": []string{"string", "integer"}, "pattern": "^" + size + "$"}
	case reflect.TypeFor[Space]():
		return object{"type": []string{"string", "integer"}, "pattern": "^(" + size + "|" + share + ")$"}
	case reflect.TypeFor[Share]():
		return object{"type": "string", "pattern": "^(100(\\.0+)?\\s*%|" + share + ")$"}
	}
	if words, ok := strings.CutPrefix(fmt.Sprint(set.set("\x00")), "is none of "); ok {
		return object{"enum": strings.Split(words, ", ")}
	}
	return object{"type": []string{"string", "number", "boolean"}, "minLength": 1}
}

func orReference(o object) object {
	return object{"anyOf": []object{o, {"$ref": "#/$defs/reference"}}}
}

var row = regexp.MustCompile("(?m)^\\| `([a-z_.\\[\\]*]+)` \\| [^|]+ \\| ([^|]+) \\| ([^|]+) \\|$")

// meanings reads docs/configuration.md: the default and the meaning of each key, without the signs of Markdown.
func meanings(t *testing.T) map[string][2]string {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "configuration.md"))
	if err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`\[([^\]]+)\]\([^)]+\)`)
	plain := func(text []byte) string {
		return strings.TrimSpace(strings.ReplaceAll(string(link.ReplaceAll(text, []byte("$1"))), "`", ""))
	}
	all := map[string][2]string{}
	for _, m := range row.FindAllSubmatch(page, -1) {
		all[string(m[1])] = [2]string{plain(m[2]), plain(m[3])}
	}
	return all
}
