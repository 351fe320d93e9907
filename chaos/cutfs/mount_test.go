package cutfs

import (
	"os"
	"testing"
)

// mount mounts a file system for one test.
func mount(t testing.TB, o Options) (*FS, string) {
	t.Helper()
	if err := Available(); err != nil {
		if os.Getenv("LOGBOOM_REQUIRE_FUSE") == "1" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	dir := t.TempDir()
	f, err := Mount(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Unmount(); err != nil {
			t.Error(err)
		}
	})
	return f, dir
}
