package config

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/google/go-cmp/cmp"
)

// withFiles is a file with the node's containers, then one files input for each list of patterns, from line 3 on.
func withFiles(lists ...string) string {
	inputs := "  - kubernetes: {}\n"
	for _, list := range lists {
		inputs += "  - files: {paths: [" + list + "]}\n"
	}
	return edit("  - kubernetes: {}\n", inputs)
}

func TestAFileThatTwoWouldReadIsRefused(t *testing.T) {
	const (
		twice = " can match files under inputs[0].kubernetes.root, whose lines would be stored twice\n"
		own   = " can match files in data_dir, which logboom writes itself\n"
		much  = " is too much: a pattern has at most 1000 alternatives in braces, and 4096 bytes\n"
	)
	at := func(line int, pattern, message string) string {
		return fmt.Sprintf("x.yaml:%d:21: inputs[%d].files.paths[0]: %q%s%5d |   - files: {paths: [%q]}\n      |                     ^",
			line, line-2, pattern, message, line, pattern)
	}
	refused := func(pattern, message string) struct{ text, want string } {
		return struct{ text, want string }{withFiles(fmt.Sprintf("%q", pattern)), at(3, pattern, message)}
	}
	for name, c := range map[string]struct{ text, want string }{
		"all pod logs":          refused("/var/log/pods/*/*/*.log", twice),
		"one pod log":           refused("/var/log/pods/a_b_c/d/0.log", twice),
		"right in the root":     refused("/var/log/pods/*.log", twice),
		"literal in the root":   refused("/var/log/pods/x", twice),
		"deep in the root":      refused("/var/log/pods/a/b/c/d/*", twice),
		"stars for the root":    refused("/var/*/p*/*/*/*.log", twice),
		"part of the root":      refused("/var/log/p?ds/*/*/*.log", twice),
		"class":                 refused("/var/log/[o-q]ods/*/*/*.log", twice),
		"braces":                refused("/var/log/{app,pods}/*/*/*.log", twice),
		"braces over folders":   refused("/var/log/{app/x,pods/*/*}/*.log", twice),
		"braces in braces":      refused("/var/{log/{a,pods/shop_*},b}/**/x", twice),
		"any depth":             refused("/var/log/pods*/**", twice),
		"any depth, later":      refused("/var/*/pods/*/**/*.log", twice),
		"not clean":             refused("/var/log/../log//pods/*.log", twice),
		"escaped":               refused(`/var/log/po\ds/*/*/*`, twice),
		"everything":            refused("/**/*", own),
		"all logs":              refused("/var/log/**/*.log", own),
		"data_dir":              refused("/var/log/logboom/*", own),
		"deep in data_dir":      refused("/var/log/logboom/x/y", own),
		"one folder, any name":  refused("/var/log/*/*", own),
		"the checkpoint":        refused("/var/log/l*/*.db", own),
		"LOCK":                  refused("/var/log/*/LOC?", own),
		"FORMAT":                refused("/var/log/*/*MAT", own),
		"RESERVE":               refused("/var/log/*/R*", own),
		"WAL":                   refused("/var/log/log*/wal/*/*", own),
		"dead letters":          refused("/var/log/log*/d*/*/*", own),
		"pins":                  refused("/var/log/log*/*/*/*/0.log.*", own),
		"pins, any depth":       refused("/var/log/*/pins/**", own),
		"braces with data_dir":  refused("/var/log/{a,logboom}/x", own),
		"braces in classes":     refused("/var/log/[p{]ods/*/*,/[}0]*", twice),
		"too many braces":       refused("/"+strings.Repeat("{a,b}", 10), much),
		"too many choices":      refused("/{a"+strings.Repeat(",a", 1000)+"}", much),
		"too long":              refused("/"+strings.Repeat("a", 4096), much),
		"another root and data": {withFiles(`"/data/**"`) + "data_dir: /data/x\n", at(3, "/data/**", own)},
		"root with a slash": {edit("- kubernetes: {}", "- files: {paths: [/?/*/*/*]}\n  - kubernetes: {root: /p/}"),
			"x.yaml:2:21: inputs[0].files.paths[0]: \"/?/*/*/*\" can match files under inputs[1].kubernetes.root, whose lines would be stored twice\n" +
				"    2 |   - files: {paths: [/?/*/*/*]}\n      |                     ^"},
		"the second root": {edit("- kubernetes: {}", "- kubernetes: {}\n  - files: {paths: [/p/x]}\n  - kubernetes: {root: /p}"),
			"x.yaml:3:21: inputs[1].files.paths[0]: \"/p/x\" can match files under inputs[2].kubernetes.root, whose lines would be stored twice\n" +
				"    3 |   - files: {paths: [/p/x]}\n      |                     ^"},
		"same in two inputs": {withFiles(`"/a/*.log"`, `"/a/*.log"`),
			at(4, "/a/*.log", " is the same pattern as inputs[1].files.paths[0]\n")},
		"same but for a slash": {withFiles(`"/a/*.log"`, `"/a//*.log"`),
			at(4, "/a//*.log", " is the same pattern as inputs[1].files.paths[0]\n")},
		"same in one input": {withFiles(`/a, /b, /a`),
			"x.yaml:3:29: inputs[1].files.paths[2]: \"/a\" is the same pattern as inputs[1].files.paths[0]\n" +
				"    3 |   - files: {paths: [/a, /b, /a]}\n      |                             ^"},
	} {
		t.Run(name, func(t *testing.T) {
			config, err := Parse("x.yaml", []byte(c.text))
			if err == nil {
				t.Fatalf("accepted: %+v", config)
			}
			if diff := cmp.Diff(c.want, err.Error()); diff != "" {
				t.Errorf("%s\n%s", err, diff)
			}
		})
	}
}

