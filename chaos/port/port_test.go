package port

import (
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// A process that is told so takes a port, says which, and lives until its input ends.
const takes = "LOGBOOM_TAKES_A_PORT"

func TestMain(m *testing.M) {
	if os.Getenv(takes) == "" {
		os.Exit(m.Run())
	}
	addr, err := Free()
	if err != nil {
		os.Stderr.WriteString(err.Error())
		os.Exit(1)
	}
	os.Stdout.WriteString(addr)
	os.Stdout.Close()
	os.Stdin.Read(make([]byte, 1))
}

func free(t *testing.T) (addr string, number int) {
	t.Helper()
	addr, err := Free()
	if err != nil {
		t.Fatal(err)
	}
	at, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return addr, at.Port
}

func TestServerFindsItsPortAgain(t *testing.T) {
	addr, _ := free(t)
	for range 3 {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
	}
}

func TestPortInUseIsPassedOver(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if addr, name := claim(l.Addr().(*net.TCPAddr).Port); name != nil {
		t.Errorf("%s was handed out while somebody listens there", addr)
	}
}

func TestKernelGivesItToNobody(t *testing.T) {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		t.Fatal(err)
	}
	first, end, err := own(string(text))
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if addr, number := free(t); number < first || number >= end {
			t.Errorf("%s is not from %d to %d", addr, first, end-1)
		}
	}
	for text, want := range map[string][2]int{
		"32768\t60999\n": {10240, 32768},
		"15000\t64000\n": {10240, 15000},
		"1024\t65535\n":  {10240, 65536}, // nothing is left: any
		"10250\t60000\n": {10240, 65536},
	} {
		if first, end, err := own(text); first != want[0] || end != want[1] || err != nil {
			t.Errorf("%q: %d to %d, %v; want %v", text, first, end, err, want)
		}
	}
	if _, _, err := own("many"); err == nil {
		t.Error("a range that is no number was read")
	}
}

// The port of a process that runs goes to no other one, and is back when it was killed.
func TestPortHasOneOwner(t *testing.T) {
	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), takes+"=1")
	in, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer other.Wait()
	defer other.Process.Kill()
	text := make([]byte, 100)
	n, err := out.Read(text)
	if err != nil {
		t.Fatal(err)
	}
	at, err := net.ResolveTCPAddr("tcp", string(text[:n]))
	if err != nil {
		t.Fatal(err)
	}
	if again, name := claim(at.Port); name != nil {
		t.Fatalf("%s has two owners", again)
	}
	other.Process.Kill()
	other.Wait()
	again, name := claim(at.Port)
	if name == nil || again != at.String() {
		t.Fatalf("%s is not back after its owner was killed", at)
	}
	name.Close()
}

// Two of this process never get the same, even if nobody listens there, and after garbage was collected.
func TestPortIsHandedOutOnce(t *testing.T) {
	seen := map[string]bool{}
	for range 50 {
		addr, number := free(t)
		if !strings.HasPrefix(addr, "127.0.0.1:") || seen[addr] {
			t.Fatalf("%s, after %v", addr, seen)
		}
		seen[addr] = true
		runtime.GC()
		if again, name := claim(number); name != nil {
			t.Fatalf("%s was handed out twice", again)
		}
	}
}
