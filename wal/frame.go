package wal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// A frame is what one tidwall entry holds: a Block, or the summary that ends a sealed Segment. FORMAT.md draws it.
//
//	magic 8 | version 1 | kind 1 | codec 1 | 0 | header length 4 | payload length 4 | text length 4
//	salt 8 | Index 8 | Time 8 | Prev 8 | Durable 8 | CRC 4 | header | CRC 4 | payload | CRC 4 | trailer of a summary
type frame struct {
	kind       byte
	codec      byte
	headerLen  int
	payloadLen int
	textLen    int
	salt       uint64 // random, the same in all frames of a Segment: bytes of another Segment or of a log line never pass
	index      Index
	time       int64 // Unix nanoseconds
	prev       Index // the last durable Index before this Segment
	durable    Index // the last durable Index when this frame was written

	size    int64  // bytes of the whole frame
	header  []byte // nil when damaged; valid until the scanner moves on, as payload is
	payload []byte
}

const (
	magic   = "\xf5logboom" // no UTF-8 text holds the first byte
	version = 2             // the highest there is

	kindBlock   = 1
	kindSummary = 2

	fixedSize   = 68 // its checksum included
	crcSize     = 4
	trailerSize = 16
	minFrame    = fixedSize + 2*crcSize
	trailMagic  = "logboom\xf5"

	maxHeader    = 4 << 20              // bytes of a Block's header, Files included
	maxBlockText = TargetText + MaxText // bytes: one long Record may come last
	maxSummary   = 16 << 20             // bytes of a summary's text
	maxIndex     = 1 << 62              // so that sums never overflow
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errFrame = errors.New("no frame here")

// parse reads p, a frame's fixed part. errFrame: it is none.
func (f *frame) parse(p []byte) error {
	end := fixedSize - crcSize
	if string(p[:len(magic)]) != magic || binary.LittleEndian.Uint32(p[end:]) != crc32.Checksum(p[:end], castagnoli) {
		return errFrame
	}
	if p[8] < 1 || p[8] > version {
		return fmt.Errorf("%w: frame version %d", ErrVersion, p[8])
	}
	*f = frame{
		kind:       p[9],
		codec:      p[10],
		headerLen:  int(binary.LittleEndian.Uint32(p[12:])),
		payloadLen: int(binary.LittleEndian.Uint32(p[16:])),
		textLen:    int(binary.LittleEndian.Uint32(p[20:])),
		salt:       binary.LittleEndian.Uint64(p[24:]),
		index:      Index(binary.LittleEndian.Uint64(p[32:])),
		time:       int64(binary.LittleEndian.Uint64(p[40:])),
		prev:       Index(binary.LittleEndian.Uint64(p[48:])),
		durable:    Index(binary.LittleEndian.Uint64(p[56:])),
	}
	f.size = int64(minFrame + f.headerLen + f.payloadLen)
	limit := maxBlockText
	if f.kind == kindSummary {
		f.size += trailerSize
		limit = maxSummary
	}
	if f.kind != kindBlock && f.kind != kindSummary || f.headerLen > maxHeader || f.payloadLen > limit || f.textLen > limit ||
		f.index == 0 || f.index > maxIndex || f.prev >= f.index || f.durable >= f.index {
		return errFrame
	}
	return nil
}

// check sets header and payload to those parts of p, the frame as far as it can be read, that are undamaged.
func (f *frame) check(p []byte) {
	start := fixedSize + f.headerLen + crcSize
	end := start + f.payloadLen + crcSize
	f.header, f.payload = nil, nil
	if sound(p, fixedSize-crcSize, start) {
		f.header = p[fixedSize : start-crcSize]
	}
	if sound(p, start-crcSize, end) {
		f.payload = p[start : end-crcSize]
	}
}

// sound says whether the last bytes of p[start:end] are the checksum of those before.
func sound(p []byte, start, end int) bool {
	return end <= len(p) && binary.LittleEndian.Uint32(p[end-crcSize:]) == crc32.Checksum(p[start:end-crcSize], castagnoli)
}

// seal turns p into a frame: fixedSize bytes to be filled in here, the header, room for its checksum, the payload. f has
// the values. Each checksum covers the one before, so that a part never passes behind another frame's.
func (f *frame) seal(p []byte, header int) []byte {
	start := fixedSize + header
	copy(p, magic)
	p[8], p[9], p[10], p[11] = f.version(), f.kind, f.codec, 0
	binary.LittleEndian.PutUint32(p[12:], uint32(header))
	binary.LittleEndian.PutUint32(p[16:], uint32(len(p)-start-crcSize))
	binary.LittleEndian.PutUint32(p[20:], uint32(f.textLen))
	binary.LittleEndian.PutUint64(p[24:], f.salt)
	binary.LittleEndian.PutUint64(p[32:], uint64(f.index))
	binary.LittleEndian.PutUint64(p[40:], uint64(f.time))
	binary.LittleEndian.PutUint64(p[48:], uint64(f.prev))
	binary.LittleEndian.PutUint64(p[56:], uint64(f.durable))
	binary.LittleEndian.PutUint32(p[64:], crc32.Checksum(p[:64], castagnoli))
	binary.LittleEndian.PutUint32(p[start:], crc32.Checksum(p[64:start], castagnoli))
	p = binary.LittleEndian.AppendUint32(p, crc32.Checksum(p[start:], castagnoli))
	if f.kind == kindSummary {
		p = append(p, trailer(int64(len(p)+trailerSize))...)
	}
	return p
}

// version is the lowest that reads f, so that an older release stops only at what it can't read.
func (f *frame) version() byte {
	if f.codec == codecS2 {
		return 2
	}
	return 1
}

// trailer ends a summary of size bytes, so that it is found from the end of the file.
func trailer(size int64) []byte {
	p := make([]byte, 0, trailerSize)
	p = binary.LittleEndian.AppendUint32(p, uint32(size))
	p = binary.LittleEndian.AppendUint32(p, ^uint32(size))
	return append(p, trailMagic...)
}

// entrySize is what a frame of n bytes takes in the file: tidwall puts its length before it.
func entrySize(n int) int64 {
	var p [binary.MaxVarintLen64]byte
	return int64(binary.PutUvarint(p[:], uint64(n)) + n)
}
