package checkpoint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
)

// bbolt's file as far as it has to be right before bbolt may see it. Numbers are in the machine's byte order.
const (
	boltMagic   = 0xED0CDAED
	boltVersion = 2

	pageHeader  = 16 // id u64, flags u16, count u16, overflow u32
	branchElem  = 16 // pos u32, key size u32, page u64
	leafElem    = 16 // flags u32, pos u32, key size u32, value size u32
	bucketValue = 16 // root page u64 (0: the page stands inline behind), sequence u64
	metaLen     = 64 // magic, version, page size, flags u32; root, sequence, free list, pages, transaction, checksum u64

	branchPage   = 0x01
	leafPage     = 0x02
	freelistPage = 0x10

	bucketFlag = 0x01 // of a leaf element
	manyFree   = 0xFFFF
)

var order = binary.NativeEndian

type boltMeta struct{ root, freelist, pages, txid uint64 }

// verify reads all of f and checks that bbolt can walk it: two meta pages of which one is whole, every page in bounds,
// of its kind, named once, its keys in order, and the free list naming exactly the rest. Memory is one bit pattern a
// page and the largest page.
func verify(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: not a regular file", ErrCorrupt)
	}
	m, err := readMeta(f)
	if err != nil {
		return err
	}
	if m.pages > uint64(info.Size())/pageSize {
		return fmt.Errorf("%w: %d pages of %d bytes in a file of %d bytes", ErrCorrupt, m.pages, pageSize, info.Size())
	}
	v := &verifier{f: f, used: make([]bool, m.pages)}
	v.used[0], v.used[1] = true, true
	if err := v.tree(m.root); err != nil {
		return err
	}
	return v.freelist(m.freelist)
}

// readMeta returns the newest whole meta page.
func readMeta(f *os.File) (boltMeta, error) {
	var best boltMeta
	found := false
	for i := range int64(2) {
		b := make([]byte, pageHeader+metaLen)
		if _, err := f.ReadAt(b, i*pageSize); err != nil {
			return best, fmt.Errorf("%w: read meta page %d: %v", ErrCorrupt, i, err)
		}
		b = b[pageHeader:]
		sum := fnv.New64a()
		sum.Write(b[:metaLen-8])
		if order.Uint32(b) != boltMagic || order.Uint64(b[56:]) != sum.Sum64() {
			continue
		}
		if v := order.Uint32(b[4:]); v > boltVersion {
			return best, fmt.Errorf("%w: bbolt's format is %d, this release reads %d", ErrTooNew, v, boltVersion)
		}
		if order.Uint32(b[8:]) != pageSize {
			return best, fmt.Errorf("%w: pages of %d bytes instead of %d", ErrCorrupt, order.Uint32(b[8:]), pageSize)
		}
		m := boltMeta{root: order.Uint64(b[16:]), freelist: order.Uint64(b[32:]), pages: order.Uint64(b[40:]), txid: order.Uint64(b[48:])}
		if !found || m.txid > best.txid {
			best, found = m, true
		}
	}
	if !found {
		return best, fmt.Errorf("%w: no meta page is whole", ErrCorrupt)
	}
	if best.pages < 4 {
		return best, fmt.Errorf("%w: %d pages only", ErrCorrupt, best.pages)
	}
	return best, nil
}

type verifier struct {
	f    *os.File
	used []bool // by page number: met once
}

// subtree is a page still to be walked, and the keys that its own must lie between: low <= key < high; nil is no bound.
type subtree struct {
	page      uint64
	low, high []byte
}

// tree walks from root down, into buckets too.
func (v *verifier) tree(root uint64) error {
	for todo := []subtree{{page: root}}; len(todo) > 0; {
		next := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		b, err := v.page(next.page)
		if err != nil {
			return err
		}
		below, err := walk(b, next)
		if err != nil {
			return fmt.Errorf("page %d: %w", next.page, err)
		}
		todo = append(todo, below...)
	}
	return nil
}

// page reads a page with its overflow, and marks it as used.
func (v *verifier) page(id uint64) ([]byte, error) {
	b := make([]byte, pageSize)
	if id < 2 || id >= uint64(len(v.used)) {
		return nil, fmt.Errorf("%w: page %d of %d", ErrCorrupt, id, len(v.used))
	}
	if _, err := v.f.ReadAt(b, int64(id)*pageSize); err != nil {
		return nil, fmt.Errorf("%w: read page %d: %v", ErrCorrupt, id, err)
	}
	over := uint64(order.Uint32(b[12:]))
	if order.Uint64(b) != id || id+over >= uint64(len(v.used)) {
		return nil, fmt.Errorf("%w: page %d says it is %d with %d more", ErrCorrupt, id, order.Uint64(b), over)
	}
	for i := id; i <= id+over; i++ {
		if v.used[i] {
			return nil, fmt.Errorf("%w: page %d is named twice", ErrCorrupt, i)
		}
		v.used[i] = true
	}
	if over > 0 {
		b = append(b, make([]byte, over*pageSize)...)
		if _, err := v.f.ReadAt(b[pageSize:], int64(id+1)*pageSize); err != nil {
			return nil, fmt.Errorf("%w: read page %d: %v", ErrCorrupt, id+1, err)
		}
	}
	return b, nil
}

