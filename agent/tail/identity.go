package tail

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"strconv"

	"logboom/wal"
)

// firstLine returns what of a file's first bytes counts for its Identity: the first line with its newline, if that is
// among them.
func firstLine(head []byte) []byte {
	if i := bytes.IndexByte(head, '\n'); i >= 0 {
		return head[:i+1]
	}
	return head
}

func identityOf(k key, line []byte) wal.Identity {
	sum := sha256.Sum256(line)
	return wal.Identity{Inode: k.inode, Birth: k.birth, HeadLen: len(line), HeadSum: [16]byte(sum[:])}
}

// startsWith says whether a file whose first bytes are head starts with the line that id was made of.
func startsWith(id wal.Identity, head []byte) bool {
	if id.HeadLen > len(head) {
		return false
	}
	sum := sha256.Sum256(head[:id.HeadLen])
	return [16]byte(sum[:]) == id.HeadSum
}

// DeriveID returns the FileID of a File from what the File is: of a container's file the node, pod folder, container,
// attempt and first line; of others the node, path, inode, birth time and first line. n tells Files apart that have all
// this in common, in the order in which they are met.
func DeriveID(d *wal.File, podFolder string, line []byte, n int) wal.FileID {
	h := sha256.New()
	field := func(b string) {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(b)))
		h.Write(size[:])
		h.Write([]byte(b))
	}
	field(d.Node)
	if podFolder != "" {
		field("pod")
		field(podFolder)
		field(d.Container)
		field(strconv.Itoa(d.Attempt))
	} else {
		field("path")
		field(d.Path)
		field(strconv.FormatUint(d.Identity.Inode, 10))
		field(strconv.FormatInt(d.Identity.Birth, 10))
	}
	field(string(line))
	field(strconv.Itoa(n))
	return wal.FileID(h.Sum(nil)[:16])
}
