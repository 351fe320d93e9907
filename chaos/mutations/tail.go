package main

var tailMutations = []mutation{
	// Which File it is.
	{
		name: "tail/torn-pin-preferred", invariant: "4, 9", pkg: "agent/tail", file: "agent/tail/match.go",
		broken: "after a power cut a torn pin is the File, and its whole .gz another one",
		old:    "strangers = t.passTorn(fo, strangers)", new: "",
		test: "TestATornPinBesideItsWholeGzIsTheSameFile",
	},
	{
		name: "tail/crc-ignored", invariant: "1, 5", pkg: "agent/tail", file: "agent/tail/verify.go",
		broken: "a file with a known first line is taken for the File that began so, whatever follows",
		old:    "reached == off && prefix == f.read.prefix {", new: "reached == off && (prefix == f.read.prefix || true) {",
		test: "TestOneFirstLineMakesNoFile",
	},
	{
		name: "tail/no-look-back", invariant: "1, 5", pkg: "agent/tail", file: "agent/tail/fill.go",
		broken: "reading goes on without a look at the 64 bytes before, in a file that was written anew",
		old:    "} else if !ok {\n\t\treturn nil, false, errChanged", new: "} else if !ok && f == nil {\n\t\treturn nil, false, errChanged",
		test: "TestATruncatedFileThatGrewPastItsOffsetIsNotMistaken",
	},
	{
		name: "tail/boot-ignored", invariant: "1, 9", pkg: "agent/tail", file: "agent/tail/verify.go",
		broken: "after a reboot the last 64 bytes are proof enough, whatever the power cut took before them",
		old:    " && t.o.SameBoot", new: "",
		test: "TestAHoleIsFoundAfterAReboot",
	},
	{
		name: "tail/inode-is-identity", invariant: "1, 5", pkg: "agent/tail", file: "agent/tail/match.go",
		broken: "a file on a known inode is the File that was there before",
		old:    "if startsWith(f.desc.Identity, s.head) && t.verify(f, s) ||", new: "if byInode || startsWith(f.desc.Identity, s.head) && t.verify(f, s) ||",
		test: "TestOneFirstLineMakesNoFile",
	},
	{
		name: "tail/birth-ignored", invariant: "1, 5", pkg: "agent/tail", file: "agent/tail/match.go",
		broken: "an inode that was freed and given out again is the same file",
		old:    "e.key == key{f.desc.Identity.Inode, f.desc.Identity.Birth}", new: "e.key.inode == f.desc.Identity.Inode",
		test: "TestAnInodeThatWasGivenOutAgainIsAnotherFile",
	},
	{
		name: "tail/birth-not-read", invariant: "1, 5", pkg: "agent/tail", file: "agent/tail/stat.go",
		broken: "while the agent runs, an inode that was freed and given out again is the same file",
		old:    "if s.Mask&unix.STATX_BTIME != 0 {", new: "if false {",
		test: "TestTwoRotationsBetweenLooksLoseNoFile",
	},
	{
		name: "tail/first-line-ignored", invariant: "1, 5", pkg: "agent/tail", file: "agent/tail/match.go",
		broken: "the first line is no part of what a File is",
		old:    "startsWith(f.desc.Identity, s.head) && t.verify", new: "t.verify",
		test: "TestAnEmptyFileThatIsRotatedAndThenWritten",
	},
	{
		name: "tail/two-files-one-id", invariant: "4", pkg: "agent/tail", file: "agent/tail/newfile.go",
		broken: "two Files that begin alike get one id",
		old:    "if t.byID[d.ID] == nil {", new: "if true {",
		test: "TestOneFirstLineMakesNoContainersFile",
	},
	{
		name: "tail/shrunk-is-new", invariant: "4, 9", pkg: "agent/tail", file: "agent/tail/verify.go",
		broken: "a log that lost its end in a power cut is another File",
		old:    "if !sameInode || f.desc.Format == wal.Plain", new: "if true || !sameInode || f.desc.Format == wal.Plain",
		test: "TestALogThatLostItsEndInAPowerCutIsTheSameFile",
	},
	{
		name: "tail/opened-by-name", invariant: "1", pkg: "agent/tail", file: "agent/tail/open.go",
		broken: "a File is opened again by its name, whoever has that by now",
		old:    "if st.key != f.key {", new: "if st.key != f.key && f.src != nil {",
		test: "TestAFileIsNotOpenedByItsName",
	},

	// What keeps bytes until they are read.
	{
		name: "tail/pins-swept", invariant: "1, 5", pkg: "agent/tail", file: "agent/tail/pins.go",
		broken: "pins of an earlier run are not read",
		old:    "if t.o.PinDir == \"\" {", new: "if true {",
		test: "TestAnUnknownPinIsAdopted",
	},
	{
		name: "tail/no-pins", invariant: "1, 5", pkg: "agent/tail", file: "agent/tail/meet.go",
		broken: "no pins are made",
		old:    "if !ok || n.pin != \"\"", new: "if !ok || ok || n.pin != \"\"",
		test: "TestPinsKeepWhatAKilledAgentHadSeen",
	},
	{
		name: "tail/pins-not-fsynced", invariant: "2, 9", pkg: "chaos/powercut", file: "agent/tail/pins.go",
		broken: "the folder that names a pin is not fsynced",
		old:    "if err := syncDir(dir); err != nil && !os.IsNotExist(err) {", new: "if err := error(nil); err != nil && !os.IsNotExist(err) {",
		test: "TestPinsSurviveACut",
	},
	{
		name: "tail/pin-folders-not-fsynced", invariant: "2, 9", pkg: "chaos/powercut", file: "agent/tail/pins.go",
		broken: "the folders above a pin's own are not fsynced",
		old:    "for d, top := dir, filepath.Dir(p.dir); len(d) >= len(top); d = filepath.Dir(d) {\n\t\tp.dirty[d] = true",
		new:    "for d, top := dir, filepath.Dir(p.dir); len(d) >= len(top); d = filepath.Dir(d) {\n\t\tp.dirty[dir] = true",
		test:   "TestPinsSurviveACut",
	},
	{
		name: "tail/renamed-let-go-at-once", invariant: "1, 5", pkg: "agent/tail", file: "agent/tail/scan.go",
		broken: "a file has ended when it is renamed, though its writer goes on for a moment",
		old:    "f.ended = f.rotated && now.Sub(f.lastGrew) >= quietFor", new: "f.ended = f.rotated",
		test: "TestARenamedFileIsKeptForAWhile",
	},
	{
		name: "tail/unlinked-let-go-at-once", invariant: "1, 5", pkg: "agent/tail", file: "agent/tail/scan.go",
		broken: "a file has ended when its last name goes, though its writer goes on for a moment",
		old:    "\tf.ended = now.Sub(f.lastGrew) >= quietFor", new: "\tf.ended = true",
		test: "TestAnUnlinkedFileIsKeptForAWhile",
	},
	{
		name: "tail/pin-dropped-before-the-ledger", invariant: "5", pkg: "agent/tail", file: "agent/tail/scan.go",
		broken: "a pin is given up although the ledger could not take what is lost by it",
		old:    "if t.commit() == nil {", new: "if t.commit() == nil || true {",
		test: "TestNoPinGoesBeforeTheLedgerHasIt",
	},

	// What is lost is listed, once it is certain.
	{
		name: "tail/lost-after-one-scan", invariant: "5", pkg: "agent/tail", file: "agent/tail/lose.go",
		broken: "a File is lost when one scan does not find it",
		old:    "f.missing < 2 || now.Sub(f.goneSince) < scanEvery || ", new: "",
		test: "TestAFileMissedByOneScanIsReadAgain",
	},
	{
		name: "tail/lost-within-a-moment", invariant: "5", pkg: "agent/tail", file: "agent/tail/lose.go",
		broken: "a File is lost when two scans, however close, do not find it",
		old:    "now.Sub(f.goneSince) < scanEvery || ", new: "",
		test: "TestNothingIsLostWithinASecond",
	},
	{
		name: "tail/lost-while-pending", invariant: "5", pkg: "agent/tail", file: "agent/tail/lose.go",
		broken: "a loss is listed while Records of the File may still turn out not to be durable",
		old:    " || f.pending > 0 {", new: " {",
		test: "TestWhatIsGoneBeforeItIsDurableIsListed",
	},
	{
		name: "tail/loss-not-listed", invariant: "5", pkg: "agent/tail", file: "agent/tail/lose.go",
		broken: "what is gone before it was read is forgotten without a word",
		old:    "missing\n\t}\n\tt.changed.Losses = append(t.changed.Losses, l)", new: "missing\n\t}",
		test: "TestTruncationMakesANewFileAndALedgerEntry",
	},
	{
		name: "tail/false-end-of-gz", invariant: "5", pkg: "agent/tail", file: "agent/tail/gunzip.go",
		broken: "damage in the middle of a .gz that looks like its end is its end",
		old:    "case last || size == g.size:", new: "case size == size:",
		test: "TestADamagedEndOfAGz",
	},
	{
		name: "tail/gz-without-checksum", invariant: "people", pkg: "agent/tail", file: "agent/tail/lose.go",
		broken: "nobody is told of a .gz whose checksum is wrong",
		old:    "f.doubt = z.doubt().Error()", new: "_ = z.doubt().Error()",
		test: "TestADamagedEndOfAGz",
	},
	{
		name: "tail/gz-ends-with-its-trailer", invariant: "5", pkg: "agent/tail", file: "agent/tail/gunzip.go",
		broken: "of a .gz only the first member is read",
		old:    "\tif last {\n", new: "\tif true {\n",
		test: "TestGunzipReadsWhatGzipWrites",
	},
	{
		name: "tail/torn-gz-is-whole", invariant: "5", pkg: "agent/tail", file: "agent/tail/content.go",
		broken: "a .gz that can't be decompressed to its end counts as read",
		old:    "\t} else if err != nil {\n\t\tc.err = unzipError(err)", new: "\t} else if err != nil {\n\t\tc.end = true",
		test: "TestAHalfWrittenZipIsACopyOfWhatItIsMadeOf",
	},
	{
		name: "tail/report-without-lock", invariant: "5", pkg: "agent/tail", file: "agent/tail/report.go",
		broken: "a scan may put a loss into the ledger between the two questions of which an account is made",
		old:    "\tt.reporting.Lock()\n\tdefer t.reporting.Unlock()\n\tfn(", new: "\tfn(",
		test: "TestAnAccountIsOfOneMoment",
	},
	{
		name: "tail/scan-without-lock", invariant: "5", pkg: "agent/tail", file: "agent/tail/scan.go",
		broken: "a scan's losses are in the ledger before the report tells of them",
		old:    "\tt.reporting.Lock()\n\tdefer t.reporting.Unlock()\n", new: "",
		test: "TestAnAccountIsOfOneMoment",
	},

	{
		name: "tail/forgotten-before-ack", invariant: "1, 5", pkg: "agent/tail", file: "agent/tail/lose.go",
		broken: "a File that is gone is forgotten before its Records are acknowledged",
		old:    "if t.o.Acked() >= f.index && ", new: "if ",
		test: "TestAFileIsRememberedUntilItIsAcknowledged",
	},

	// What is read counts when it is durable, and Events stay whole.
	{
		name: "tail/appended-is-durable", invariant: "1, 2", pkg: "agent/tail", file: "agent/tail/given.go",
		broken: "Records count as durable when any Block behind them does",
		old:    " && t.given[n].index <= durable; n++", new: "; n++",
		test: "TestOnlyDurableRecordsCountAsRead",
	},
	{
		name: "tail/partial-not-carried-over", invariant: "1", pkg: "agent/tail", file: "agent/tail/file.go",
		broken: "an Event that is open at the end of a rotated file is cut in two",
		old:    "return f.series != nil && f.desc.Format != wal.Plain && f.held", new: "return f.series == nil && f.desc.Format != wal.Plain && f.held",
		test: "TestPartialsAreJoinedAcrossARotation",
	},
	{
		name: "tail/long-event-waits-for-ever", invariant: "6", pkg: "agent/tail", file: "agent/tail/fill.go",
		broken: "an Event that stays open is never given out",
		old:    "case ends.Whole > 0 && f.heldFor(now) > openFor:", new: "case ends.Whole < 0 && f.heldFor(now) > openFor:",
		test: "TestAPartialThatNothingFollowsIsDelivered",
	},
	{
		name: "tail/next-file-first", invariant: "1", pkg: "agent/tail", file: "agent/tail/file.go",
		broken: "the next File of an Attempt is read before the one that goes on in it",
		old:    "	if f.read.off != f.desc.Start {\n		return nil", new: "	if f.read.off >= 0 {\n		return nil",
		test: "TestPartialsAreJoinedAcrossARotationThatNobodySaw",
	},
	{
		name: "tail/tmp-read", invariant: "4", pkg: "agent/tail", file: "agent/tail/names.go",
		broken: "what the kubelet is still compressing is read as a log",
		old:    "if m == nil || strings.HasSuffix(name, \".tmp\") {", new: "if m == nil || strings.HasSuffix(name, \".tmp.tmp\") {",
		test: "TestAFileThatIsStillCompressedIsNoLog",
	},
	{
		name: "tail/trace-cut-early", invariant: "1", pkg: "agent/tail", file: "agent/tail/fill.go",
		broken: "a stack trace ends with the lines that are there when it is met",
		old:    "ends.Complete > 0 && f.waited(now) &&", new: "ends.Complete > 0 &&",
		test: "TestATraceIsOneEventAndWaitsForItsEnd",
	},
	{
		name: "tail/trace-cut-by-rotation", invariant: "1", pkg: "agent/tail", file: "agent/tail/fill.go",
		broken: "a stack trace ends at a rotation that no scan has seen yet",
		old:    "f.waited(now) && !t.renamed(f, now):", new: "f.waited(now):",
		test: "TestARotationBetweenTwoScansEndsNoTrace",
	},
	{
		name: "tail/unlisted-is-gone", invariant: "5, 8", pkg: "agent/tail", file: "agent/tail/scan.go",
		broken: "what is in a folder that can't be listed is gone",
		old:    "case f.folder.unlisted || f.folder.cannotTell(f):\n\t\treturn", new: "case f.folder.unlisted && f.lost:\n\t\treturn",
		test: "TestGoneAndBackWhileTheBackendIsDown",
	},
	{
		name: "tail/folder-believed-too-early", invariant: "1, 5", pkg: "agent/tail", file: "agent/tail/dirs.go",
		broken: "a name that comes right after its folder was listed is not seen",
		old:    "d.settled = now.Nano()-d.stat.mtime >= int64(settleTime)", new: "d.settled = now.Nano() > 0 && settleTime > 0",
		test: "TestANameThatComesRightAfterAListingIsSeen",
	},
	{
		name: "tail/files-unbounded", invariant: "6, 8", pkg: "agent/tail", file: "agent/tail/open.go",
		broken: "every File that has something to read is held open",
		old:    "if t.open >= t.o.MaxOpen {", new: "if t.open < 0 {",
		test: "TestOpenFilesAreBounded",
	},
	{
		name: "tail/trace-ends-with-its-file", invariant: "1", pkg: "agent/tail", file: "agent/tail/file.go",
		broken: "a multi-line Event at the end of a rotated File goes out before the next File is found",
		old:    "f.desc.Multiline == nil || f.rotated && f.series != nil", new: "f.desc.Multiline == nil",
		test: "TestATraceIsJoinedAcrossARotation",
	},
	{
		name: "tail/next-plain-file-first", invariant: "people", pkg: "agent/tail", file: "agent/tail/file.go",
		broken: "lines of a new plain file get an earlier time than the last ones of the file that had its name",
		old:    "	if f.desc.Ordinal == 0 {", new: "	if f.desc.Ordinal >= 0 {",
		test: "TestARotatedPlainFileIsReadBeforeTheNextOne",
	},
	{
		name: "tail/rotated-file-met-later", invariant: "people", pkg: "agent/tail", file: "agent/tail/list.go",
		broken: "a plain file that comes and is rotated between two looks is met after the one that took its name",
		old:    "		asked[name] = true", new: "		asked[name] = false",
		test: "TestPlainFilesThatAreMetTogetherAreReadInTheOrderOfTheirRotation",
	},
	{
		name: "tail/other-framing-joined", invariant: "1", pkg: "agent/tail", file: "agent/tail/file.go",
		broken: "two Files whose Lines are grouped in different ways share an Event",
		old:    "return f.joinable() && a.Format == b.Format && (", new: "return f.joinable() && (true || ",
		test: "TestANewConfigurationLeavesTheEndOfTheFileBefore",
	},
	{
		name: "tail/part-of-what-is-over", invariant: "4", pkg: "agent/tail", file: "agent/tail/fill.go",
		broken: "an Event that begins behind a cut is numbered as a part of the one before",
		old:    "f.read.parts = parse.Resume(", new: "_ = parse.Resume(",
		test: "TestALongPlainLineAmongTracesIsNumbered",
	},
	// What can't be opened.
	{
		name: "tail/unread-not-pinned", invariant: "5", pkg: "agent/tail", file: "agent/tail/meet.go",
		broken: "a container's file that can't be opened has no pin",
		old:    "if pin == \"\" && passing(err) {", new: "if pin == \"\" && err == nil {",
		test: "TestWhatCannotBeOpenedIsPinned",
	},
	{
		name: "tail/unread-forgotten", invariant: "5", pkg: "agent/tail", file: "agent/tail/unread.go",
		broken: "a file that could not be opened is forgotten when it is gone",
		old:    "			t.loseUnread(fo, u, now)\n", new: "",
		test: "TestWhatCannotBeOpenedIsListedWhenItIsGone",
	},
	{
		name: "tail/queue-forgotten", invariant: "5", pkg: "agent/tail", file: "agent/tail/scan.go",
		broken: "files whose turn to be opened has not come are not remembered",
		old:    "			t.queue(fo, i, pinned, now)\n", new: "",
		test: "TestWhatCannotBeOpenedIsListedWhenItIsGone",
	},
	{
		name: "tail/unread-rest-forgotten", invariant: "5", pkg: "agent/tail", file: "agent/tail/unread.go",
		broken: "what an unreadable file has more than was read of it before a restart does not count",
		old:    "f.size, f.lastGrew = e.size, now", new: "f.lastGrew = now",
		test: "TestWhatCannotBeOpenedIsListedWhenItIsGone",
	},
	{
		name: "tail/unread-listed-though-read", invariant: "5", pkg: "agent/tail", file: "agent/tail/unread.go",
		broken: "the ledger lists a file that could not be opened and was read from its .gz",
		old:    "fo.ofKnown(u) || fo.compressed(u)", new: "fo.ofKnown(u)",
		test: "TestWhatWasCompressedIsNotListed",
	},
	{
		name: "tail/unread-copy-listed", invariant: "5", pkg: "agent/tail", file: "agent/tail/unread.go",
		broken: "the ledger lists a .gz that could not be opened, of what was read or has a pin",
		old:    "fo.ofKnown(u) || fo.compressed(u)", new: "fo.compressed(u)",
		test: "TestACopyThatCannotBeOpenedIsNotListed",
	},
	{
		name: "tail/unread-pin-anywhere", invariant: "people", pkg: "agent/tail", file: "agent/tail/unread.go",
		broken: "what can't be opened is pinned wherever a link leads to",
		old:    "fo.in.anchorOf(target); a == nil {", new: "fo.in.anchorOf(target); a == nil && err != nil {",
		test: "TestAPinWithoutADescriptorStaysInItsRoot",
	},
}
