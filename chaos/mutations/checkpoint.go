package main

var checkpointMutations = []mutation{
	// One transaction, durable when it returns.
	{
		name: "checkpoint/offsets-apart", invariant: "1, 9", pkg: "checkpoint", file: "checkpoint/commit.go",
		broken: "Acked is committed first, and the Offsets in a transaction of their own",
		old:    "if err := db.Update(func(tx *bolt.Tx) error { return s.apply(begin(tx), c, boot) }); err != nil {",
		new: "first := c\n\t\tfirst.Files = nil\n" +
			"\t\tif err := db.Update(func(tx *bolt.Tx) error { return s.apply(begin(tx), first, boot) }); err != nil {\n\t\t\treturn err\n\t\t}\n" +
			"\t\tif err := db.Update(func(tx *bolt.Tx) error { return s.apply(begin(tx), Change{Files: c.Files}, boot) }); err != nil {",
		test: "TestBrokenCallsChangeNothing",
	},
	{
		name: "checkpoint/losses-apart", invariant: "5, 9", pkg: "checkpoint", file: "checkpoint/commit.go",
		broken: "the ledger is committed behind the acknowledgement that passes what was lost",
		old:    "if err := db.Update(func(tx *bolt.Tx) error { return s.apply(begin(tx), c, boot) }); err != nil {",
		new: "first := c\n\t\tfirst.Losses = nil\n" +
			"\t\tif err := db.Update(func(tx *bolt.Tx) error { return s.apply(begin(tx), first, boot) }); err != nil {\n\t\t\treturn err\n\t\t}\n" +
			"\t\tif err := db.Update(func(tx *bolt.Tx) error { return s.apply(begin(tx), Change{Losses: c.Losses}, boot) }); err != nil {",
		test: "TestBrokenCallsChangeNothing",
	},
	{
		name: "checkpoint/acked-goes-back", invariant: "9", pkg: "checkpoint", file: "checkpoint/commit.go",
		broken: "Acked may go back",
		old:    "if c.Acked < acked {", new: "if false {",
		test: "TestBrokenCallsChangeNothing",
	},
	{
		name: "checkpoint/durable-goes-back", invariant: "9", pkg: "checkpoint", file: "checkpoint/commit.go",
		broken: "the last durable Index may go back, so that an Index is used again",
		old:    "max(wal.Index(r.number(durableKey)), c.Durable, acked)", new: "max(c.Durable, acked)",
		test: "TestCommitSurvivesReopening",
	},
	{
		name: "checkpoint/not-settled", invariant: "2, 9", pkg: "checkpoint", file: "checkpoint/readonly.go",
		broken: "a start trusts a commit that a killed process left in the page cache only",
		old:    "errors.Join(settle(f), syncDir(filepath.Dir(s.path)))", new: "errors.Join(nil, syncDir(filepath.Dir(s.path)))",
		test: "TestNothingIsTrustedBeforeItsFsync",
	},
	{
		name: "checkpoint/name-not-fsynced", invariant: "2, 9", pkg: "checkpoint", file: "checkpoint/readonly.go",
		broken: "the folder that names the checkpoint is not fsynced",
		old:    "errors.Join(settle(f), syncDir(filepath.Dir(s.path)))", new: "errors.Join(settle(f), os.Chmod(filepath.Dir(s.path), 0o700))",
		test: "TestNothingIsTrustedBeforeItsFsync",
	},
	{
		name: "checkpoint/new-not-fsynced", invariant: "2, 9", pkg: "checkpoint", file: "checkpoint/store.go",
		broken: "a new checkpoint gets its name before its bytes are on the disk",
		old:    "errors.Join(db.Update(createRows), syncFile(f), db.Close())", new: "errors.Join(db.Update(createRows), db.Close())",
		test: "TestNothingIsTrustedBeforeItsFsync",
	},
	{
		name: "checkpoint/aside-not-fsynced", invariant: "9", pkg: "checkpoint", file: "checkpoint/aside.go",
		broken: "a damaged checkpoint that was set aside may have its old name again after a power cut",
		old:    "if err := syncDir(filepath.Dir(path)); err != nil {", new: "if err := error(nil); err != nil {",
		test: "TestNothingIsTrustedBeforeItsFsync",
	},
	{
		name: "checkpoint/goes-on-after-failure", invariant: "2", pkg: "checkpoint", file: "checkpoint/store.go",
		broken: "after a failed commit the same database is used on",
		old:    "\t\tdrop(s.db, s.file, err)\n\t\ts.db, s.file = nil, nil\n", new: "",
		test: "TestAFailedCommitChangesNothingAndTheNextOneWorks",
	},

	// Nothing is taken for a checkpoint that is none, and a damaged one stops nobody.
	{
		name: "checkpoint/no-lock", invariant: "1, 4", pkg: "checkpoint", file: "checkpoint/lock.go",
		broken: "two agents may use one data directory",
		old:    "err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)", new: "err := error(nil)",
		test: "TestOneHolderOfTheLockAtATime",
	},
	{
		name: "checkpoint/no-file-lock", invariant: "9", pkg: "checkpoint", file: "checkpoint/store.go",
		broken: "a second process that opens the checkpoint is not told so",
		old:    "err := unix.Flock(int(f.Fd()), mode|unix.LOCK_NB)", new: "err := error(nil)",
		test: "TestASecondOpenSaysInUseAndDoesNotHang",
	},
	{
		name: "checkpoint/no-recover", invariant: "8, 9", pkg: "checkpoint", file: "checkpoint/store.go",
		broken: "a panic of bbolt ends the agent, at every start again",
		old:    "if r := recover(); r != nil {", new: "if r := any(nil); r != nil {",
		test: "TestAFaultUnderTheMapIsDamage",
	},
	{
		name: "checkpoint/no-fault-guard", invariant: "8, 9", pkg: "checkpoint", file: "checkpoint/store.go",
		broken: "a bad sector under the checkpoint's map ends the agent",
		old:    "debug.SetPanicOnFault(debug.SetPanicOnFault(true))", new: "debug.SetPanicOnFault(false)",
		test: "TestAFaultUnderTheMapIsDamage",
	},
	{
		name: "checkpoint/pages-unchecked", invariant: "9", pkg: "checkpoint", file: "checkpoint/store.go",
		broken: "bbolt follows whatever page numbers a damaged file holds",
		old:    "if err := verify(f); err != nil {", new: "if err := error(nil); err != nil {",
		test: "TestDamageIsRefusedOrHarmless",
	},
	{
		name: "checkpoint/free-list-unchecked", invariant: "9", pkg: "checkpoint", file: "checkpoint/verify.go",
		broken: "a commit may write over a page that is in use",
		old:    "return v.freelist(m.freelist)", new: "return nil",
		test: "TestVerifyRefusesWhatBboltWouldFollow",
	},
	{
		name: "checkpoint/rows-unchecked", invariant: "1, 9", pkg: "checkpoint", file: "checkpoint/rows.go",
		broken: "rows are taken without the sum over them",
		old:    "if sum != begin(tx).seal {", new: "if sum == 1 {",
		test: "TestRowsThatNobodyWroteAreNoticed",
	},
	{
		name: "checkpoint/newer-format-read", invariant: "9", pkg: "checkpoint", file: "checkpoint/rows.go",
		broken: "what a newer release wrote is read as if it were known",
		old:    "v > formatVersion {", new: "v > formatVersion+9 {",
		test: "TestANewerFormatIsNotDamage",
	},

	// The ledger and the accounts.
	{
		name: "checkpoint/loss-listed-twice", invariant: "5", pkg: "checkpoint", file: "checkpoint/ledger.go",
		broken: "a loss that is committed again after a crash stands in the ledger twice",
		old:    "case joinable(last, l) && !strings.HasSuffix(last.Detail, widened):", new: "case false:",
		test: "TestLedgerJoinsTouchingLossesAndNothingElse",
	},
	{
		name: "checkpoint/loss-counted-twice", invariant: "5", pkg: "checkpoint", file: "checkpoint/ledger.go",
		broken: "a loss that overlaps the last one counts its bytes again",
		old:    "l.End - before", new: "l.End - min(before, l.Start)",
		test: "TestLedgerJoinsTouchingLossesAndNothingElse",
	},
	{
		name: "checkpoint/dead-letters-counted-again", invariant: "5", pkg: "checkpoint", file: "checkpoint/account.go",
		broken: "dead letters that are committed again after a failed fsync count twice",
		old:    "d.Index <= acked || d.Start < a.Reach {", new: "d.Start < a.Reach {",
		test: "TestDeadLettersOfABlockCountOnce",
	},
	{
		name: "checkpoint/dead-letters-of-what-is-read-again", invariant: "5", pkg: "checkpoint", file: "checkpoint/account.go",
		broken: "dead letters of bytes that are read again after a power cut count twice",
		old:    " || d.Start < a.Reach {", new: " {",
		test: "TestAnAccountAddsUpWhateverIsCommittedAgain",
	},
	{
		name: "checkpoint/dropped-not-in-the-account", invariant: "5", pkg: "checkpoint", file: "checkpoint/account.go",
		broken: "what was lost after reading moves the account's end nowhere",
		old:    "a.Reach = max(a.Reach, l.End)", new: "_ = l.End",
		test: "TestAnAccountAddsUpWhateverIsCommittedAgain",
	},
	{
		name: "checkpoint/forgotten-account", invariant: "5", pkg: "checkpoint", file: "checkpoint/commit.go",
		broken: "the account of a File that is forgotten is gone from the sum",
		old:    "if err := r.bequeath(a); err != nil {", new: "if err := error(nil); err != nil || a.Dead < -1 {",
		test: "TestAnAccountAddsUpWhateverIsCommittedAgain",
	},
	{
		name: "checkpoint/created-in-place", invariant: "9", pkg: "checkpoint", file: "checkpoint/store.go",
		broken: "a crash while the checkpoint is made leaves half of one",
		old:    "fresh := path + \".new\"", new: "fresh := path",
		test: "TestACrashWhileCreatingLeavesNoCheckpoint",
	},
	{
		name: "checkpoint/aside-unbounded", invariant: "7", pkg: "checkpoint", file: "checkpoint/aside.go",
		broken: "damaged checkpoints are kept without end",
		old:    "len(old) > maxAside", new: "len(old) > 9*maxAside",
		test: "TestSetAsideKeepsTheNewestThree",
	},
}