// walk checks the elements of one page and returns the subtrees below it.
func walk(page []byte, within subtree) ([]subtree, error) {
	flags, count := order.Uint16(page[8:]), int(order.Uint16(page[10:]))
	if flags != branchPage && flags != leafPage || flags == branchPage && count == 0 {
		return nil, fmt.Errorf("%w: flags %#x with %d elements in the tree", ErrCorrupt, flags, count)
	}
	if pageHeader+count*leafElem > len(page) { // both kinds of element have one size
		return nil, fmt.Errorf("%w: %d elements", ErrCorrupt, count)
	}
	var below []subtree
	var before []byte
	for i := range count {
		elem := page[pageHeader+i*leafElem:]
		key, value, err := element(elem, flags)
		if err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
		if i > 0 && bytes.Compare(before, key) >= 0 || bytes.Compare(key, within.low) < 0 ||
			within.high != nil && bytes.Compare(key, within.high) >= 0 {
			return nil, fmt.Errorf("%w: element %d is out of order", ErrCorrupt, i)
		}
		before = key
		switch {
		case flags == branchPage:
			if i > 0 {
				below[i-1].high = key
			}
			below = append(below, subtree{page: order.Uint64(elem[8:]), low: key, high: within.high})
		case order.Uint32(elem) == bucketFlag:
			sub, err := bucket(value)
			if err != nil {
				return nil, fmt.Errorf("element %d: %w", i, err)
			}
			below = append(below, sub...)
		}
	}
	return below, nil
}

// element finds the key, and in a leaf the value, of the element that elem starts with; elem reaches to the page's end.
func element(elem []byte, flags uint16) (key, value []byte, err error) {
	pos, keyLen, valueLen := uint64(order.Uint32(elem)), uint64(order.Uint32(elem[4:])), uint64(0)
	if flags == leafPage {
		pos, keyLen, valueLen = uint64(order.Uint32(elem[4:])), uint64(order.Uint32(elem[8:])), uint64(order.Uint32(elem[12:]))
		if f := order.Uint32(elem); f != 0 && f != bucketFlag {
			return nil, nil, fmt.Errorf("%w: flags %#x", ErrCorrupt, f)
		}
	}
	if keyLen == 0 || pos < leafElem || pos+keyLen+valueLen > uint64(len(elem)) {
		return nil, nil, fmt.Errorf("%w: %d+%d bytes at %d, behind the page", ErrCorrupt, keyLen, valueLen, pos)
	}
	return elem[pos : pos+keyLen], elem[pos+keyLen : pos+keyLen+valueLen], nil
}

// bucket checks the value of a bucket's element: a page of its own, or one inline, which holds no buckets.
func bucket(value []byte) ([]subtree, error) {
	if len(value) < bucketValue {
		return nil, fmt.Errorf("%w: a bucket of %d bytes", ErrCorrupt, len(value))
	}
	if root := order.Uint64(value); root != 0 {
		return []subtree{{page: root}}, nil
	}
	inline := value[bucketValue:]
	if len(inline) < pageHeader || order.Uint16(inline[8:]) != leafPage {
		return nil, fmt.Errorf("%w: an inline bucket without a leaf", ErrCorrupt)
	}
	below, err := walk(inline, subtree{})
	if err == nil && len(below) > 0 {
		err = fmt.Errorf("%w: a bucket inside an inline bucket", ErrCorrupt)
	}
	return nil, err
}

// freelist checks that the free pages are exactly those that the tree does not use. Otherwise a Commit would write
// over a page that is in use.
func (v *verifier) freelist(id uint64) error {
	b, err := v.page(id)
	if err != nil {
		return fmt.Errorf("free list: %w", err)
	}
	count, ids := uint64(order.Uint16(b[10:])), b[pageHeader:]
	if count == manyFree {
		count, ids = order.Uint64(ids), ids[8:]
	}
	if order.Uint16(b[8:]) != freelistPage || count > uint64(len(ids))/8 {
		return fmt.Errorf("%w: page %d with %d entries is no free list", ErrCorrupt, id, count)
	}
	for i := range count {
		free := order.Uint64(ids[8*i:])
		if free >= uint64(len(v.used)) || v.used[free] {
			return fmt.Errorf("%w: page %d can't be free", ErrCorrupt, free)
		}
		v.used[free] = true
	}
	for i, used := range v.used {
		if !used {
			return fmt.Errorf("%w: page %d is neither used nor free", ErrCorrupt, i)
		}
	}
	return nil
}

// settle writes the meta pages as they are again, and fsyncs. What was read may so far be in the page cache only: written
// by a process that was killed before its fsync, or marked clean by an fsync that failed.
func settle(f *os.File) error {
	b := make([]byte, 2*pageSize)
	if _, err := f.ReadAt(b, 0); err != nil {
		return fmt.Errorf("%w: read meta pages: %v", ErrCorrupt, err)
	}
	_, err := f.WriteAt(b, 0)
	return errors.Join(err, syncFile(f))
}
