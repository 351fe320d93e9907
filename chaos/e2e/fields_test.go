package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// source is what a document holds.
type source map[string]any

// document returns some document of an index that a query finds.
func document(t *testing.T, url, index, query string) source {
	t.Helper()
	var found struct {
		Hits struct {
			Hits []struct {
				Source source `json:"_source"`
			}
		}
	}
	get(t, url+"/"+index+"/_search?size=1&q="+query, &found)
	if len(found.Hits.Hits) == 0 {
		t.Errorf("no document of %s matches %s", index, query)
		return nil
	}
	return found.Hits.Hits[0].Source
}

// field returns the text of a field by its dotted name, "" if there is none.
func (s source) field(name string) string {
	var at any = map[string]any(s)
	for part := range strings.SplitSeq(name, ".") {
		object, _ := at.(map[string]any)
		at = object[part]
	}
	if at == nil {
		return ""
	}
	return fmt.Sprint(at)
}

// checkFields looks at where one document says it comes from.
func checkFields(t *testing.T, c *cluster, url string, w workload) {
	t.Helper()
	doc := document(t, url, index(c, w), "*")
	name, uid, path := doc.field("kubernetes.pod.name"), doc.field("kubernetes.pod.uid"), doc.field("log.file.path")
	folder := filepath.Join(podLogs, c.namespace+"_"+name+"_"+uid, "writer") + "/"
	if doc.field("kubernetes.namespace") != c.namespace || !strings.HasPrefix(name, w.Name) || uid == "" ||
		doc.field("kubernetes.container.name") != "writer" || !strings.HasPrefix(path, folder) {
		t.Errorf("a document of %s says that it comes from %v, %s", w.Name, doc["kubernetes"], path)
	}
}
