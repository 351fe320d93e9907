package main

var walMutations = []mutation{
	// Checksums, and what else tells a Block from other bytes.
	{
		name: "wal/payload-unchecked", invariant: "1, 5", pkg: "wal", file: "wal/frame.go",
		broken: "a Block's text is taken without its checksum",
		old:    "if sound(p, start-crcSize, end) {", new: "if end <= len(p) {",
		test: "TestDamagedBlockIsNamedExactly",
	},
	{
		name: "wal/header-unchecked", invariant: "1, 5", pkg: "wal", file: "wal/frame.go",
		broken: "a Block's header is taken without its checksum",
		old:    "if sound(p, fixedSize-crcSize, start) {", new: "if start <= len(p) {",
		test: "TestDamagedBlockIsNamedExactly",
	},
	{
		name: "wal/fixed-part-unchecked", invariant: "1, 5", pkg: "wal", file: "wal/frame.go",
		broken: "lengths, Index and marks of a frame are taken without their checksum",
		old:    "binary.LittleEndian.Uint32(p[end:]) != crc32.Checksum(p[:end], castagnoli)", new: "end < 0",
		test: "TestDamagedBlockIsNamedExactly",
	},
	{
		name: "wal/salt-unchecked", invariant: "1", pkg: "wal", file: "wal/scan.go",
		broken: "a log line that holds the bytes of a Block passes for one",
		old:    " || s.salted && f.salt != s.salt {", new: " {",
		test: "TestForgedBlockBehindADamagedLengthIsRefused",
	},
	{
		name: "wal/index-unchecked", invariant: "1", pkg: "wal", file: "wal/scan.go",
		broken: "behind damage, a Block of any higher Index is taken for the next",
		old:    "f.index > s.want+Index(skipped/minFrame) || ", new: "",
		test: "TestForgedBlockBehindADamagedLengthIsRefused",
	},
	{
		name: "wal/summary-unchecked", invariant: "1, 9", pkg: "wal", file: "wal/summary.go",
		broken: "a Segment's summary is taken without its checksum",
		old:    "\tf.check(p)\n",
		new: "\tif int64(len(p)) < f.size {\n\t\treturn nil, nil\n\t}\n" +
			"\tf.header, f.payload = p[fixedSize:][:f.headerLen], p[fixedSize+f.headerLen+crcSize:][:f.payloadLen]\n",
		test: "TestDamage",
	},
	{
		name: "wal/unsynced-summary-trusted", invariant: "9", pkg: "wal", file: "wal/recover.go",
		broken: "a summary vouches for the Blocks of the newest Segment, which nobody may have fsynced",
		old:    "if limit != math.MaxUint64 {", new: "if true {",
		test: "TestSealWithoutFsyncVouchesForNothing",
	},
	{
		name: "wal/described-once", invariant: "5", pkg: "wal", file: "wal/table.go",
		broken: "one Block only describes a File: where that is damaged, those behind it are lost too",
		old:    "const describeTwice = 2", new: "const describeTwice = 1",
		test: "TestDamageBeforeTheDurableMarkIsNamed",
	},
	{
		name: "wal/newer-format-is-damage", invariant: "9", pkg: "wal", file: "wal/frame.go",
		broken: "what a newer release wrote is passed over as damage",
		old:    "return fmt.Errorf(\"%w: frame version %d\", ErrVersion, p[8])", new: "return fmt.Errorf(\"%w\", errFrame)",
		test: "TestNewerFormatIsNoDamage",
	},

	// fsync, of files and of folders.
	{
		name: "wal/no-fsync", invariant: "2", pkg: "wal", file: "wal/log.go",
		broken: "Sync calls Blocks durable without an fsync",
		old:    "l.flush(l.head.entries.Sync)", new: "l.flush(func() error { return nil })",
		test: "TestAppendIsDurableOnlyAfterFileAndFolders",
	},
	{
		name: "wal/no-fsync-of-segment-folder", invariant: "2", pkg: "wal", file: "wal/head.go",
		broken: "the folder that names a new Segment's file is not fsynced",
		old:    "if err := l.disk.SyncDir(h.seg.folder); err != nil {", new: "if err := error(nil); err != nil {",
		test: "TestAppendIsDurableOnlyAfterFileAndFolders",
	},
	{
		name: "wal/no-fsync-of-wal-folder", invariant: "2", pkg: "wal", file: "wal/head.go",
		broken: "the folder that names a new Segment's folder is not fsynced",
		old:    "if err := l.disk.SyncDir(l.shelf.dir); err != nil {", new: "if err := error(nil); err != nil {",
		test: "TestAppendIsDurableOnlyAfterFileAndFolders",
	},
	{
		name: "wal/no-fsync-of-parent", invariant: "2", pkg: "wal", file: "wal/log.go",
		broken: "a start does not fsync the folder that names the WAL's, which an earlier one may have left undone",
		old:    "err := d.SyncDir(filepath.Dir(o.Dir)); err != nil {", new: "err := error(nil); filepath.Dir(o.Dir) == \"\" {",
		test: "TestUnsealedSegmentIsSyncedBeforeItIsTrusted",
	},
	{
		name: "wal/unsealed-not-fsynced", invariant: "2, 9", pkg: "wal", file: "wal/recover.go",
		broken: "a start trusts Blocks that a killed writer left in the page cache only",
		old:    "if err := r.settle(s); err != nil {", new: "if err := error(nil); err != nil {",
		test: "TestUnsealedSegmentIsSyncedBeforeItIsTrusted",
	},
	{
		name: "wal/unsealed-folder-not-fsynced", invariant: "2, 9", pkg: "wal", file: "wal/recover.go",
		broken: "a start trusts a Segment whose name may not be on the disk",
		old:    "return r.disk.SyncDir(r.dir)", new: "return nil",
		test: "TestUnsealedSegmentIsSyncedBeforeItIsTrusted",
	},
	{
		name: "wal/page-cache-trusted", invariant: "2, 9", pkg: "wal", file: "wal/disk.go",
		broken: "after a failed fsync, what the page cache shows is taken for what the disk has",
		old:    "\tuncache(f)\n\treturn nil", new: "\treturn nil",
		test: "TestSettleForgetsThePageCache",
	},
	{
		name: "wal/written-is-durable", invariant: "2", pkg: "wal", file: "wal/log.go",
		broken: "Next gives out Blocks before their fsync",
		old:    "l.counts.appended(b.Index)", new: "l.shelf.flushed(l.head, l.table.first)\n\tl.counts.appended(b.Index)",
		test: "TestNothingIsGivenOutBeforeItIsDurable",
	},

	// What failed is given up, and no Index comes twice.
	{
		name: "wal/retry-after-failed-fsync", invariant: "2", pkg: "wal", file: "wal/log.go",
		broken: "after a failed fsync the same descriptor is used again, and the next fsync says that all is well",
		old:    "return l.giveUp(fmt.Errorf(\"sync segment %d: %w\", l.head.first, err))",
		new:    "return fmt.Errorf(\"%w: sync segment %d: %w\", ErrGivenUp, l.head.first, err)",
		test:   "TestEachFailureGivesUpAndLosesNothing",
	},
	{
		name: "wal/retry-after-failed-write", invariant: "2", pkg: "wal", file: "wal/log.go",
		broken: "after a failed write the same Segment is written on",
		old:    "return l.giveUp(fmt.Errorf(\"append block %d: %w\", b.Index, err))",
		new:    "return fmt.Errorf(\"%w: append block %d: %w\", ErrGivenUp, b.Index, err)",
		test:   "TestEachFailureGivesUpAndLosesNothing",
	},
	{
		name: "wal/given-up-not-cut-off", invariant: "1, 4", pkg: "wal", file: "wal/head.go",
		broken: "what was given up stays in its Segment, for a later start to find",
		old:    "l.disk.Truncate(h.seg.file(), h.seg.end)", new: "_ = h.seg.end",
		test: "TestGivenUpBlocksAreNotGivenOutAgain",
	},
	{
		name: "wal/prev-ignored", invariant: "1, 9", pkg: "wal", file: "wal/recover.go",
		broken: "what stands behind the last good fsync of a Segment that was given up counts",
		old:    "if s.stated {\n\t\t\tlimit", new: "if false {\n\t\t\tlimit",
		test: "TestNothingDurableIsEverLost",
	},
	{
		name: "wal/index-reused", invariant: "9", pkg: "wal", file: "wal/log.go",
		broken: "a start goes on behind the last Block that counts, not behind the last Index that was used",
		old:    "max(r.highest, r.floor) + 1", new: "r.durable() + 1",
		test: "TestNothingDurableIsEverLost",
	},
	{
		name: "wal/floor-ignored", invariant: "9", pkg: "wal", file: "wal/sulk.go",
		broken: "a start over a lost WAL uses Indexes again that the checkpoint calls acknowledged",
		old:    "floor: max(o.Floor, o.Acked)", new: "floor: 0",
		test: "TestIndexIsAboveFloor",
	},
	{
		name: "wal/last-durable-ignored", invariant: "5, 9", pkg: "wal", file: "wal/sulk.go",
		broken: "the last durable Index of the checkpoint counts for nothing: what is missing up to it goes unnoticed",
		old:    "floor: max(o.Floor, o.Acked)", new: "floor: o.Acked",
		test: "TestMissingUpToFloorIsDamage",
	},

	// Damage is named, and stops nobody.
	{
		name: "wal/missing-end-not-told", invariant: "5", pkg: "wal", file: "wal/recover.go",
		broken: "Blocks that are missing at the end of the WAL are no damage",
		old:    "if r.floor > covered {", new: "if false {",
		test: "TestMissingUpToFloorIsDamage",
	},
	{
		name: "wal/gap-not-told", invariant: "5", pkg: "wal", file: "wal/account.go",
		broken: "which bytes a missing Block held is not worked out from its neighbours",
		old:    "h.to > after && h.from < before {\n\t\t\th.lose(f, start, end)", new: "h.to > after && h.from < before {",
		test: "TestDamagedBlockIsNamedExactly",
	},
	{
		name: "wal/bad-sector-stops", invariant: "8", pkg: "wal", file: "wal/scan.go",
		broken: "a sector that can't be read stops delivery for good",
		old:    "if broken(err) {\n\t\tgot, err", new: "if false {\n\t\tgot, err",
		test: "TestBadSectorCostsItsBlocksOnly",
	},
	{
		name: "wal/dead-segment-stops", invariant: "8, 9", pkg: "wal", file: "wal/recover.go",
		broken: "a Segment that can't be opened keeps the agent from starting",
		old:    "if broken(err) {\n\t\ts.dead", new: "if false {\n\t\ts.dead",
		test: "TestDeadSegmentStopsNobody",
	},

	// Segments go when all in them is acknowledged, and there are not too many.
	{
		name: "wal/released-before-ack", invariant: "3", pkg: "wal", file: "wal/segment.go",
		broken: "a Segment goes when its first Block is acknowledged",
		old:    "if s.head || s.last > acked ||", new: "if s.head || s.first > acked ||",
		test: "TestReleaseKeepsTheHead",
	},
	{
		name: "wal/head-released", invariant: "2, 3", pkg: "wal", file: "wal/segment.go",
		broken: "the Segment that is being written goes when what it holds is acknowledged",
		old:    "if s.head || s.last > acked ||", new: "if s.last > acked ||",
		test: "TestReleaseKeepsTheHead",
	},
	{
		name: "wal/unreadable-released", invariant: "3", pkg: "wal", file: "wal/segment.go",
		broken: "a Segment that can't be read is removed at once",
		old:    " || !s.stated && (i+1 == len(h.segs) || h.segs[i+1].prev > acked) {", new: " && i >= 0 {",
		test: "TestUnreadableSegmentGoesWithItsIndexes",
	},
	{
		name: "wal/no-limit", invariant: "7", pkg: "wal", file: "wal/log.go",
		broken: "the WAL grows by one Block beyond its limit",
		old:    "if l.over(entrySize(len(p))) {", new: "if false {",
		test: "TestALargeBlockDoesNotPassTheLimit",
	},

	// Segments with damage are kept, and what is read has bounds.
	{
		name: "wal/aside-not-fsynced", invariant: "2, 5", pkg: "wal", file: "wal/aside.go",
		broken: "the ledger says where a damaged Segment is kept, and after a power cut it is not",
		old:    "if err := a.disk.SyncDir(dir); err != nil {", new: "if err := error(nil); err != nil || dir == \"\" {",
		test: "TestKeepingIsDurableBeforeTheDamageIsTold",
	},
	{
		name: "wal/aside-unbounded", invariant: "7", pkg: "wal", file: "wal/aside.go",
		broken: "damaged Segments are kept without end",
		old:    "n > 1 && (bytes > maxAside || n > maxAsideCount) {", new: "n > 1 && bytes < 0 {",
		test: "TestKeptSegmentsAreBounded",
	},
	{
		name: "wal/unpacked-unbounded", invariant: "6", pkg: "wal", file: "wal/codec.go",
		broken: "damaged text unpacks to whatever it says",
		old:    "u.zstd.DecodeAll(packed, dst[:0:size])", new: "u.zstd.DecodeAll(packed, nil)",
		test: "TestNothingUnpacksBeyondItsPromise",
	},
	{
		name: "wal/unpacked-quickly-unbounded", invariant: "6", pkg: "wal", file: "wal/codec.go",
		broken: "damaged text that was packed quickly unpacks to whatever it says",
		old:    "err != nil || n != size { // what", new: "err != nil || n < 0 { // what",
		test: "TestNothingUnpacksBeyondItsPromise",
	},
	{
		name: "wal/quick-called-version-1", invariant: "9", pkg: "wal", file: "wal/frame.go",
		broken: "a release that can't read s2 takes it for damage, because the frame calls itself version 1",
		old:    "if f.codec == codecS2 {", new: "if false {",
		test: "TestOnlyWhatNeedsItHasTheNewVersion",
	},
	{
		name: "wal/head-kept-in-memory", invariant: "6", pkg: "wal", file: "wal/forgetful.go",
		broken: "all of the newest Segment stays in memory",
		old:    "*f.kept = (*f.kept)[:0]", new: "*f.kept = (*f.kept)[:len(*f.kept)]",
		test: "TestTheHeadIsNotKept",
	},
	{
		name: "wal/given-up-called-lost", invariant: "5", pkg: "wal", file: "wal/account.go",
		broken: "what a Segment held that was given up, and comes again behind it, is called lost",
		old:    "return d.Index < first && d.File != nil", new: "return d.Index < 0*first && d.File != nil",
		test: "TestWhatArrivesTwiceIsNeverLost",
	},
	{
		name: "wal/arrived-called-lost", invariant: "5", pkg: "wal", file: "wal/account.go",
		broken: "what arrived before, out of a Segment that was given up, is called lost behind it",
		old:    "start = max(start, a.files[f.ID].reach)\n\tif start >= end {", new: "if start >= end {",
		test: "TestWhatArrivesTwiceIsNeverLost",
	},
	{
		name: "wal/full-for-ever", invariant: "7, 8", pkg: "wal", file: "wal/head.go",
		broken: "a WAL that is full of acknowledged Blocks waits for a Delivery that waits for it",
		old:    "if err := l.Release(l.counts.acknowledged()); err != nil {", new: "if err := error(nil); err != nil {",
		test: "TestFullOfAcknowledgedBlocksFreesItself",
	},
}
