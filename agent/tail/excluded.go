package tail

import (
	"slices"
	"time"

	"logboom/checkpoint"
	"logboom/wal"
)

// An excluded File is followed like others, but nothing of it is read: how long it is, is all that counts. It needs no pin and no
// descriptor, and its account is in the checkpoint, so that it survives a restart and the file itself.

// tallyEvery is how often the checkpoint is told how much excluded Files have grown. What a crash forgets of that is seen again.
const tallyEvery = 30 * time.Second

// unknownPod is why a File is excluded whose pod the API did not tell of.
const unknownPod = "unknown"

// choose lets the configuration decide how a File of a container is read, and whether.
func (t *Tailer) choose(in *input, d *wal.File) {
	if in.Choose != nil {
		in.Choose(d)
	}
	if in.ExcludeUnknown && !d.Described && d.Excluded == "" {
		d.Excluded = unknownPod
	}
}

func (f *file) excluded() bool { return f.desc.Excluded != "" }

// skip counts what is there of f, which is excluded.
func (f *file) skip(size int64) {
	f.size = max(f.size, size)
	f.read.off = wal.Offset(f.size)
	f.safe = f.read
}

// leave lets go of all that a file was kept with before it was known to be excluded.
func (t *Tailer) leave(f *file, n *nascent) {
	n.src.Close()
	if !n.entry.gz {
		f.skip(n.entry.size)
	}
	if f.pin == "" {
		return
	}
	if err := t.pins.remove(f.pin); err != nil {
		t.warnOnce(f.pin, "can't remove a pin", err)
		return
	}
	f.pin = ""
}

// tally tells the checkpoint of excluded Files: of new ones and of those that are gone at once, as they may be forgotten soon.
func (t *Tailer) tally(now time.Time) {
	due := now.Sub(t.tallied) >= tallyEvery
	if due {
		t.tallied = now
	}
	for _, f := range t.byID {
		if f.excluded() && (!f.counted || f.read.off != f.countedTo && (due || !f.attached)) {
			f.counted, f.countedTo = true, f.read.off
			t.changed.Files = slices.DeleteFunc(t.changed.Files, func(fs checkpoint.FileState) bool { return fs.File.ID == f.desc.ID }) // as the checkpoint could not be written
			t.changed.Files = append(t.changed.Files, checkpoint.FileState{File: f.desc, Offset: f.read.off})
		}
	}
}
