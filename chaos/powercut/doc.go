// Package powercut cuts the power of a node, again and again, while the built binary secures and delivers logs, and counts
// every line afterwards. All of it is tests; it needs root and /dev/fuse.
//
//	go test ./chaos/powercut                          30 cuts, as part of make test
//	make powercut N=1000                              1000 cuts
//	LOGBOOM_POWERCUT_SEED=7 go test ./chaos/powercut  30 from this seed on
//
// A life is one node from its first boot until everything is delivered:
//
//	                       cutfs, which loses its power
//	chaos/kubelet ──────▶  pods/  ──────▶ bin/logboom ──────▶ chaos/backend     outside, keeps its power
//	                       data/  ◀──────
//
// Each boot starts the agent (with a boot id of its own, as after a real reboot) and new pods that write. The backend is
// well, or down, or goes down, or stores and does not say so. Then the power goes: at a random moment, or at a random change
// of the file system, or at one of those that matter: a write or fsync of the checkpoint, a new Segment, a pin. In some
// boots the agent is killed and started again before that, in some a write, fsync or link fails or is short. After the
// cut the file system comes back with what the disk held, and the next boot begins. After the last boot the agent drains
// with --exit-when-drained, and judge compares:
//
//   - No message is stored twice.
//   - Every message that was whole in a log file or a pin after some cut, or was written after the last one, is stored.
//   - Every message that the agent had called durable (/api/v1/status) before a cut is stored, also when the log file
//     lost it in that cut: so the WAL's fsync is tested, not only what the files still had.
//   - Whatever else is stored stood in a file after a cut: a line with a hole, for example.
//   - The ledger has no damaged Block: a power cut damages none that was durable.
//   - The agent came up by itself after every cut, and did not end by itself before one, but where the disk failed.
//
// A message that the cut took from the log file before the agent had called it durable may be stored or not.
//
// The order of things depends on the machine's clock, so a seed gives a similar life, not the same one. When a test fails
// it keeps below tmp/powercut: the disk, the agent's log, what each cut took, and the verdict.
//
// TestIOErrors is the same without cuts: the disk fails for a while, by rule and seed, in one of the ways of diseases. Then
// every message that was written must be stored once; only what the test itself has damaged in the WAL may be missing, and
// only if the ledger has its File and range, and says where the Segment is kept.
//
// It costs 1.5 s a cut, and 8 s a life with a failing disk.
package powercut
