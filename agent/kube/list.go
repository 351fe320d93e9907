package kube

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// A list may be a hundred times as long as what is kept of it: a pod's specification can have a megabyte. Pages would not bound it:
// with them, API servers leave their cache, and look through the pods of the whole cluster for those of one node. So it is read as it
// comes in, one object at a time. A list in the API's protobuf is, with a length before each part,
//
//	"k8s\0" | 1: kind and version | 2: the list: 1: its metadata | 2: an object | 2: an object ... | 3: "" | 4: ""

// maxObject bounds one object, in bytes; a larger one stays unknown. etcd takes 1.5 MB, unless it is told otherwise.
const maxObject = 16 << 20

var errNoList = errors.New("the API does not answer with a list in protobuf")

// items is a list that was read, of what is kept.
type items struct {
	metav1.TypeMeta
	metav1.ListMeta
	Items []runtime.Object
}

// DeepCopyObject is for runtime.Object. Nobody changes a list.
func (l *items) DeepCopyObject() runtime.Object { return l }

// readList calls item with each object of a list; its bytes are good until the next call.
func readList(from io.Reader, item func(object []byte) error) (m metav1.ListMeta, err error) {
	r := bufio.NewReader(from)
	magic := make([]byte, 4)
	if _, err := io.ReadFull(r, magic); err != nil || string(magic) != "k8s\x00" {
		return m, errors.Join(errNoList, err)
	}
	var object []byte
	found := false
	err = parts(r, func(number uint64, part *io.LimitedReader) error {
		if number != 2 {
			return nil
		}
		found = true
		return parts(bufio.NewReader(part), func(number uint64, part *io.LimitedReader) error {
			if number > 2 || part.N > maxObject {
				return nil
			}
			object = slices.Grow(object[:0], int(part.N))[:part.N]
			if _, err := io.ReadFull(part, object); err != nil {
				return err
			}
			if number == 1 {
				return m.Unmarshal(object)
			}
			return item(object)
		})
	})
	if err == nil && !found {
		err = errNoList
	}
	return m, err
}

// parts calls part with each part of a message, which ends with r. What that leaves unread is passed over.
func parts(r *bufio.Reader, part func(number uint64, text *io.LimitedReader) error) error {
	for {
		tag, err := binary.ReadUvarint(r)
		if err == io.EOF {
			return nil
		}
		if err == nil && tag&7 != 2 {
			return errNoList // all parts of lists have a length
		}
		var length uint64
		if err == nil {
			length, err = binary.ReadUvarint(r)
		}
		if err != nil || length > 1<<40 {
			return errors.Join(errNoList, err)
		}
		text := &io.LimitedReader{R: r, N: int64(length)}
		if err := part(tag>>3, text); err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, text); err != nil {
			return err
		}
		if text.N > 0 {
			return io.ErrUnexpectedEOF
		}
	}
}
