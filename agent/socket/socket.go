// Package socket is agent.sock in the data directory: how commands talk to the agent that runs there. It carries HTTP.
//
// It promises that nobody but the owner of the data directory can connect (mode 0600 from the first moment on), that the
// socket of an agent that was killed stands in nobody's way, and that a command learns whether an agent answers
// (ErrNoAgent) and does not have to guess. A data directory may have a path of any length, though the address of a unix
// socket has room for 107 bytes only: a longer one is reached through a descriptor of the folder.
package socket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// Name is the socket's name in the data directory.
const Name = "agent.sock"

// maxAddress is what the address of a unix socket can hold, in bytes.
const maxAddress = 107

// Listen makes the socket in dataDir, in place of one that is there. Only the holder of LOCK calls it: what is there was
// then left by an agent that is dead. Close removes it.
func Listen(dataDir string) (net.Listener, error) {
	path := filepath.Join(dataDir, Name)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("remove the socket of an agent that is dead: %w", err)
	}
	at, done, err := address(dataDir)
	if err != nil {
		return nil, fmt.Errorf("listen at %s: %w", path, err)
	}
	defer done()
	config := net.ListenConfig{Control: private}
	l, err := config.Listen(context.Background(), "unix", at)
	if err != nil {
		return nil, fmt.Errorf("listen at %s: %w", path, err)
	}
	l.(*net.UnixListener).SetUnlinkOnClose(false) // it knows at, which is no name any more
	return &listener{Listener: l, path: path}, nil
}

// private gives the socket its mode before it has a name: the kernel takes it over when it makes the file.
func private(_, _ string, c syscall.RawConn) error {
	var err error
	if controlErr := c.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), 0o600) }); controlErr != nil {
		return controlErr
	}
	return err
}

type listener struct {
	net.Listener
	path string
}

func (l *listener) Close() error {
	err := l.Listener.Close()
	if removeErr := os.Remove(l.path); removeErr != nil && !errors.Is(removeErr, fs.ErrNotExist) {
		err = errors.Join(err, removeErr)
	}
	return err
}

// address returns a name of dataDir's socket that fits into an address, until done is called.
func address(dataDir string) (at string, done func(), err error) {
	if at = filepath.Join(dataDir, Name); len(at) <= maxAddress {
		return at, func() {}, nil
	}
	fd, err := unix.Open(dataDir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", nil, &os.PathError{Op: "open", Path: dataDir, Err: err}
	}
	return fmt.Sprintf("/proc/self/fd/%d/%s", fd, Name), func() { unix.Close(fd) }, nil
}
