// Package cutfs is a file system that loses its power: everything that a program did not fsync may be lost, torn or kept
// when Cut is called, as a seed decides. It is mounted (FUSE, so root and /dev/fuse), and holds all in memory, so that
// the built binary runs on it as on a disk.
//
//	f, err := cutfs.Mount("/mnt/disk", cutfs.Options{})
//	...                        // processes use /mnt/disk
//	f.Cut(seed)                // from now on all they get is EIO
//	...                        // kill them
//	f.Restart()                // mounted again, with what the disk held
//
// # The model
//
// Everything is there twice: as processes see it, and as the disk holds it. Between the two stands what waits.
//
//	              what processes see             what waits                 what the disk holds
//
//	a file        content, size                  writes and truncations     content, size
//	              attributes                                                attributes
//	                                        ───── fsync(file) ─────▶
//
//	the folders   names                          creates, links, renames,   names
//	                                             unlinks, mkdirs, rmdirs
//	                                       ───── fsync(folder) ────▶
//
// fsync of a file brings its content, size and attributes to the disk, not its name. fsync of a folder brings the names
// in it, not its own name. What waits longer than Options.Age, or is more than some MiB, goes to the disk by itself,
// oldest first, as with the kernel's flusher.
//
// At a cut a part of what waits has reached the disk:
//
//   - Of the content, each sector of 512 bytes may be any of its versions since the last fsync, and the size any of the
//     sizes; where the size is newer than the data there are zeros. Which of these happens is chosen for each file: nothing
//     reached the disk, or all, or the writes up to one of them, or each sector for itself. In Chaotic mode a sector may be
//     torn: its beginning newer than its end. A truncation is a barrier: what was written after it is never found in the
//     sectors from before it, and not at all if the truncation did not reach the disk.
//   - Of the names, in Journal mode: the changes of the whole volume up to one of them. Any fsync brings that to the last
//     change of its file at least. So fsync of a new file happens to save its name, as on ext4.
//   - Of the names, in Chaotic mode: in each folder its own changes up to one of them. fsync of a file says nothing of its
//     name. What passes Chaotic relies on nothing but POSIX.
//   - In both modes a rename is made whole or not at all, also between folders and into a folder that is new; nothing that
//     was durable is lost by being moved, or by the removal of the folder that it was moved out of.
//
// Inodes keep their numbers across a cut, as on a real disk. A number is used again, the lowest first, once no name on the
// disk has it any more. statx gives birth times.
//
// Inject makes operations go wrong: I/O errors, short writes, slowness, or a cut at just this operation. After a failed
// fsync of a file its dirty pages are clean, as on Linux: readers see the new data, the next fsync says nothing, and
// the disk has the old; with Rule.Cold readers see the old data soon, too. SetCapacity makes the volume full.
//
// # What is not simulated
//
// A disk that lies about a flush, or reorders across one. sync(2) and syncfs(2), which FUSE does not pass on: use Sync. Writes to a shared mapping are seen when the kernel writes them back. Order between the content
// of different files: any file's writes may reach the disk before any other's. Extended attributes. Locks hold as long as the mount.
//
// # Costs and limits
//
// Measured on 22 November 2026 (bench_test.go, two cores shared with the writer): 700 MB/s in writes of 256 KiB, 30,000 writes of 200 bytes a
// second, a cut with Restart in 1 ms and 0.2 ms more for each MiB stored. The process holds each file twice, and what
// waits once more; Options.Capacity bounds it.
//
// A process that maps a file which it serves itself can wait for itself: use bbolt and the like in a child process.
package cutfs
