package tail

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// errChanged says that a File's bytes are not the ones that were read: it was truncated, or written anew.
var errChanged = errors.New("the file changed under its reader")

// errDamaged says that the rest of a .gz can't be decompressed.
var errDamaged = errors.New("damaged or cut off")

// unzipError tells what is wrong with the bytes of a .gz from what is wrong with reading them: that may pass.
func unzipError(err error) error {
	if errors.As(err, new(syscall.Errno)) {
		return err
	}
	return fmt.Errorf("decompress: %w: %w", errDamaged, err)
}

// content is the uncompressed bytes of an open log file.
type content interface {
	// readAt fills p from off on and returns less than len(p) bytes only at the end, or before damage: that is told behind
	// the last good byte.
	readAt(p []byte, off int64) (int, error)
	// follows says whether the bytes before off are still tail.
	follows(tail []byte, off int64) (bool, error)
	io.Closer
}

// plain is a file as it is.
type plain struct{ f *os.File }

func (c plain) readAt(p []byte, off int64) (int, error) {
	n, err := c.f.ReadAt(p, off)
	if err == io.EOF {
		err = nil
	}
	return n, err
}

func (c plain) follows(tail []byte, off int64) (bool, error) {
	var buf [64]byte
	n, err := c.readAt(buf[:len(tail)], off-int64(len(tail)))
	return bytes.Equal(buf[:n], tail), err
}

func (c plain) Close() error { return c.f.Close() }

// zipped is a .gz file. It is read from front to back; bytes since the last readAt's offset are kept, because Intake
// takes only whole Lines of what it read. That takes up to some hundred kilobytes, which sleep gives back: what comes next
// decompresses it from the start again.
type zipped struct {
	f    io.ReadSeekCloser
	z    *gunzip // nil: asleep
	kept []byte  // bytes [from, from+len(kept)) of the content
	from int64
	tail []byte // up to 64 bytes before from
	end  bool
	err  error // what stopped decompression
}

func newZipped(f io.ReadSeekCloser) (*zipped, error) {
	z, err := newGunzip(f)
	if err != nil {
		return nil, err
	}
	return &zipped{f: f, z: z}, nil
}

func (c *zipped) readAt(p []byte, off int64) (int, error) {
	if c.z == nil || off < c.from || c.failed() {
		if err := c.restart(); err != nil {
			return 0, err
		}
	}
	for !c.end && c.err == nil && c.from+int64(len(c.kept)) < off+int64(len(p)) {
		c.more(off)
	}
	c.forget(off)
	n := 0
	if off == c.from { // and not behind the end
		n = copy(p, c.kept)
	}
	if n == 0 || n < len(p) && c.failed() {
		return 0, c.err
	}
	return n, nil
}

// seen returns an end of the content that is certain, behind off if there is any more.
func (c *zipped) seen(off int64) int64 {
	var next [1]byte
	n, _ := c.readAt(next[:], off)
	if n == 0 {
		return 0
	}
	return c.from + int64(len(c.kept))
}

// damaged says that there is more, which can't be decompressed.
func (c *zipped) damaged() bool { return errors.Is(c.err, errDamaged) }

// doubt returns why what was read to its end may not be what was written, if there is a reason.
func (c *zipped) doubt() error {
	if !c.end || c.z == nil {
		return nil
	}
	return c.z.doubt
}

// failed says that there is more, which can't be read now.
func (c *zipped) failed() bool { return c.err != nil && !c.damaged() }

// more decompresses a piece, after it has let go of what lies before off.
func (c *zipped) more(off int64) {
	c.forget(off)
	const piece = 64 << 10
	n := len(c.kept)
	if cap(c.kept)-n < piece {
		c.kept = append(make([]byte, 0, 2*n+piece), c.kept...)
	}
	m, err := c.z.Read(c.kept[n : n+piece])
	c.kept = c.kept[:n+m]
	if err == io.EOF {
		c.end = true
	} else if err != nil {
		c.err = unzipError(err)
	}
}

// forget lets go of the bytes before off, but for the tail.
func (c *zipped) forget(off int64) {
	n := min(int(off-c.from), len(c.kept))
	if n <= 0 {
		return
	}
	c.tail = append(c.tail, c.kept[max(0, n-64):n]...)
	c.tail = append(c.tail[:0], c.tail[max(0, len(c.tail)-64):]...)
	c.kept = append(c.kept[:0], c.kept[n:]...)
	c.from += int64(n)
}

func (c *zipped) follows(tail []byte, off int64) (bool, error) {
	if off != c.from {
		return false, nil
	}
	return bytes.HasSuffix(c.tail, tail), nil
}

func (c *zipped) restart() error {
	if _, err := c.f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	c.kept, c.tail, c.from, c.end, c.err = c.kept[:0], c.tail[:0], 0, false, nil
	var err error
	if c.z == nil {
		c.z, err = newGunzip(c.f)
	} else {
		err = c.z.reset(c.f)
	}
	if err != nil {
		c.err = unzipError(err)
	}
	return c.err
}

func (c *zipped) sleep() { *c = zipped{f: c.f} }

func (c *zipped) Close() error { return c.f.Close() }