func TestPatternsBesideTheOthersAreAccepted(t *testing.T) {
	for _, pattern := range []string{
		"/var/log/*.log", "/var/log/*", "/var/log/*/*.log", "/var/log/*/*/*.log", "/var/log/app/**", "/var/log/{app,nginx}/**/*.log", "/var/log/pods.log",
		"/var/log/pods2/*/*/*.log", "/var/log/logboom2/**", "/var/log/logboom.log", "/var/log/[!pl]*/**", "/var/log/pods\\*/x", "/*/*/*/*/x/y/*/*",
		"/var/{lib/docker,opt}/**/*.log", "/var/log/[{]/*.log", `/var/log/\{pods,x\}/*/*/*`, "/{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}",
	} {
		if _, err := Parse("x.yaml", []byte(withFiles("'"+pattern+"'"))); err != nil {
			t.Errorf("%s: %v", pattern, err)
		}
	}
}

// A pattern that matches a container's log is found, whatever stands in it: it is made from the log's path, with parts
// replaced by what matches them.
func TestNoPatternForAContainersLogIsMissed(t *testing.T) {
	const root, log = "/var/log/pods", "/var/log/pods/shop_web_u1/app/0.log"
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 20_000 {
		pattern := loosen(rng, log)
		if ok, err := doublestar.PathMatch(pattern, log); !ok || err != nil {
			t.Fatalf("seed %d: %s does not match %s: %v", seed, pattern, log, err)
		}
		if all := alternatives(pattern); !slices.ContainsFunc(all, func(p string) bool { return matchesPodLog(p, root) }) {
			t.Errorf("seed %d: %s stands for %q, and is missed", seed, pattern, all)
		}
	}
}

func loosen(rng *rand.Rand, path string) string {
	parts := strings.Split(path[1:], "/")
	for i := 0; i < len(parts); i++ {
		p := parts[i]
		switch rng.IntN(9) {
		case 0:
			parts[i] = "*"
		case 1:
			parts[i] = p[:1] + "*"
		case 2:
			parts[i] = "?" + p[1:]
		case 3:
			parts[i] = "[" + p[:1] + "]" + p[1:]
		case 4:
			parts[i] = "{x," + p + "}"
		case 5:
			parts[i] = "**/" + p
		case 6:
			n := min(1+rng.IntN(3), len(parts)-i) // folders in one
			parts = slices.Replace(parts, i, i+n, "**/*")
		case 7:
			n := min(1+rng.IntN(3), len(parts)-i) // folders in braces
			parts = slices.Replace(parts, i, i+n, "{x/{y,z},"+strings.Join(parts[i:i+n], "/")+"}")
		}
	}
	return "/" + strings.Join(parts, "/")
}
