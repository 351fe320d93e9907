package oracle

import (
	"os/exec"
	"strings"
	"testing"
)

// A mistake that the agent and its judge had in common would not be seen.
func TestItSharesNoCodeWithTheAgent(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "logboom/chaos/oracle/cmd", "logboom/chaos/kubelet", "logboom/chaos/report").Output()
	if err != nil {
		t.Fatal(err)
	}
	ours := 0
	for path := range strings.FieldsSeq(string(out)) {
		if strings.HasPrefix(path, "logboom/") {
			ours++
			if !strings.HasPrefix(path, "logboom/chaos/") {
				t.Errorf("the judge uses %s", path)
			}
		}
	}
	if ours < 4 {
		t.Errorf("only %d packages of this module were looked at", ours)
	}
}
