package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// resultsFile is where the results stand, in the repository.
const resultsFile = "chaos/MUTATIONS.md"

const head = `# Mutations

Ways to break logboom, and the test that notices each. ` + "`make mutations`" + ` tries all of them again and writes this file,
` + "`make mutations N=wal/`" + ` those whose names begin so; the changes themselves are in [mutations/](mutations/). What no test
notices is told as SURVIVED, and is a missing test.

Invariants: 1 the Records of a File have no gap. 2 What is called durable is fsynced, with every name that leads to it.
3 Nothing goes from the WAL before all of it has its home. 4 Sending again makes no second document. 5 Nothing is lost
without an entry in the ledger, and accounts add up. 6 Memory is bounded. 7 Disk is bounded. 8 One bad thing stops no other.
9 After any crash a start succeeds by itself, and 1 to 5 hold. pods: what the Kubernetes API tells of a pod counts for its logs.
people: what they are told is true, and shows nobody what is not theirs.

| mutation | what the broken code does | invariant | caught by |
| --- | --- | --- | --- |
`

// notRun stands for the result of a mutation that was never tried.
const notRun = "not run yet"

var row = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|.*\\| `?([^|`]+?)`? \\|$")

// readResults returns the result of each mutation that the file lists.
func readResults(root string) (map[string]string, error) {
	results := map[string]string{}
	text, err := os.ReadFile(filepath.Join(root, resultsFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, m := range row.FindAllStringSubmatch(string(text), -1) {
		results[m[1]] = m[2]
	}
	return results, nil
}

func writeResults(root string, results map[string]string) error {
	var b bytes.Buffer
	b.WriteString(head)
	caught := 0
	for i := range table {
		m := &table[i]
		result := results[m.name]
		switch {
		case result == "":
			result = notRun
		case isTest(result):
			caught++
			result = "`" + result + "`"
		default:
			result = strings.ReplaceAll(result, "|", "/")
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.name, m.broken, m.invariant, result)
	}
	fmt.Fprintf(&b, "\n%d of %d are caught.\n", caught, len(table))
	return os.WriteFile(filepath.Join(root, resultsFile), b.Bytes(), 0o644)
}

// isTest says whether a result is the name of a test, <package>.<test>.
func isTest(result string) bool {
	_, name, ok := strings.Cut(result, ".")
	return ok && (strings.HasPrefix(name, "Test") || strings.HasPrefix(name, "Fuzz")) && !strings.Contains(name, " ")
}
