package wal

import (
	"errors"
	"fmt"
	"slices"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// Codecs, as a byte of each frame says them. On one core and CRI text, s2 does 1300 MB/s at a ratio of 4.2, and zstd at its
// fastest 220 MB/s at 7.1. So what leaves again in a moment is packed quickly, and densely what may have to outlast an outage:
// Append looks at how much waits.
const (
	codecRaw  = 0 // text that does not shrink
	codecZstd = 1
	codecS2   = 2 // since version 2
)

// window is the compressor's memory of earlier text. klauspost's default of 4 MiB costs 9 MiB and wins nothing here.
const window = 128 << 10 // bytes

var errUnpack = errors.New("payload does not unpack to the promised length")

// packer compresses; one goroutine uses it.
type packer struct {
	zstd *zstd.Encoder
}

func newPacker() (packer, error) {
	e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(window),
		zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false))
	if err != nil {
		return packer{}, fmt.Errorf("zstd encoder: %w", err)
	}
	return packer{e}, nil
}

// quick appends text to dst, compressed unless that makes it no smaller.
func (p packer) quick(dst, text []byte) (out []byte, codec byte) {
	n := len(dst)
	dst = slices.Grow(dst, s2.MaxEncodedLen(len(text)))
	packed := s2.Encode(dst[n:n:cap(dst)], text) // in the room behind dst
	if len(packed) >= len(text) {
		return append(dst, text...), codecRaw
	}
	return dst[:n+len(packed)], codecS2
}

// pack is quick for what has time: smaller, and slower.
func (p packer) pack(dst, text []byte) (out []byte, codec byte) {
	n := len(dst)
	dst = p.zstd.EncodeAll(text, dst)
	if len(dst)-n >= len(text) {
		return append(dst[:n], text...), codecRaw
	}
	return dst, codecZstd
}

// unpacker is the way back; one goroutine uses it.
type unpacker struct {
	zstd *zstd.Decoder
}

func newUnpacker() (unpacker, error) {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(maxSummary), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		return unpacker{}, fmt.Errorf("zstd decoder: %w", err)
	}
	return unpacker{d}, nil
}

func (u unpacker) close() { u.zstd.Close() }

// unpack writes what packed holds over dst, whose memory it uses if that is enough. The caller has checked that size is
// within its bound; nothing is ever decoded past it.
func (u unpacker) unpack(dst, packed []byte, codec byte, size int) ([]byte, error) {
	if cap(dst) < size {
		dst = make([]byte, size+size/8)
	}
	dst = dst[:size]
	switch codec {
	case codecRaw:
		if copy(dst, packed) != len(packed) || len(packed) != size {
			return nil, errUnpack
		}
	case codecZstd:
		out, err := u.zstd.DecodeAll(packed, dst[:0:size]) // with the cap as its limit
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errUnpack, err)
		}
		if len(out) != size || size > 0 && &out[0] != &dst[0] {
			return nil, errUnpack
		}
	case codecS2:
		if n, err := s2.DecodedLen(packed); err != nil || n != size { // what Decode would write
			return nil, errUnpack
		}
		if _, err := s2.Decode(dst, packed); err != nil {
			return nil, fmt.Errorf("%w: %w", errUnpack, err)
		}
	default:
		return nil, fmt.Errorf("%w: unknown codec %d", errUnpack, codec)
	}
	return dst, nil
}
