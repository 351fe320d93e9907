package checkpoint

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// OpenReadOnly opens the checkpoint at path for tools and changes nothing: it works on a volume that is mounted
// read-only. A Commit fails. ErrInUse: a process has it open for writing. What the Store says is what stands in the file: after a
// SIGKILL that may be one Commit ahead of the disk.
func OpenReadOnly(path string) (*Store, error) {
	s := &Store{path: path, bootID: currentBootID, readOnly: true}
	if err := s.open(); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Store) flags() int {
	if s.readOnly {
		return os.O_RDONLY
	}
	return os.O_RDWR
}

// lockMode lets readers share the file with each other, and with no writer.
func (s *Store) lockMode() int {
	if s.readOnly {
		return unix.LOCK_SH
	}
	return unix.LOCK_EX
}

// settle makes durable what is read of f, see the package comment.
func (s *Store) settle(f *os.File) error {
	if s.readOnly {
		return nil
	}
	return errors.Join(settle(f), syncDir(filepath.Dir(s.path)))
}
