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
}
