package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckSaysWhenSELinuxConfinesTheAgent(t *testing.T) {
	for label, confined := range map[string]bool{
		"system_u:system_r:container_t:s0:c1,c2\x00": true,
		"system_u:system_r:spc_t:s0\x00":             false,
		"unconfined\n":                               false, // AppArmor's
		"cri-containerd.apparmor.d (enforce)\n":      false,
		"":                                           false,
	} {
		file := filepath.Join(t.TempDir(), "current")
		if err := os.WriteFile(file, []byte(label), 0o600); err != nil {
			t.Fatal(err)
		}
		var out strings.Builder
		k := &checker{w: &out}
		k.selinux(file)
		if got := strings.Contains(out.String(), "spc_t"); got != confined || k.failed > 0 {
			t.Errorf("%q: %s", label, out.String())
		}
	}
}

func TestAFileOfAnotherUserNeedsACapability(t *testing.T) {
	denied := &os.PathError{Op: "open", Path: "/var/log/syslog.log", Err: os.ErrPermission}
	if got := othersFile(denied, 0); !strings.Contains(got, "DAC_READ_SEARCH") {
		t.Error(got)
	}
	for _, other := range []string{othersFile(denied, 1000), othersFile(os.ErrInvalid, 0)} {
		if strings.Contains(other, "DAC_READ_SEARCH") {
			t.Error(other)
		}
	}
}
