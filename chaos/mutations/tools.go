package main

// toolMutations break the commands that look into a buffer, ship it or remove it.
var toolMutations = []mutation{
	{
		name: "tools/ship-commits-nothing", invariant: "1, 3", pkg: "agent", file: "agent/pipeline/ship.go",
		broken: "shipped Segments are removed without a committed acknowledgement",
		old:    "counted.Checkpoint = a.store", new: "counted.Checkpoint = nil",
		test: "TestShipDeliversWhatADeadAgentLeft",
	},
	{
		name: "tools/ship-moves-the-boot", invariant: "1, 4", pkg: "agent", file: "agent/pipeline/open.go",
		broken: "whoever ships a buffer notes its own boot: an agent that comes back takes a log that a power cut shortened for a truncated one",
		old:    "open = checkpoint.OpenAway", new: "open = checkpoint.Open",
		test: "TestShipOfACopyChangesNothing",
	},
	{
		name: "tools/boot-erased", invariant: "1, 4", pkg: "checkpoint", file: "checkpoint/commit.go",
		broken: "whoever ships a buffer erases the boot that is noted",
		old:    "if boot == \"\" { // OpenAway", new: "if false {",
		test: "TestACommitFromAwayLeavesTheBootAsItIs",
	},
	{
		name: "tools/copy-waits-for-ever", invariant: "8", pkg: "agent/pipeline", file: "agent/pipeline/ship.go",
		broken: "a copy waits for Blocks that its agent has delivered and removed",
		old:    "r.last.Store(uint64(after)) // the rest is gone", new: "_ = after",
		test: "TestACopyEndsWhenItsAgentHasDeliveredTheRest",
	},
	{
		name: "tools/refused-and-forgotten", invariant: "3", pkg: "agent", file: "agent/cmd_wal_ship.go",
		broken: "a copy of which the backend refuses a part is called shipped",
		old:    "case copied && s.DeadLetters+s.Losses > 0:", new: "case false:",
		test: "TestShipKeepsWhatIsRefused",
	},
	{
		name: "tools/shows-what-is-not-durable", invariant: "2", pkg: "wal", file: "wal/recover.go",
		broken: "beside an agent, tools show what it has not fsynced",
		old:    "if r.live {", new: "if false {",
		test: "TestNothingIsShownThatIsNotDurable",
	},
	{
		name: "tools/delivered-is-damage", invariant: "8", pkg: "agent", file: "agent/cmd_wal_verify.go",
		broken: "what an agent delivers and removes while it is verified is called damaged",
		old:    "return n <= v.look.acked, err", new: "return false, err",
		test: "TestWhatIsDeliveredMeanwhileIsNoDamage",
	},
	{
		name: "tools/order-unchecked", invariant: "1", pkg: "agent", file: "agent/cmd_wal_verify.go",
		broken: "verify finds no fault with Records that do not follow one another",
		old:    "crc32.Update(before.prefix, castagnoli, r.Text) != r.Prefix", new: "false",
		test: "TestVerifyFindsRecordsOutOfOrder",
	},
	{
		name: "tools/read-while-written", invariant: "9", pkg: "checkpoint", file: "checkpoint/readonly.go",
		broken: "tools read a checkpoint while it is written, and take it for damaged",
		old:    "return unix.LOCK_SH", new: "return unix.LOCK_UN",
		test: "TestReadOnlyNeverReadsWhatIsBeingWritten",
	},
	{
		name: "tools/clean-takes-what-is-not-ours", invariant: "8", pkg: "agent", file: "agent/belongings.go",
		broken: "clean removes whatever stands in the folders of the WAL",
		old:    "len(s) == 20 && strings.Trim(s, \"0123456789\") == \"\"", new: "s != \"\"",
		test: "TestCleanRemovesNothingElse",
	},
	{
		name: "tools/clean-of-a-mistyped-folder", invariant: "8", pkg: "agent", file: "agent/cmd_clean.go",
		broken: "clean removes files that have our names from a folder that no agent ever used",
		old:    "filepath.Join(dataDir, \"LOCK\")", new: "filepath.Join(dataDir, \"LOCK\", \"..\", \"..\")",
		test: "TestCleanOfAnotherFolderDoesNothing",
	},
	{
		name: "tools/clean-deliver-removes-letters", invariant: "5", pkg: "agent", file: "agent/cmd_clean.go",
		broken: "clean --deliver removes dead letters, and nobody was asked",
		old:    "	case o.delivered && r.undelivered():", new: "	case o.delivered && r.undelivered() && o.yes:",
		test: "TestCleanDeliversFirst",
	},
	{
		name: "tools/clean-deliver-when-interrupted", invariant: "5", pkg: "agent", file: "agent/cmd_clean.go",
		broken: "clean --deliver goes on when it was told to end, and takes pins that nobody read for read",
		old:    "			if c.Context().Err() != nil {", new: "			if c.Context().Err() != nil && yes {",
		test: "TestCleanDeliversFirst",
	},
	{
		name: "tools/prepare-any-folder", invariant: "8", pkg: "agent", file: "agent/cmd_prepare.go",
		broken: "prepare opens a folder with other people's files to their group",
		old:    "len(names) > 0 && err != nil", new: "len(names) > 99 && err != nil",
		test: "TestPrepareOpensADataDirectoryToItsGroup",
	},
	{
		name: "tools/clean-does-not-ask", invariant: "5", pkg: "agent", file: "agent/cmd_clean.go",
		broken: "any answer is a yes",
		old:    "answer != \"yes\"", new: "answer == \"never\"",
		test: "TestCleanAsksAndRemovesWhatIsOurs",
	},
	{
		name: "tools/clean-json-does-not-ask", invariant: "5", pkg: "agent", file: "agent/cmd_clean.go",
		broken: "clean for a program, which nobody can be asked for, removes what is not delivered",
		old:    "	case o.delivered, o.yes:", new: "	case o.delivered, o.yes, o.json:",
		test: "TestCleanTellsProgramsWhatThereIs",
	},
	{
		name: "tools/denies-what-it-may-not-see", invariant: "people", pkg: "agent", file: "agent/cmd_status.go",
		broken: "who may not open agent.sock is told that no agent runs",
		old:    " || errors.Is(err, fs.ErrPermission) { // who", new: " || errors.Is(err, fs.ErrInvalid) { // who",
		test: "TestAnAgentOfAnotherUserIsNotDenied",
	},
	{
		name: "sink/look-up-names-nobody", invariant: "people", pkg: "sink", file: "sink/lookup.go",
		broken: "the last error of a look-up does not say which server was asked",
		old:    "p.what = p.node + \": \" + p.what", new: "_ = p.node",
		test: "TestTheLastErrorNamesTheServer",
	},
}
