package main

// The store of dead letters: what is held there is sent again.
var letterMutations = []mutation{
	{
		name: "letters/held-not-sent-again", invariant: "3", pkg: "agent/pipeline", file: "agent/pipeline/held.go",
		broken: "what is held stays in the dead-letter store when its index takes documents again",
		old:    "if !h.due.After(now) && (", new: "if h.due.IsZero() && (",
		test: "TestHeldLettersAreStoredWhenTheirIndexIsOpen",
	},
	{
		name: "letters/moved-without-a-new-place", invariant: "3, 5", pkg: "agent/pipeline", file: "agent/pipeline/resend.go",
		broken: "a letter that is refused again leaves its old place, and has no new one",
		old:    "return p.store.append(&stay)", new: "return nil",
		test: "TestReplaySendsWhatIsPicked",
	},
	{
		name: "letters/cut-short-is-stored", invariant: "3, 5", pkg: "agent/pipeline", file: "agent/pipeline/resend.go",
		broken: "letters whose sending was cut short count as stored",
		old:    "if w.err != nil {", new: "if w.err != nil && w.n == 0 {",
		test: "TestLettersStayWhenTheirSendingIsCutShort",
	},
	{
		name: "letters/failed-put-counts", invariant: "5", pkg: "agent/pipeline", file: "agent/pipeline/dead.go",
		broken: "letters of a write that failed stand in the store beside those of the next attempt",
		old:    "\t\td.void(before) // it is put again\n", new: "",
		test: "TestAFailedPutLeavesNothingBehind",
	},
	{
		name: "letters/settled-not-committed", invariant: "5", pkg: "agent/pipeline", file: "agent/pipeline/dead.go",
		broken: "that letters are stored is not committed, and a start sends them again",
		old:    "Settled: d.pending, ", new: "",
		test: "TestLettersLeaveWithTheCommit",
	},
	{
		name: "letters/unbounded", invariant: "7", pkg: "agent/pipeline", file: "agent/pipeline/dead.go",
		broken: "the dead-letter store grows beyond deadletter.max_size",
		old:    "d.log.Stats().Bytes+bytes > d.maxSize", new: "d.log.Stats().Bytes+bytes < 0",
		test: "TestTheStoreOfDeadLettersIsBounded",
	},
	{
		name: "letters/left-twice", invariant: "5", pkg: "checkpoint", file: "checkpoint/letters.go",
		broken: "a letter that is settled again after a failed fsync leaves its account twice",
		old:    "if chunk[s.Index%chunkBits/8]&(1<<(s.Index%8)) != 0 {", new: "if false {",
		test: "TestALetterLeavesItsAccountOnce",
	},
	{
		name: "letters/orphans-stay", invariant: "5", pkg: "agent/pipeline", file: "agent/pipeline/dead.go",
		broken: "letters that a crash left uncounted stay, beside those of the Events that are sent again",
		old:    "\td.void(d.counted)\n", new: "",
		test: "TestSimulationStoresEveryLineOnce",
	},
	{
		name: "letters/unknown-store", invariant: "5", pkg: "agent/pipeline", file: "agent/pipeline/letter_room.go",
		broken: "the first letter is put before the checkpoint knows of the store",
		old:    "if !d.letters.known {", new: "if false {",
		test: "TestTheCheckpointKnowsOfTheStoreBeforeTheFirstLetter",
	},
	{
		name: "letters/given-up-in-silence", invariant: "5", pkg: "agent/pipeline", file: "agent/pipeline/dead.go",
		broken: "the oldest letters of a full store go without an entry in the ledger",
		old:    "d.settle(d.block.Index, parts)", new: "d.settle(d.block.Index, nil)",
		test: "TestSimulationStoresEveryLineOnce",
	},
	{
		name: "letters/removed-before-commit", invariant: "3", pkg: "agent/pipeline", file: "agent/pipeline/dead.go",
		broken: "letters that left are removed before the commit that says so",
		old:    "d.gone, d.first = max(d.gone, d.first), 0\n", new: "d.gone, d.first = max(d.gone, d.first), 0\n\t\t_ = d.log.Release(d.gone)\n",
		test: "TestLettersLeaveWithTheCommit",
	},
	{
		name: "letters/held-not-replayed", invariant: "8", pkg: "agent/pipeline", file: "agent/pipeline/held.go",
		broken: "what an earlier process held is never sent again",
		old:    "\t\tif letter.Held {", new: "\t\tif false {",
		test: "TestHeldLettersAreStoredWhenTheirIndexIsOpen",
	},
	{
		name: "letters/failed-request-passed-over", invariant: "8", pkg: "agent/pipeline", file: "agent/pipeline/resend.go",
		broken: "held letters whose request failed are passed over",
		old:    "p.store.held(w.index, w.from, w.last)", new: "p.store.held(w.index, w.at, w.last)",
		test: "TestHeldLettersAreStoredWhenTheirIndexIsOpen",
	},
	{
		name: "letters/found-late-forgotten", invariant: "8", pkg: "agent/pipeline", file: "agent/pipeline/resend.go",
		broken: "what an earlier process held is forgotten where it is found while newer letters are on their way",
		old:    "case h.last > 0:", new: "case h.last > w.last:",
		test: "TestHeldLettersThatAreFoundLateAreStored",
	},
	{
		name: "letters/still-dead", invariant: "5", pkg: "checkpoint", file: "checkpoint/letters.go",
		broken: "letters that are stored after all stay dead in their accounts",
		old:    "a.Dead -= left", new: "_ = left",
		test: "TestALetterLeavesItsAccountOnce",
	},
	{
		name: "letters/no-plain-form", invariant: "8", pkg: "sink", file: "sink/send.go",
		broken: "what a mapping refuses is a dead letter at once",
		old:    "case b.plain.has(r.N), few && r.Type == tooLarge:", new: "case b.plain.has(r.N), few:",
		test: "TestWhatAMappingRefusesIsStoredInPlainForm",
	},
	{
		name: "letters/each-batch-waits", invariant: "8", pkg: "sink", file: "sink/refusing.go",
		broken: "every Batch waits for an index that is known to take nothing",
		old:    "return len(r.until) == 0", new: "return true",
		test: "TestHeldEventsLetTheOthersPass",
	},
}
