package wal

import (
	"reflect"
	"unsafe"

	tidwall "github.com/tidwall/wal"
)

// forgetful is a tidwall log that does not keep what it wrote. tidwall has all of a log's last file in memory, to read entries from it,
// which we never do: that is as much as a Segment, and a multiple of it as garbage while it grows, more than all else that the agent
// allocates. There is no option against it, so its memory is emptied from outside. Nothing that is written comes from there: an entry
// is appended to that memory and written from its end. A version of tidwall that has it elsewhere is used as it is, and
// TestTheHeadIsNotKept says so.
type forgetful struct {
	*tidwall.Log
	kept *[]byte // nil: not found
}

func forget(log *tidwall.Log) forgetful {
	segments := reflect.ValueOf(log).Elem().FieldByName("segments")
	if !segments.IsValid() || segments.Kind() != reflect.Slice || segments.Len() != 1 || segments.Index(0).Kind() != reflect.Pointer {
		return forgetful{log, nil}
	}
	kept := segments.Index(0).Elem().FieldByName("ebuf")
	if !kept.IsValid() || kept.Type() != reflect.TypeFor[[]byte]() {
		return forgetful{log, nil}
	}
	return forgetful{log, (*[]byte)(unsafe.Pointer(kept.UnsafeAddr()))}
}

func (f forgetful) Write(index uint64, data []byte) error {
	err := f.Log.Write(index, data)
	if f.kept != nil {
		*f.kept = (*f.kept)[:0]
	}
	return err
}
