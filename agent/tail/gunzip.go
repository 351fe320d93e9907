package tail

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/flate"
)

// gunzip decompresses a .gz (RFC 1952), of one member or more. A library's reader has one error for whatever is wrong with the
// end of a member; here it counts whether bytes of the content are missing:
//
//	header | deflate, which says itself where it ends | CRC-32 and length of the content
//
// Where deflate came to its end, all of the content was read, and a trailer that is cut off or wrong takes nothing away: that is a
// doubt, told beside io.EOF. Only where neither of its sums fits, and something follows, was that no end but damage in the middle.
type gunzip struct {
	in    *bufio.Reader
	body  io.ReadCloser // a flate.Resetter
	sum   uint32        // CRC-32 of what was read of the member
	size  uint32        // and its length, as the trailer has it
	buf   [10]byte
	doubt error // why what was read may not be what was written
	err   error
}

var (
	errNoGzip     = errors.New("no gzip header")
	errTrailerCut = errors.New("it was read to its end, and is cut off there: no checksum says that this is what was compressed")
	errChecksum   = errors.New("it was read to its end, and its checksum is wrong: some of the bytes may not be what was compressed")
	errBehind     = errors.New("it was read to its end, and what follows there is no gzip: that is not read")
)

func newGunzip(r io.Reader) (*gunzip, error) {
	g := &gunzip{in: bufio.NewReader(r)}
	return g, g.begin()
}

func (g *gunzip) Read(p []byte) (n int, err error) {
	for n == 0 && g.err == nil {
		n, g.err = g.body.Read(p)
		g.sum, g.size = crc32.Update(g.sum, crc32.IEEETable, p[:n]), g.size+uint32(n)
		if g.err == io.EOF {
			g.err = g.endMember()
		}
	}
	return n, g.err
}

// endMember reads the trailer, and the header of another member if there is one. Otherwise it returns io.EOF.
func (g *gunzip) endMember() error {
	var next []byte
	n, err := io.ReadFull(g.in, g.buf[:8])
	if err == nil {
		next, err = g.in.Peek(2)
	}
	if err != nil && !cutOff(err) {
		return err // of the disk: it may pass
	}
	last := len(next) == 0
	sum, size := binary.LittleEndian.Uint32(g.buf[:4]), binary.LittleEndian.Uint32(g.buf[4:8])
	switch {
	case n < 4:
		g.doubt = errTrailerCut
	case sum == g.sum: // then the length is right too, whatever it says
	case last || size == g.size:
		g.doubt = errChecksum
	default:
		return fmt.Errorf("checksum and length are wrong behind %d bytes", g.size)
	}
	if last {
		return io.EOF
	}
	if len(next) < 2 || !isGzip(next) {
		g.doubt = errors.Join(g.doubt, errBehind)
		return io.EOF
	}
	return g.begin()
}

// begin reads the header of a member.
func (g *gunzip) begin() error {
	if _, err := io.ReadFull(g.in, g.buf[:]); err != nil {
		return unexpected(err)
	}
	const (
		deflate                        = 8
		crc, extra, name, comment byte = 1 << 1, 1 << 2, 1 << 3, 1 << 4
		reserved                  byte = 0xe0
	)
	flags := g.buf[3]
	if !isGzip(g.buf[:]) || g.buf[2] != deflate || flags&reserved != 0 {
		return errNoGzip
	}
	if flags&extra != 0 {
		if _, err := io.ReadFull(g.in, g.buf[:2]); err != nil {
			return unexpected(err)
		}
		if _, err := g.in.Discard(int(binary.LittleEndian.Uint16(g.buf[:2]))); err != nil {
			return unexpected(err)
		}
	}
	for _, text := range []byte{name, comment} {
		if flags&text == 0 {
			continue
		}
		if err := g.skipText(); err != nil {
			return err
		}
	}
	if flags&crc != 0 { // of the header, which is nothing to us
		if _, err := g.in.Discard(2); err != nil {
			return unexpected(err)
		}
	}
	g.sum, g.size = 0, 0
	if g.body == nil {
		g.body = flate.NewReader(g.in)
		return nil
	}
	return g.body.(flate.Resetter).Reset(g.in, nil)
}

// skipText passes over what ends with a NUL.
func (g *gunzip) skipText() error {
	for range 64 << 10 {
		if c, err := g.in.ReadByte(); err != nil || c == 0 {
			return unexpected(err)
		}
	}
	return errNoGzip
}

// reset begins again with r.
func (g *gunzip) reset(r io.Reader) error {
	g.in.Reset(r)
	g.doubt, g.err = nil, nil
	return g.begin()
}

func isGzip(head []byte) bool { return head[0] == 0x1f && head[1] == 0x8b }

func cutOff(err error) bool { return err == io.EOF || err == io.ErrUnexpectedEOF }

// unexpected is err where there should have been more.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
