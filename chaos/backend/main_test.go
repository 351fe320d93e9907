package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test binary stand in for the command, so that a test can kill it.
func TestMain(m *testing.M) {
	if os.Getenv("BE_THE_BACKEND") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// start runs the backend as its own process and returns its address.
func start(t *testing.T, data string) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "--listen", "127.0.0.1:0", "--data", data)
	cmd.Env = append(os.Environ(), "BE_THE_BACKEND=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the backend didn't come up: %v", err)
	}
	return cmd, strings.TrimSpace(strings.TrimPrefix(line, "listening on "))
}

// fill sends bulk requests until one fails, and returns how many documents were acknowledged. It calls begun after the first one.
func fill(url string, from int, begun func()) (acked int) {
	for {
		var b strings.Builder
		for i := range 100 {
			fmt.Fprintf(&b, "{\"create\":{\"_id\":\"%d\"}}\n{\"n\":%[1]d}\n", from+acked+i)
		}
		answer, err := http.Post(url+"/logs/_bulk?filter_path=errors", "application/x-ndjson", strings.NewReader(b.String()))
		if err != nil {
			return acked
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != 200 || !strings.Contains(string(body), "errors") {
			return acked
		}
		if acked += 100; acked == 100 {
			begun()
		}
	}
}

func TestStartWaitsForTheLockOfAProcessThatIsEnding(t *testing.T) {
	data := t.TempDir()
	first, _ := start(t, data)
	time.AfterFunc(100*time.Millisecond, func() { first.Process.Kill() })
	start(t, data)
}

func TestSIGKILLLosesNothingThatWasAcknowledged(t *testing.T) {
	data := t.TempDir()
	acked := 0
	for range 3 {
		cmd, url := start(t, data)
		acked += fill(url, acked, func() { time.AfterFunc(150*time.Millisecond, func() { cmd.Process.Kill() }) })
		cmd.Wait()
	}
	_, url := start(t, data)
	for i := range acked {
		if i%97 != 0 && i < acked-200 {
			continue
		}
		answer, err := http.Head(fmt.Sprintf("%s/logs/_doc/%d", url, i))
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != 200 {
			t.Errorf("document %d of %d: %s", i, acked, answer.Status)
		}
	}
}
