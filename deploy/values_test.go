package deploy

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// The chart's README has a table of all values, made of the comments in values.yaml.
func TestTheTableOfValues(t *testing.T) {
	text, err := os.ReadFile(chartDir + "/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	table.WriteString("| value | default | meaning |\n| --- | --- | --- |\n")
	rows(t, &table, "", doc.Content[0])

	const begin, end = "<!-- made of values.yaml: make manifests -->\n", "<!-- end -->\n"
	path := chartDir + "/README.md"
	page, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(page), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table", path)
	}
	want := before + begin + table.String() + end + after
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(page) != want {
		t.Errorf("the table in %s is not that of values.yaml; run make manifests", path)
	}
}

// rows writes a row for each value with a comment. One without must have keys below it that have.
func rows(t *testing.T, table *strings.Builder, path string, m *yaml.Node) {
	for i := 0; i < len(m.Content); i += 2 {
		key, value := m.Content[i], m.Content[i+1]
		name := strings.TrimPrefix(path+"."+key.Value, ".")
		comment := key.HeadComment
		if i := strings.LastIndex(comment, "\n\n"); i >= 0 { // the file's own
			comment = comment[i+2:]
		}
		comment = strings.ReplaceAll(strings.TrimPrefix(comment, "# "), "\n# ", " ")
		inside := value.Kind == yaml.MappingNode && len(value.Content) > 0 && (comment == "" || value.Content[0].HeadComment != "")
		switch {
		case comment != "":
			fmt.Fprintf(table, "| `%s` | %s | %s |\n", name, shown(t, value, inside), strings.ReplaceAll(comment, "|", `\|`))
		case !inside:
			t.Errorf("values.yaml: %s has no comment", name)
		}
		if inside {
			rows(t, table, name, value)
		}
	}
}

// shown is a default in a cell of the table.
func shown(t *testing.T, value *yaml.Node, inside bool) string {
	if inside {
		return "see below"
	}
	var v any
	if err := value.Decode(&v); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return "`" + string(text) + "`"
}
