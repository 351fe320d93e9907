package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
)

// A record on disk, integers little-endian:
//
//	 0  4  n: bytes of the record behind these first 8
//	 4  4  CRC-32C of those n bytes
//	 8  1  kind: document or tombstone
//	 9  8  sequence number
//	17  4  version
//	21  2  bytes of the id
//	23  .  id, then the source up to the end of the record
const (
	headBytes  = 8
	fixedBytes = 15
	maxRecord  = 256 << 20 // bytes; more is damage, not a document

	kindDocument  = 1
	kindTombstone = 2
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)

	errTorn = errors.New("torn or damaged record")
)

// record is one entry of an index' file. ID and Source point into the buffer that it was read from.
type record struct {
	kind    byte
	seq     int64
	version uint32
	id      []byte
	source  []byte
}

func (r *record) size() int64 {
	return int64(headBytes + fixedBytes + len(r.id) + len(r.source))
}

func (r *record) append(to []byte) []byte {
	start := len(to)
	to = binary.LittleEndian.AppendUint32(to, uint32(fixedBytes+len(r.id)+len(r.source)))
	to = append(to, 0, 0, 0, 0, r.kind)
	to = binary.LittleEndian.AppendUint64(to, uint64(r.seq))
	to = binary.LittleEndian.AppendUint32(to, r.version)
	to = binary.LittleEndian.AppendUint16(to, uint16(len(r.id)))
	to = append(to, r.id...)
	to = append(to, r.source...)
	sum := crc32.Checksum(to[start+headBytes:], castagnoli)
	binary.LittleEndian.PutUint32(to[start+4:], sum)
	return to
}

// readRecord reads the next record of in, into buf when that is large enough. It returns io.EOF at the end, and errTorn
// for everything that no complete append has written.
func readRecord(in io.Reader, buf []byte) (record, []byte, error) {
	var head [headBytes]byte
	if n, err := io.ReadFull(in, head[:]); err == io.EOF && n == 0 {
		return record{}, buf, io.EOF
	} else if err != nil {
		return record{}, buf, tornOr(err)
	}
	n := int(binary.LittleEndian.Uint32(head[:]))
	if n < fixedBytes || n > maxRecord {
		return record{}, buf, errTorn
	}
	if cap(buf) < n {
		buf = make([]byte, n+n/4)
	}
	body := buf[:n]
	if _, err := io.ReadFull(in, body); err != nil {
		return record{}, buf, tornOr(err)
	}
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(head[4:]) {
		return record{}, buf, errTorn
	}
	idLen := int(binary.LittleEndian.Uint16(body[13:]))
	if fixedBytes+idLen > n {
		return record{}, buf, errTorn
	}
	return record{
		kind:    body[0],
		seq:     int64(binary.LittleEndian.Uint64(body[1:])),
		version: binary.LittleEndian.Uint32(body[9:]),
		id:      body[fixedBytes : fixedBytes+idLen],
		source:  body[fixedBytes+idLen:],
	}, buf, nil
}

func tornOr(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errTorn
	}
	return fmt.Errorf("read record: %w", err)
}
