package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

// TestEveryMutationCanBeMade: what a mutation changes still stands in the code, once. Where the code has changed, the
// mutation must follow.
func TestEveryMutationCanBeMade(t *testing.T) {
	names := map[string]bool{}
	for i := range table {
		m := &table[i]
		if names[m.name] {
			t.Errorf("%s is listed twice", m.name)
		}
		names[m.name] = true
		if m.name == "" || m.broken == "" || m.invariant == "" || m.test == "" || m.old == m.new {
			t.Errorf("%s lacks something: %+v", m.name, m)
		}
		if _, err := m.apply(root); err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
	}
}

// TestEveryMutationIsCaught: MUTATIONS.md has the result of each mutation, and it is a test that there is.
func TestEveryMutationIsCaught(t *testing.T) {
	results, err := readResults(root)
	if err != nil {
		t.Fatal(err)
	}
	for i := range table {
		m := &table[i]
		result := results[m.name]
		delete(results, m.name)
		if !isTest(result) {
			t.Errorf("%s: %q; run make mutations N=%s", m.name, result, m.name)
			continue
		}
		_, test, _ := strings.Cut(result, ".")
		if !declared(t, filepath.Join(root, m.pkg), test) {
			t.Errorf("%s: package %s has no test %s; run make mutations N=%s", m.name, m.pkg, test, m.name)
		}
	}
	for name := range results {
		t.Errorf("%s lists %s, which is no mutation any more", resultsFile, name)
	}
}

// declared says whether a test file in dir has the function.
func declared(t *testing.T, dir, function string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), "\nfunc "+function+"(t *testing.T)") || strings.Contains(string(text), "\nfunc "+function+"(f *testing.F)") {
			return true
		}
	}
	return false
}

// TestOutcomesAreToldApart: what does not compile is not caught, and a panic is.
func TestOutcomesAreToldApart(t *testing.T) {
	for _, c := range []struct {
		what, json string
		unbuilt    bool
		failed     string
	}{
		{"a failure", `{"Action":"pass","Test":"TestA"}
			{"Action":"fail","Test":"TestB/one"}
			{"Action":"fail","Test":"TestB"}
			{"Action":"fail","Package":"p"}`, false, "TestB"},
		{"no failure", `{"Action":"pass","Test":"TestA"}
			{"Action":"pass","Package":"p"}`, false, ""},
		{"the end of the process", `{"Action":"run","Test":"TestA"}
			{"Action":"pass","Test":"TestA"}
			{"Action":"run","Test":"TestB"}
			{"Action":"run","Test":"TestB/one"}
			{"Action":"output","Output":"fatal error: fault"}
			{"Action":"fail","Package":"p"}`, false, "TestB"},
		{"a compiler's error", `{"Action":"build-output","Output":"declared and not used: x\n"}
			{"Action":"build-fail"}
			{"Action":"fail","Package":"p","FailedBuild":"p"}`, true, ""},
	} {
		if o := read([]byte(c.json)); o.unbuilt != c.unbuilt || o.failed != c.failed {
			t.Errorf("%s gave %+v", c.what, o)
		}
	}
}
