package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The test binary plays the programs that are measured: main_test's own name for the role stands in this variable.
const roleVariable = "LOGBOOM_BENCH_TEST_ROLE"

func TestMain(m *testing.M) {
	role := os.Getenv(roleVariable)
	switch {
	case role == "forwards":
		exitWith(forward(os.Args[1], os.Args[2]))
	case len(os.Args) > 1 && os.Args[1] == unitCommand:
		exitWith(compressAll(os.Args[2:]))
	case len(os.Args) > 1 && os.Args[1] == "version":
		fmt.Println("fake version")
	case len(os.Args) > 3 && os.Args[1] == "run" && strings.HasPrefix(role, "tails"):
		exitWith(tailSlowly(role, os.Args[3]))
	case len(os.Args) > 3 && os.Args[1] == "run":
		exitWith(drainAs(role, os.Args[3]))
	case role != "":
		exitWith(perform(role))
	default:
		os.Exit(m.Run())
	}
}

func exitWith(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// drainAs is an agent that counts newlines and sends as many documents, or does so badly.
func drainAs(role, config string) error {
	text, err := os.ReadFile(config)
	if err != nil {
		return err
	}
	value := func(expr string) string { return string(regexp.MustCompile(expr).FindSubmatch(text)[1]) }
	root, url, data := value(`root: "(.*)"`), value(`urls: \["(.*)"\]`), value(`data_dir: "(.*)"`)
	if entries, err := os.ReadDir(data); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty", data)
	}
	files, err := filepath.Glob(filepath.Join(root, "*", "*", "0.log"))
	if err != nil {
		return err
	}
	role, length, _ := strings.Cut(role, " for ")
	lingering, _ := time.ParseDuration(length)
	docs := 0
	for _, path := range files {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		docs += bytes.Count(content, []byte("\n"))
	}
	switch role {
	case "one short", "stays one short":
		docs--
	case "one double":
		docs++
	case "fails":
		return errors.New("out of luck")
	case "hangs":
		time.Sleep(time.Hour)
	case "lingers":
		time.Sleep(lingering / 2)
	}
	body := strings.Repeat("{\"create\":{}}\n{}\n", docs)
	answer, err := http.Post(url+"/x/_bulk", "application/x-ndjson", strings.NewReader(body))
	if err != nil {
		return err
	}
	switch role {
	case "lingers":
		time.Sleep(lingering)
	case "stays", "stays one short":
		time.Sleep(time.Hour) // until it is told to end
	}
	return answer.Body.Close()
}

// perform is a program with a known appetite.
func perform(role string) error {
	name, arg, _ := strings.Cut(role, " ")
	switch name {
	case "rest":
		return nil
	case "spin": // 200 ms of user time, however busy the machine is
		for user := time.Duration(0); user < 200*time.Millisecond; user, _ = ownTimes() {
			for range 1_000_000 {
			}
		}
	case "call": // 200 ms of system time
		zero, err := os.Open("/dev/zero")
		if err != nil {
			return err
		}
		b := make([]byte, 1<<20)
		for system := time.Duration(0); system < 200*time.Millisecond; _, system = ownTimes() {
			if _, err := zero.Read(b); err != nil {
				return err
			}
		}
	case "hold":
		held := make([]byte, 150e6)
		for i := range held {
			held[i] = byte(i)
		}
		time.Sleep(50 * time.Millisecond)
		if held[len(held)-1] == 1 {
			return nil
		}
	case "write":
		f, err := os.Create(arg)
		if err != nil {
			return err
		}
		if _, err := f.Write(make([]byte, 8<<20)); err != nil {
			return err
		}
		return f.Sync()
	}
	return nil
}

func ownTimes() (user, system time.Duration) {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		panic(err)
	}
	return time.Duration(r.Utime.Nano()), time.Duration(r.Stime.Nano())
}

// tries lets what a busy machine can spoil be done again, with 3, 9 and 27 times the time.
func tries(t *testing.T, once func(scale time.Duration) error) {
	t.Helper()
	for scale := time.Duration(1); ; scale *= 3 {
		err := once(scale)
		if err == nil {
			return
		}
		if scale == 27 {
			t.Error(err)
			return
		}
		t.Logf("with %d times the time: %v", scale, err)
	}
}

// build makes the embedded backend.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "backend")
	if output, err := exec.Command("go", "build", "-o", path, "logboom/chaos/backend").CombinedOutput(); err != nil {
		t.Fatalf("build the backend: %v\n%s", err, output)
	}
	return path
}

func testOptions(t *testing.T) options {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return options{corpora: "text8", bytes: 1e6, seed: 1, runs: 2, dir: t.TempDir(), logboom: self, backend: build(t), timeout: 2 * time.Minute}
}
