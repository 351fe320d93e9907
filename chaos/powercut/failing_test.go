package powercut

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"logboom/chaos/cutfs"
)

// TestWhatIsCalledDurableSurvivesAFailingDisk fails the first operations of the WAL, in each way, and takes the log away when
// the agent has called it durable: the WAL is all there is. An agent that asks for an fsync again, and believes it when it
// says nothing the second time, has nothing.
func TestWhatIsCalledDurableSurvivesAFailingDisk(t *testing.T) {
	backend, logboom := buildBackend(t), build(t, "logboom", "../../agent")
	for what, rule := range map[string]cutfs.Rule{
		"fsync":             {Op: cutfs.Sync, Err: syscall.EIO, Cold: true},
		"two fsyncs":        {Op: cutfs.Sync, Err: syscall.EIO, Cold: true, Times: 2},
		"second fsync":      {Op: cutfs.Sync, Err: syscall.EIO, Cold: true, Skip: 1},
		"fsync of a folder": {Op: cutfs.SyncDir, Err: syscall.EIO},
		"write":             {Op: cutfs.Write, Err: syscall.EIO},
		"short write":       {Op: cutfs.Write, Short: true},
		"full volume":       {Op: cutfs.Write | cutfs.Create, Err: syscall.ENOSPC},
		"create":            {Op: cutfs.Create, Err: syscall.EIO, Skip: 1},
		"truncate":          {Op: cutfs.Sync | cutfs.Truncate | cutfs.Remove, Err: syscall.EIO, Cold: true},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			l := newLifeOn(t, 1, cutfs.Options{Mode: cutfs.Chaotic, Age: -1}, runLogboom(logboom))
			startBackend(t, l, backend)
			l.configure()
			l.chaos(http.MethodPost, []byte(`{"status":503,"count":1000000}`))
			dir := l.onlyPod()
			rule := rule
			rule.Path, rule.Times = "data/wal/*{,/*}", max(1, rule.Times)
			lift := l.disk.Inject(rule)
			l.book.addAll(writeLog(t, dir, 100), "was called durable")
			l.agent, l.faulty = l.start(0, false), true
			defer func() { l.agent.kill() }()
			l.awaitDurable(filepath.Join(dir, "0.log"))
			l.agent.kill()
			lift()
			if rule.Skip == 0 && l.disk.Wrong() == 0 {
				t.Error("nothing failed")
			}
			must(t, errors.Join(os.RemoveAll(dir), os.RemoveAll(filepath.Join(l.data(), "pins"))))
			l.clearSky()
			v := l.exitWhenDrained(0)
			if len(v.missing)+len(v.double)+len(v.unexplained) > 0 || v.demanded != 100 {
				t.Error(v)
			}
		})
	}
}
