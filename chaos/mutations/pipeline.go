package main

var pipelineMutations = []mutation{
	// Acknowledgements.
	{
		name: "pipeline/ack-before-answer", invariant: "3", pkg: "agent/pipeline", file: "agent/pipeline/delivery.go",
		broken: "a Batch is acknowledged when it is sent",
		old:    "d.flight = append(d.flight, b)", new: "d.flight = append(d.flight, b)\n\td.acked = b.last()",
		test: "TestNothingIsAcknowledgedBeforeItsAnswer",
	},
	{
		name: "pipeline/failed-send-acknowledged", invariant: "3", pkg: "agent/pipeline", file: "agent/pipeline/acknowledge.go",
		broken: "a Batch that was given up at the end of the agent is acknowledged",
		old:    "b.err == nil", new: "true",
		test: "TestNothingIsAcknowledgedBeforeItsAnswer",
	},
	{
		name: "pipeline/ack-out-of-order", invariant: "3", pkg: "agent/pipeline", file: "agent/pipeline/acknowledge.go",
		broken: "a Batch that is answered early is acknowledged before those in front of it",
		old:    "\tfor len(d.flight) > 0 && d.flight[0].settled {",
		new: "\tfor i := range d.flight {\n\t\tif d.flight[i].settled {\n\t\t\td.flight[0], d.flight[i] = d.flight[i], d.flight[0]\n\t\t}\n\t}\n" +
			"\tfor len(d.flight) > 0 && d.flight[0].settled {",
		test: "TestNothingIsAcknowledgedBeforeItsAnswer",
	},
	{
		name: "pipeline/released-before-commit", invariant: "3", pkg: "agent/pipeline", file: "agent/pipeline/acknowledge.go",
		broken: "Segments go before the acknowledgement is committed",
		old:    "c := checkpoint.Change{Acked: d.acked", new: "d.log.Release(d.acked)\n\tc := checkpoint.Change{Acked: d.acked",
		test: "TestSegmentsStayUntilTheirAcknowledgementIsCommitted",
	},
	{
		name: "pipeline/offsets-left-out", invariant: "1", pkg: "agent/pipeline", file: "agent/pipeline/acknowledge.go",
		broken: "Offsets are not committed with Acked",
		old:    "c.Files = append(c.Files, f)", new: "_ = f",
		test: "TestAnAcknowledgementNotesTheLastDurableIndex",
	},
	{
		name: "pipeline/durable-left-out", invariant: "5, 9", pkg: "agent/pipeline", file: "agent/pipeline/acknowledge.go",
		broken: "the last durable Index is not committed with Acked",
		old:    "\t\tc.Durable = d.log.Durable()\n", new: "\t\t_ = c.Durable\n",
		test: "TestAnAcknowledgementNotesTheLastDurableIndex",
	},
	{
		name: "pipeline/read-error-skips", invariant: "3", pkg: "agent/pipeline", file: "agent/pipeline/delivery.go",
		broken: "Blocks that were gathered before a read error are passed over",
		old:    "errors.Is(err, wal.ErrNone) || err != nil && b.n > 0:", new: "errors.Is(err, wal.ErrNone):",
		test: "TestAReadErrorSkipsNoBlock",
	},
	{
		name: "pipeline/damage-not-ledgered", invariant: "5", pkg: "agent/pipeline", file: "agent/pipeline/acknowledge.go",
		broken: "damaged Blocks are passed over without an entry in the ledger",
		old:    "c.Losses = append(c.Losses, losses(d.damage[passed])...)", new: "_ = losses",
		test: "TestDamageIsListedWithTheAcknowledgementThatPassesIt",
	},

	// Dead letters.
	{
		name: "pipeline/dead-letters-not-fsynced", invariant: "3", pkg: "agent/pipeline", file: "agent/pipeline/dead.go",
		broken: "dead letters are acknowledged before they are fsynced",
		old:    "return d.log.Sync()", new: "return nil",
		test: "TestDeadLetterKeepsTheTimeOfItsEvent",
	},
	{
		name: "pipeline/unburied-acknowledged", invariant: "3", pkg: "agent/pipeline", file: "agent/pipeline/acknowledge.go",
		broken: "refused Events are acknowledged although the dead-letter store could not take them",
		old:    "\t\t\td.say(err)\n\t\t\treturn any\n", new: "\t\t\td.say(err)\n",
		test: "TestSimulationStoresEveryLineOnce",
	},
	{
		name: "pipeline/refused-dropped", invariant: "3, 5", pkg: "agent/pipeline", file: "agent/pipeline/acknowledge.go",
		broken: "refused Events are acknowledged and kept nowhere",
		old:    "if len(b.result.Refused) == 0 {", new: "if true {",
		test: "TestSimulationStoresEveryLineOnce",
	},

	// What is read counts when it is durable.
	{
		name: "pipeline/appended-is-read", invariant: "1, 2", pkg: "agent/pipeline", file: "agent/pipeline/intake.go",
		broken: "what was appended counts as read before its fsync",
		old:    "in.source.Appended(in.block.Index)", new: "in.source.Appended(in.block.Index)\n\tin.source.Taken(in.block.Index)",
		test: "TestSimulationStoresEveryLineOnce",
	},
	{
		name: "pipeline/no-rewind", invariant: "1", pkg: "agent/pipeline", file: "agent/pipeline/intake.go",
		broken: "after a failed write, what was not durable is not read again",
		old:    "\tin.source.Rewind()\n", new: "",
		test: "TestSimulationStoresEveryLineOnce",
	},
	{
		name: "pipeline/durable-read-again", invariant: "1", pkg: "agent/pipeline", file: "agent/pipeline/intake.go",
		broken: "after a failed write, what is durable already is read again",
		old:    "in.source.Taken(in.log.Durable())\n\tin.source.Rewind()", new: "in.source.Rewind()",
		test: "TestWhatIsDurableIsNotReadInAnotherWayAfterAFailedWrite",
	},
	{
		name: "pipeline/wal-not-asked", invariant: "1", pkg: "agent/pipeline", file: "agent/pipeline/open.go",
		broken: "a start goes by the checkpoint's Offsets alone, and reads again what waits in the WAL",
		old:    "if e.Index > state.Acked {", new: "if false {",
		test: "TestSimulationStoresEveryLineOnce",
	},
	{
		name: "pipeline/no-floor", invariant: "5, 9", pkg: "agent/pipeline", file: "agent/pipeline/open.go",
		broken: "the WAL is opened without the last durable Index that the checkpoint knows",
		old:    "Floor: max(a.state.Acked, a.state.Durable)", new: "Floor: a.state.Acked",
		test: "TestALostWALUsesNoIndexAgain",
	},
	{
		name: "pipeline/corrupt-not-set-aside", invariant: "9", pkg: "agent/pipeline", file: "agent/pipeline/open.go",
		broken: "a damaged checkpoint keeps the agent from starting",
		old:    "if errors.Is(err, checkpoint.ErrCorrupt) {\n\t\tif a.store", new: "if false {\n\t\tif a.store",
		test: "TestSimulationStoresEveryLineOnce",
	},

	// Space.
	{
		name: "pipeline/no-reserve", invariant: "7, 8", pkg: "agent/pipeline", file: "agent/pipeline/reserve.go",
		broken: "on a full disk RESERVE is kept, and no acknowledgement can be committed",
		old:    "if errors.Is(err, unix.ENOSPC) && os.Remove(r.path) == nil {", new: "if errors.Is(err, unix.ENOSPC) && err == nil {",
		test: "TestFullDiskDoesNotStopDeadLetters",
	},
	{
		name: "pipeline/min-free-ignored", invariant: "7", pkg: "agent/pipeline", file: "agent/pipeline/space.go",
		broken: "reading goes on below wal.min_free",
		old:    "free - floor; s.room < 0 {", new: "free - floor; floor < 0 {",
		test: "TestReadingStopsBelowMinFree",
	},

	// wal.on_full: drop_oldest.
	{
		name: "pipeline/drops-unasked", invariant: "5, 7", pkg: "agent/pipeline", file: "agent/pipeline/drop.go",
		broken: "a Segment is given up on a full disk although wal.on_full says block",
		old:    "if !d.drops.on || why == \"\"", new: "if why == \"\"",
		test: "TestSimulationStoresEveryLineOnce",
	},
	{
		name: "pipeline/drops-at-once", invariant: "5", pkg: "agent/pipeline", file: "agent/pipeline/drop.go",
		broken: "a Segment is given up while answers on their way may make room",
		old:    " || now.Sub(d.drops.roomy) < dropAfter", new: "",
		test: "TestNothingIsDroppedWhileAnswersMakeRoom",
	},
	{
		name: "pipeline/drop-without-awaiting", invariant: "3, 5", pkg: "agent/pipeline", file: "agent/pipeline/drop.go",
		broken: "a Segment is given up while requests hold some of it",
		old:    "if b.first() <= d.drops.upTo && !b.back {", new: "if b.first() <= d.drops.upTo && !b.back && d.read == 0 {",
		test: "TestADropAwaitsTheRequestsThatItCallsBack",
	},
	{
		name: "pipeline/drop-not-ledgered", invariant: "5", pkg: "agent/pipeline", file: "agent/pipeline/acknowledge.go",
		broken: "what is given up is not in the ledger",
		old:    "c.Losses = append(c.Losses, d.drops.losses...)", new: "_ = d.drops.losses",
		test: "TestADropSurvivesAPowerCutAnywhere",
	},
	{
		name: "pipeline/drop-loses-what-is-stored", invariant: "5", pkg: "agent/pipeline", file: "agent/pipeline/drop.go",
		broken: "what the backend has of a dropped Segment is called lost",
		old:    "slices.BinarySearch(b.home, int32(n)); found {", new: "slices.BinarySearch(b.home, int32(n)); found && n < 0 {",
		test: "TestADropSurvivesAPowerCutAnywhere",
	},
	{
		name: "pipeline/rest-of-a-dropped-batch", invariant: "3", pkg: "agent/pipeline", file: "agent/pipeline/drop.go",
		broken: "of a Batch that was called back, the Blocks behind the dropped Segment are not sent again",
		old:    "b.trim(front.n, home); b.n > 0 {", new: "b.trim(front.n, home); b.n < 0 {",
		test: "TestADropSurvivesAPowerCutAnywhere",
	},

	// What may be stored already, and the rest.
	{
		name: "pipeline/no-doubt", invariant: "4", pkg: "agent/pipeline", file: "agent/pipeline/delivery.go",
		broken: "what an earlier process may have sent is sent again without a look",
		old:    "\td.doubt.mark(b)\n", new: "",
		test: "TestBlocksOfAnEarlierProcessAreInDoubt",
	},
	{
		name: "pipeline/chained-apart", invariant: "1", pkg: "agent/pipeline", file: "agent/pipeline/pieces.go",
		broken: "a Block that is too large is cut between two Records that share an Event",
		old:    "if i >= max(n, 1) && !b.Records[i-1].Chained {", new: "if i >= max(n, 1) {",
		test: "TestABlockThatIsTooLargeGoesInPieces",
	},
	{
		name: "pipeline/batch-memory-kept", invariant: "6", pkg: "agent/pipeline", file: "agent/pipeline/batch.go",
		broken: "each place of a Batch keeps the memory of the longest Block it ever had",
		old:    "keep -= cap(b.blocks[i].Text); keep < 0 {", new: "keep -= cap(b.blocks[i].Text); keep < -1<<40 {",
		test: "TestABatchKeepsBoundedMemory",
	},
	{
		name: "pipeline/no-lock", invariant: "1, 4", pkg: "agent", file: "agent/pipeline/open.go",
		broken: "an agent works without LOCK",
		old:    "if a.lock, err = checkpoint.TakeLock(ctx, c.DataDir, c.LockWait); err != nil {", new: "if err = ctx.Err(); err != nil {",
		test: "TestCleanAsksAndRemovesWhatIsOurs",
	},
	{
		name: "pipeline/newer-layout-used", invariant: "9", pkg: "agent/pipeline", file: "agent/pipeline/layout.go",
		broken: "a data directory of a newer release's layout is used",
		old:    "case string(text) != format:", new: "case string(text) == \"\":",
		test: "TestAnotherLayoutIsRefused",
	},
	{
		name: "pipeline/drained-too-early", invariant: "3", pkg: "agent/pipeline", file: "agent/pipeline/drained.go",
		broken: "--exit-when-drained ends before the WAL is empty",
		old:    "a.tail.AtEnd() && a.delivery.Acked() >= a.log.Durable() &&", new: "a.tail.AtEnd() &&",
		test: "TestDrainedIsSaidOnlyWhenTheWALIsEmpty",
	},
	{
		name: "pipeline/boot-not-compared", invariant: "1, 9", pkg: "agent/pipeline", file: "agent/pipeline/open.go",
		broken: "every start believes in the same boot, and takes what a power cut cut off for truncated",
		old:    "SameBoot: a.state.BootID != \"\" && a.state.BootID == a.store.BootID()", new: "SameBoot: a.state.BootID != \"\"",
		test: "TestAStartKnowsWhatCameBefore",
	},
	{
		name: "pipeline/every-start-is-the-first", invariant: "1, 5", pkg: "agent/pipeline", file: "agent/pipeline/open.go",
		broken: "after its checkpoint is lost, an agent with read_from: now passes over what it has not read",
		old:    "recovery.Last == 0 && !a.setAside", new: "(recovery.Last == 0 || a.setAside)",
		test: "TestAStartKnowsWhatCameBefore",
	},
	{
		name: "pipeline/space-not-asked", invariant: "7", pkg: "agent/pipeline", file: "agent/pipeline/intake.go",
		broken: "reading goes on whatever the limits say",
		old:    "if why := in.space(); why != nil {", new: "if why := in.space(); why != nil && now.IsZero() {",
		test: "TestReadingStandsStillWithoutSpace",
	},
	{
		name: "pipeline/one-pod-fills-the-wal", invariant: "7, 8", pkg: "agent/pipeline", file: "agent/pipeline/share.go",
		broken: "wal.max_pod_share holds nobody back",
		old:    "return s.used > s.capacity/2 && s.total > 0 &&", new: "return s.used > s.capacity && s.total > 0 &&",
		test: "TestANoisyPodLeavesTheWALToTheOthers",
	},
	{
		name: "pipeline/share-never-given-back", invariant: "8", pkg: "agent/pipeline", file: "agent/pipeline/share.go",
		broken: "a pod that had its share once waits for ever, though all of it is delivered",
		old:    "s.set(f, held{max(h.acked, offset), h.end})", new: "s.set(f, held{min(offset, h.acked), h.end})",
		test: "TestANoisyPodLeavesTheWALToTheOthers",
	},
	{
		name: "pipeline/gap-not-ledgered", invariant: "1, 5", pkg: "agent/pipeline", file: "agent/pipeline/acknowledge.go",
		broken: "what stood in a Block of which nothing can be read counts as delivered, once the File's next Record is",
		old:    "c.Losses = append(c.Losses, gaps...)", new: "",
		test: "TestWhatUnreadableBlocksHeldIsNamedByTheNextRecords",
	},
	{
		name: "pipeline/gap-by-the-block-that-held-it", invariant: "5", pkg: "agent/pipeline", file: "agent/pipeline/gap.go",
		broken: "what is missing before a Record is passed over when the Blocks that held it were acknowledged before",
		old:    "Until: j.time, Index: j.index", new: "Until: j.time, Index: j.index - 1",
		test: "TestWhatUnreadableBlocksHeldIsNamedByTheNextRecords",
	},
	{
		name: "pipeline/gap-after-a-lost-checkpoint", invariant: "5", pkg: "agent/pipeline", file: "agent/pipeline/gap.go",
		broken: "after its checkpoint is lost, all that was delivered of a File before is called lost",
		old:    "start == j.file.Start && j.index <= g.base", new: "start == j.file.Start && j.index < 1",
		test: "TestALostCheckpointMakesNoLosses",
	},
	{
		name: "pipeline/commits-by-the-wall-clock", invariant: "7", pkg: "agent/pipeline", file: "agent/pipeline/acknowledge.go",
		broken: "acknowledgements are committed when the wall clock has gone on, which may be set back",
		old:    "d.uncounted, d.committed = 0, now\n", new: "d.uncounted, d.committed = 0, now.Round(0)\n",
		test: "TestSimulationOfAClockThatIsSet",
	},
	{
		name: "pipeline/reload-reads-twice", invariant: "people", pkg: "agent/pipeline", file: "agent/pipeline/reload.go",
		broken: "a reload reads the file once for the keys and again for the credentials, which may be of another version by then",
		old:    "credentials := SinkConfig(now, a.o.Logger)", new: "credentials, _ := a.sinkConfig().Renew()",
		test: "TestAHangupReadsTheConfigurationOnce",
	},
	{
		name: "pipeline/reload-takes-half", invariant: "people", pkg: "agent/pipeline", file: "agent/pipeline/reload.go",
		broken: "a configuration whose credentials can't be used holds all the same",
		old:    "if err := a.sink.TakeCredentials(&credentials); err != nil {", new: "a.conf.Store(now)\n\tif err := a.sink.TakeCredentials(&credentials); err != nil {",
		test: "TestAHangupReadsTheConfigurationOnce",
	},
	{
		name: "pipeline/reload-is-overtaken", invariant: "people", pkg: "agent/pipeline", file: "agent/pipeline/reload.go",
		broken: "what a reload has read is written over what was read later, after a 401",
		old:    "defer a.sink.KeepCredentials()()", new: "a.sink.KeepCredentials()()",
		test: "TestAHangupWritesOverNoNewerCredentials",
	},
}
