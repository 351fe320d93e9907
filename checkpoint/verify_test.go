package checkpoint

import (
	"bytes"
	"errors"
	"hash/fnv"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pages finds its way in the bytes of a checkpoint.
type pages []byte

func (p pages) at(id uint64) []byte          { return p[id*pageSize:][:pageSize] }
func (p pages) elem(id uint64, i int) []byte { return p.at(id)[pageHeader+i*leafElem:] }

// key returns the key of an element, to be changed.
func (p pages) key(t *testing.T, id uint64, i int) []byte {
	t.Helper()
	key, _, err := element(p.elem(id, i), order.Uint16(p.at(id)[8:]))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (p pages) meta(t *testing.T) boltMeta {
	t.Helper()
	m, err := readMeta(p.file(t))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (p pages) file(t *testing.T) *os.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "checkpoint.db")
	if err := os.WriteFile(path, p, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// bucketRoot returns the first page of a bucket.
func (p pages) bucketRoot(t *testing.T, name string) uint64 {
	t.Helper()
	root := p.meta(t).root
	for i := range int(order.Uint16(p.at(root)[10:])) {
		key, value, err := element(p.elem(root, i), leafPage)
		if err != nil {
			t.Fatal(err)
		}
		if string(key) == name && order.Uint64(value) != 0 {
			return order.Uint64(value)
		}
	}
	t.Fatalf("no page of bucket %s", name)
	return 0
}

// Each check of verify stands between bbolt and something that it would follow into a loop, other memory, or a page in use.
func TestVerifyRefusesWhatBboltWouldFollow(t *testing.T) {
	whole, _, _ := healthy(t)
	branch := pages(whole).bucketRoot(t, filesBucket)
	if order.Uint16(pages(whole).at(branch)[8:]) != branchPage {
		t.Fatal("the tree has one level only")
	}
	leaf := order.Uint64(pages(whole).elem(branch, 0)[8:])
	free := pages(whole).meta(t).freelist
	count := order.Uint16(pages(whole).at(free)[10:])
	if count == 0 {
		t.Fatal("no free page")
	}
	swap := func(a, b []byte, n int) {
		c := bytes.Clone(a[:n])
		copy(a[:n], b[:n])
		copy(b[:n], c)
	}
	for name, c := range map[string]struct {
		harm func(p pages)
		want string
	}{
		"a branch below itself":          {func(p pages) { order.PutUint64(p.elem(branch, 1)[8:], branch) }, "named twice"},
		"two branches to one leaf":       {func(p pages) { order.PutUint64(p.elem(branch, 1)[8:], leaf) }, ""},
		"a page behind the last":         {func(p pages) { order.PutUint64(p.elem(branch, 1)[8:], 1<<40) }, "page 1099511627776 of"},
		"a meta page as a branch":        {func(p pages) { order.PutUint64(p.elem(branch, 1)[8:], 1) }, "page 1 of"},
		"a page with another's number":   {func(p pages) { order.PutUint64(p.at(leaf), leaf+1) }, "says it is"},
		"an overflow into the next":      {func(p pages) { order.PutUint32(p.at(leaf)[12:], 1) }, ""},
		"an overflow behind the end":     {func(p pages) { order.PutUint32(p.at(leaf)[12:], 1<<31) }, "more"},
		"more elements than fit":         {func(p pages) { order.PutUint16(p.at(leaf)[10:], 5000) }, "5000 elements"},
		"a branch of nothing":            {func(p pages) { order.PutUint16(p.at(branch)[10:], 0) }, "with 0 elements in the tree"},
		"a free list in the tree":        {func(p pages) { order.PutUint16(p.at(leaf)[8:], freelistPage) }, "in the tree"},
		"a value longer than its page":   {func(p pages) { order.PutUint32(p.elem(leaf, 0)[12:], 1<<30) }, "behind the page"},
		"a key at a far place":           {func(p pages) { order.PutUint32(p.elem(leaf, 0)[4:], 1<<30) }, "behind the page"},
		"a key inside the elements":      {func(p pages) { order.PutUint32(p.elem(leaf, 0)[4:], 1) }, "behind the page"},
		"an empty key":                   {func(p pages) { order.PutUint32(p.elem(leaf, 1)[8:], 0) }, "0+"},
		"unknown flags":                  {func(p pages) { order.PutUint32(p.elem(leaf, 0), 6) }, "flags 0x6"},
		"a row that says it is a bucket": {func(p pages) { order.PutUint32(p.elem(leaf, 0), bucketFlag) }, ""},
		"keys out of order": {func(p pages) {
			a, b := p.elem(leaf, 0), p.elem(leaf, 1)
			swap(a[order.Uint32(a[4:]):], b[order.Uint32(b[4:]):], 16)
		}, "out of order"},
		"leaves in each other's place":      {func(p pages) { swap(p.elem(branch, 0)[8:], p.elem(branch, 1)[8:], 8) }, "out of order"},
		"a branch that promises later keys": {func(p pages) { p.key(t, branch, 1)[15]++ }, "element 0 is out of order"},
		"a branch that promises earlier keys": {func(p pages) {
			copy(p.key(t, branch, 1), p.key(t, leaf, int(order.Uint16(p.at(leaf)[10:]))-1))
		}, "is out of order"},
		"a used page in the free list": {func(p pages) { order.PutUint64(p.at(free)[pageHeader:], leaf) }, "can't be free"},
		"a free page twice":            {func(p pages) { copy(p.at(free)[pageHeader+8:][:8], p.at(free)[pageHeader:]) }, "can't be free"},
		"a free page forgotten":        {func(p pages) { order.PutUint16(p.at(free)[10:], count-1) }, "neither used nor free"},
		"a free list without end":      {func(p pages) { order.PutUint16(p.at(free)[10:], manyFree) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p := pages(bytes.Clone(whole))
			c.harm(p)
			if err := verify(p.file(t)); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v; want ... %s", err, c.want)
			}
		})
	}
	if err := verify(pages(whole).file(t)); err != nil {
		t.Errorf("a healthy file: %v", err)
	}
}

// bbolt goes by the newest meta page whose checksum is right; what was verified must be the same.
func TestVerifyGoesByTheMetaPageThatBboltTakes(t *testing.T) {
	whole, _, _ := healthy(t)
	newest := pages(whole).meta(t)
	older := (newest.txid + 1) % 2 // the meta page of a transaction has the number's last bit
	p := pages(bytes.Clone(whole))
	order.PutUint64(p.at(older)[pageHeader+48:], newest.txid+9) // a higher transaction, and no checksum for it
	if got := p.meta(t); got != newest {
		t.Errorf("believes a page with a wrong checksum: %+v", got)
	}
	p = pages(bytes.Clone(whole))
	for i := range uint64(2) { // more pages than there are bytes, with a checksum: must not cost memory
		m := p.at(i)[pageHeader:]
		order.PutUint64(m[40:], 1<<50)
		sum := fnv.New64a()
		sum.Write(m[:metaLen-8])
		order.PutUint64(m[56:], sum.Sum64())
	}
	if err := verify(p.file(t)); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "in a file of") {
		t.Errorf("a file that is too short: %v", err)
	}
	p = pages(bytes.Clone(whole))
	clear(p.at(newest.root))
	if err := verify(p.file(t)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("the newest tree has no root: %v", err)
	}
	clear(p.at(newest.txid % 2))
	if got := p.meta(t); got.txid != newest.txid-1 {
		t.Errorf("without the newest: %+v; want transaction %d", got, newest.txid-1)
	}
}

// Few rows stand in their bucket's own element, without a page.
func TestVerifyLooksIntoInlineBuckets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoint.db")
	open(t, path).Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	root := pages(whole).meta(t).root
	const metaElem = 3 // by name: files, ledger, ledger_last, meta, offsets
	for name, harm := range map[string]func(inline []byte){
		"no leaf":       func(b []byte) { order.PutUint16(b[8:], branchPage) },
		"many elements": func(b []byte) { order.PutUint16(b[10:], 3000) },
		"long value":    func(b []byte) { order.PutUint32(b[pageHeader+12:], 9000) },
		"a bucket":      func(b []byte) { order.PutUint32(b[pageHeader:], bucketFlag) },
	} {
		p := pages(bytes.Clone(whole))
		key, value, err := element(p.elem(root, metaElem), leafPage)
		if err != nil || order.Uint64(value) != 0 {
			t.Fatalf("%s is not inline: %v", key, err)
		}
		harm(value[bucketValue:])
		if err := verify(p.file(t)); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
