package cutfs

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// guard waits for the process that serves the mount to die without having unmounted it, and then does that. It must be
// a process of its own: if the dying one was waiting for an answer from itself, the kernel would wait with it forever.
// That shows as a zombie which is not reaped.
const guard = `
while grep -q '^State:.[^ZX]' "/proc/$1/status"; do sleep 1; done 2>/dev/null
exec umount -f -l "$2"
`

// startGuard starts the guard for a mount point. The returned function ends it.
func startGuard(mountpoint string) (stop func(), err error) {
	cmd := exec.Command("sh", "-c", guard, "guard", strconv.Itoa(os.Getpid()), mountpoint)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is not for it
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a guard for %s: %w", mountpoint, err)
	}
	return func() {
		cmd.Process.Kill()
		cmd.Wait()
	}, nil
}
