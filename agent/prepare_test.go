package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

func TestPrepareOpensADataDirectoryToItsGroup(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, made := range []struct {
		name, holds string
		want        os.FileMode // of a folder that had 0755
		code        int
	}{
		{"new", "", 0o770, exitDone},
		{"empty", ".", 0o770, exitDone},
		{"buffer", "LOCK", 0o770, exitDone},
		{"disk", "lost+found", 0o770, exitDone},
		{"etc", "passwd", 0o755, exitFailed},
	} {
		if made.holds != "" {
			if err := os.Mkdir(made.name, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if made.holds != "" && made.holds != "." {
			if err := os.WriteFile(filepath.Join(made.name, made.holds), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		code, _, stderr := logboom(t, context.Background(), "prepare", made.name)
		info, err := os.Stat(made.name)
		if err != nil {
			t.Fatal(err)
		}
		if code != made.code || info.Mode().Perm() != made.want {
			t.Errorf("%s: exit code %d, mode %v: %s", made.name, code, info.Mode(), stderr)
		}
	}
}
