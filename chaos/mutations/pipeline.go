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
		name: "pipeline/failed-send-acknowledged", invariant: "3", pkg: "agent/pipeline", file: "agent/pipeline/delivery.go",
		broken: "a Batch that was given up at the end of the agent is acknowledged",
		old:    "b.err == nil", new: "true",
		test: "TestNothingIsAcknowledgedBeforeItsAnswer",
	},
	{
		name: "pipeline/ack-out-of-order", invariant: "3", pkg: "agent/pipeline", file: "agent/pipeline/delivery.go",
		broken: "a Batch that is answered early is acknowledged before those in front of it",
		old:    "\tfor len(d.flight) > 0 && d.flight[0].settled {",
		new: "\tfor i := range d.flight {\n\t\tif d.flight[i].settled {\n\t\t\td.flight[0], d.flight[i] = d.flight[i], d.flight[0]\n\t\t}\n\t}\n" +
			"\tfor len(d.flight) > 0 && d.flight[0].settled {",
		test: "TestNothingIsAcknowledgedBeforeItsAnswer",
	},
	{
		name: "pipeline/released-before-commit", invariant: "3", pkg: "agent/pipeline", file: "agent/pipeline/delivery.go",
		broken: "Segments go before the acknowledgement is committed",
		old:    "c := checkpoint.Change{Acked: d.acked", new: "d.log.Release(d.acked)\n\tc := checkpoint.Change{Acked: d.acked",
		test: "TestSegmentsStayUntilTheirAcknowledgementIsCommitted",
	},
	{
		name: "pipeline/offsets-left-out", invariant: "1", pkg: "agent/pipeline", file: "agent/pipeline/delivery.go",
		broken: "Offsets are not committed with Acked",
		old:    "c.Files = append(c.Files, f)", new: "_ = f",
		test: "TestAnAcknowledgementNotesTheLastDurableIndex",
	},
	{
		name: "pipeline/durable-left-out", invariant: "5, 9", pkg: "agent/pipeline", file: "agent/pipeline/delivery.go",
		broken: "the last durable Index is not committed with Acked",
		old:    "Durable: d.log.Durable(), ", new: "",
		test: "TestAnAcknowledgementNotesTheLastDurableIndex",
	},
	{
		name: "pipeline/read-error-skips", invariant: "3", pkg: "agent/pipeline", file: "agent/pipeline/delivery.go",
		broken: "Blocks that were gathered before a read error are passed over",
		old:    "errors.Is(err, wal.ErrNone) || err != nil && b.n > 0:", new: "errors.Is(err, wal.ErrNone):",
		test: "TestAReadErrorSkipsNoBlock",
	},
	{
		name: "pipeline/damage-not-ledgered", invariant: "5", pkg: "agent/pipeline", file: "agent/pipeline/delivery.go",
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
		name: "pipeline/unburied-acknowledged", invariant: "3", pkg: "agent/pipeline", file: "agent/pipeline/delivery.go",
		broken: "refused Events are acknowledged although the dead-letter store could not take them",
		old:    "\t\t\td.say(err)\n\t\t\treturn any\n", new: "\t\t\td.say(err)\n",
		test: "TestSimulationStoresEveryLineOnce",
	},
	{
		name: "pipeline/refused-dropped", invariant: "3, 5", pkg: "agent/pipeline", file: "agent/pipeline/delivery.go",
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
		name: "pipeline/wal-not-asked", invariant: "1", pkg: "agent/pipeline", file: "agent/pipeline/run.go",
		broken: "a start goes by the checkpoint's Offsets alone, and reads again what waits in the WAL",
		old:    "if e.Index > state.Acked {", new: "if false {",
		test: "TestSimulationStoresEveryLineOnce",
	},
	{
		name: "pipeline/no-floor", invariant: "5, 9", pkg: "agent/pipeline", file: "agent/pipeline/run.go",
		broken: "the WAL is opened without the last durable Index that the checkpoint knows",
		old:    "Floor: max(a.state.Acked, a.state.Durable)", new: "Floor: a.state.Acked",
		test: "TestALostWALUsesNoIndexAgain",
	},
	{
		name: "pipeline/corrupt-not-set-aside", invariant: "9", pkg: "agent/pipeline", file: "agent/pipeline/run.go",
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
		old:    "free < floor {", new: "floor < 0 {",
		test: "TestReadingStopsBelowMinFree",
	},
}
