package store

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
)

// openIndex reads the file at path, cuts a torn tail off and says how many bytes that were.
func openIndex(name, path string) (*Index, int64, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, 0, err
	}
	x := &Index{name: name, file: file, sync: file.Sync, ids: map[key]int64{}}
	x.changed = sync.NewCond(&x.mu)
	torn, err := x.replay()
	if err != nil {
		file.Close()
		return nil, 0, fmt.Errorf("replay %s: %w", path, err)
	}
	return x, torn, nil
}

func (x *Index) replay() (torn int64, err error) {
	in := bufio.NewReaderSize(x.file, 1<<20)
	var rec record
	var buf []byte
	for {
		rec, buf, err = readRecord(in, buf)
		if err != nil {
			break
		}
		x.note(&rec, x.size)
		x.size += rec.size()
		x.seq = rec.seq + 1
	}
	if err != io.EOF && !errors.Is(err, errTorn) {
		return 0, err
	}
	end, err := x.file.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, err
	}
	if torn = end - x.size; torn > 0 {
		if err := x.file.Truncate(x.size); err != nil {
			return 0, err
		}
	}
	// What a killed process wrote may be in the page cache only: nothing is answered from it before it is on the disk.
	if err := x.sync(); err != nil {
		return 0, err
	}
	x.synced = x.size
	return torn, nil
}
