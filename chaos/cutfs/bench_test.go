package cutfs

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// What the package comment says of costs.

func BenchmarkWrite(b *testing.B) {
	for _, size := range []int{200, 256 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			f, dir := mount(b, Options{})
			file, err := os.Create(filepath.Join(dir, "a"))
			if err != nil {
				b.Fatal(err)
			}
			defer file.Close()
			f.Inject(Rule{Op: Read}) // a rule that never fits costs what rules cost
			data := make([]byte, size)
			b.SetBytes(int64(size))
			for off := int64(0); b.Loop(); off = (off + int64(size)) % (64 << 20) {
				if _, err := file.WriteAt(data, off); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCutAndRestart(b *testing.B) {
	for _, size := range []int{0, 64 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			f, dir := mount(b, Options{})
			if err := os.WriteFile(filepath.Join(dir, "a"), make([]byte, size), 0o644); err != nil {
				b.Fatal(err)
			}
			if err := f.Sync(); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if err := f.Cut(1); err != nil {
					b.Fatal(err)
				}
				if err := f.Restart(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
