package main

var sinkMutations = []mutation{
	// The _id of a document.
	{
		name: "sink/no-crc-in-id", invariant: "4", pkg: "sink", file: "sink/document.go",
		broken: "an _id says nothing of the bytes, so that a 409 proves nothing",
		old:    "binary.BigEndian.PutUint32(rest[9:], sum)", new: "binary.BigEndian.PutUint32(rest[9:], 0)",
		test: "TestIDsNeverChange",
	},
	{
		name: "sink/no-offset-in-id", invariant: "4", pkg: "sink", file: "sink/document.go",
		broken: "two equal lines of one File have one _id",
		old:    "binary.BigEndian.PutUint64(rest[1:], uint64(at))", new: "binary.BigEndian.PutUint64(rest[1:], 0)",
		test: "TestIDsNeverChange",
	},

	// What an answer means.
	{
		name: "sink/items-not-counted", invariant: "3", pkg: "sink", file: "sink/request.go",
		broken: "an answer with fewer items than documents is taken",
		old:    "if err == nil && len(b.verdicts) != len(b.sent) {", new: "if false {",
		test: "TestDoubtfulAnswersSettleNothing",
	},
	{
		name: "sink/torn-answer-is-success", invariant: "3", pkg: "sink", file: "sink/request.go",
		broken: "a status of 200 is success, whatever becomes of the answer behind it",
		old:    "p, err := b.judge(resp.BodyReader)\n\t\tif err != nil {\n",
		new: "p, err := b.judge(resp.BodyReader)\n\t\tif err != nil {\n" +
			"\t\t\tfor b.verdicts = b.verdicts[:0]; len(b.verdicts) < len(b.sent); {\n\t\t\t\tb.verdicts = append(b.verdicts, Stored)\n\t\t\t}\n" +
			"\t\t\tb.settle()\n\t\t\treturn nil\n\t\t}\n\t\tif err != nil {\n",
		test: "TestDoubtfulAnswersSettleNothing",
	},
	{
		name: "sink/answer-cut-off", invariant: "3", pkg: "sink", file: "sink/answer.go",
		broken: "an answer that ends behind its items, and not as JSON does, is taken",
		old:    "if err != nil {\n\t\treturn err\n\t}\n\tif !seen {", new: "if err != nil && !seen {\n\t\treturn err\n\t}\n\tif !seen {",
		test: "TestEveryTruncationIsSeen",
	},
	{
		name: "sink/conflict-is-failure", invariant: "3, 4", pkg: "sink", file: "sink/verdict.go",
		broken: "a document that is there already (409) is refused",
		old:    "return Duplicate", new: "return Poison",
		test: "TestVerdicts",
	},
	{
		name: "sink/busy-is-poison", invariant: "3", pkg: "sink", file: "sink/verdict.go",
		broken: "a document that the backend is too busy for (429) is refused for good",
		old:    "case status == 408, status == 429, status >= 500:", new: "case status == 429:\n\t\treturn Poison\n\tcase status == 408, status >= 500:",
		test: "TestVerdicts",
	},
	{
		name: "sink/any-400-is-poison", invariant: "3", pkg: "sink", file: "sink/verdict.go",
		broken: "what a full cluster or a missing index answers (400) is taken for the document's own fault",
		old:    "case status == 400 && poison(errType, reason):", new: "case status == 400:",
		test: "TestVerdicts",
	},
	{
		name: "sink/blocked-index-is-busy", invariant: "8", pkg: "sink", file: "sink/verdict.go",
		broken: "one index that is read-only holds up all others",
		old:    "case blocked[errType]:", new: "case blocked[errType] && status == 0:",
		test: "TestVerdicts",
	},
	{
		name: "sink/too-long-is-poison", invariant: "3", pkg: "sink", file: "sink/send.go",
		broken: "all documents of a request that is too long (413) are refused",
		old:    "case p.scope == tooLong && b.length.tooLong(len(b.sent), b.body.size):",
		new: "case p.scope == tooLong && len(b.sent) > 1:\n\t\t\tfor _, n := range b.sent {\n" +
			"\t\t\t\tb.settled.add(int(n))\n\t\t\t\tb.result.Refused = append(b.result.Refused, Refusal{N: int(n)})\n\t\t\t}\n\t\t\tp = nil\n" +
			"\t\tcase p.scope == tooLong && b.length.tooLong(len(b.sent), b.body.size):",
		test: "TestTooLongRequestsAreSplit",
	},
	{
		name: "sink/mostly-refused-is-poison", invariant: "3, 8", pkg: "sink", file: "sink/verdict.go",
		broken: "a mapping that refuses most documents makes dead letters of a fleet's logs",
		old:    "return total < 20 || 2*ofType <= judged", new: "return total >= 0 || 2*ofType <= judged",
		test: "TestMostlyPoisonIsHeld",
	},
	{
		name: "sink/held-given-up-at-once", invariant: "3", pkg: "sink", file: "sink/send.go",
		broken: "what is held goes to the dead letters at the second attempt",
		old:    "if time.Since(b.holding) < limit ||", new: "if limit < 0 ||",
		test: "TestHeldEventsLetTheOthersPass",
	},

	// When it is sent again.
	{
		name: "sink/retry-after-ignored", invariant: "8", pkg: "sink", file: "sink/request.go",
		broken: "a backend that asks for time is not given it",
		old:    "return min(max(wait, 0), maxRetryAfter)", new: "return min(0*wait, maxRetryAfter)",
		test: "TestRetryAfterIsHonoured",
	},
	{
		name: "sink/gives-up", invariant: "3", pkg: "sink", file: "sink/pace.go",
		broken: "a Send gives up after a quarter of an hour",
		old:    "backoff.WithMaxElapsedTime(0)", new: "backoff.WithMaxElapsedTime(15*time.Minute)",
		test: "TestSendNeverGivesUp",
	},
	{
		name: "sink/all-sent-again", invariant: "4", pkg: "sink", file: "sink/send.go",
		broken: "an attempt sends again what has its home",
		old:    "if b.settled.has(n) || b.tried.has(n) || b.doubt.keeps(n) {", new: "if b.tried.has(n) || b.doubt.keeps(n) {",
		test: "TestOnlyWhatHasNoHomeIsSentAgain",
	},
	{
		name: "sink/no-look-up", invariant: "4", pkg: "sink", file: "sink/send.go",
		broken: "what an unanswered request may have stored is sent again without a look behind the data stream's rollover",
		old:    "b.tried.has(n) || b.doubt.keeps(n) {", new: "b.tried.has(n) {",
		test: "TestAmbiguousThenRolledOverIsStoredOnce",
	},
	{
		name: "sink/wait-behind-look-up", invariant: "4", pkg: "sink", file: "sink/doubt.go",
		broken: "a request waits for its turn between the look-up and the sending, and a rollover comes between",
		old:    "if _, err = b.render(); err == nil", new: "b.sink.flow.give(begun, nothing, 0)\n\t\tif begun, err = b.sink.flow.take(ctx); err != nil {\n\t\t\treturn\n\t\t}\n\t\tif _, err = b.render(); err == nil",
		test: "TestNoWaitComesBetweenALookUpAndItsRequest",
	},
	{
		name: "sink/one-look-up-for-all", invariant: "4", pkg: "sink", file: "sink/doubt.go",
		broken: "what was looked up once is sent whenever its turn comes",
		old:    "\tdefer func() { b.doubt.trusted = b.doubt.trusted[:0] }()\n", new: "",
		test: "TestEachRequestInDoubtIsLookedUp",
	},
	{
		name: "sink/unanswered-is-no-doubt", invariant: "4", pkg: "sink", file: "sink/request.go",
		broken: "a request without an answer is taken for one that stored nothing",
		old:    "!errors.As(err, &u) || u.begun {", new: "errors.As(err, &u) && u.begun && u.error == nil {",
		test: "TestAmbiguousThenRolledOverIsStoredOnce",
	},
	{
		name: "sink/away-is-busy", invariant: "8", pkg: "sink", file: "sink/flow.go",
		broken: "after an outage the pauses end as late as if the backend had been busy",
		old:    "\t\tif f.gone {", new: "\t\tif false {",
		test: "TestTheEndOfAnOutageIsTheEndForEverySend",
	},
	{
		name: "sink/outage-of-each", invariant: "8", pkg: "sink", file: "sink/pace.go",
		broken: "each Send waits for what it met in an outage, when others are stored already",
		old:    "if p.ofAll {", new: "if false {",
		test: "TestTheEndOfAnOutageIsTheEndForEverySend",
	},
	{
		name: "sink/alone-is-an-outage", invariant: "8", pkg: "sink", file: "sink/send.go",
		broken: "a Send that alone gets nothing through keeps the others from getting theirs",
		old:    "next.After(began) && !b.sink.health.storedSince(began)", new: "next.After(began)",
		test: "TestASendAloneInTroubleLeavesTheOthersAlone",
	},
	{
		name: "sink/absent-is-away", invariant: "8", pkg: "sink", file: "sink/flow.go",
		broken: "a backend that nobody could reach waits for half a minute when it is back",
		old:    "if o == absent {", new: "if false {",
		test: "TestTheEndOfAnOutageIsTheEndForEverySend",
	},
	{
		name: "sink/look-up-is-dear", invariant: "8", pkg: "sink", file: "sink/doubt.go",
		broken: "a backend whose connections were cut waits for half a minute when it is back, though a small question was to be asked",
		old:    "		o = absent //", new: "		o = away //",
		test: "TestTheEndOfAnOutageIsTheEndForEverySend",
	},
	{
		name: "sink/absent-is-late", invariant: "8", pkg: "sink", file: "sink/request.go",
		broken: "after an outage bodies are short, as if long ones had been the reason",
		old:    "late: !absent && errors.Is", new: "late: errors.Is",
		test: "TestAnUnreachableBackendMakesNoBodyShorter",
	},
	{
		name: "sink/body-read-too-long", invariant: "3", pkg: "sink", file: "sink/gate.go",
		broken: "the transport may read a body on while the next one is written into its memory",
		old:    "\tg.body = nil\n", new: "",
		test: "TestShutGateKeepsTheBodyBack",
	},
	{
		name: "sink/no-slowing-down", invariant: "8", pkg: "sink", file: "sink/flow.go",
		broken: "a fleet goes on asking a busy backend as often as before",
		old:    "f.wait = min(max(2*f.wait, f.least), f.last)", new: "f.wait = 0",
		test: "TestFleetDoesNotStampede",
	},
	{
		name: "sink/hint-believed", invariant: "3", pkg: "sink/deflate", file: "sink/deflate/deflate.go",
		broken: "what a hint says is compressed without a look at the text",
		old:    " || !bytes.Equal(text[to:to+n], text[source:source+n]) {", new: " || bytes.Equal(text[:1], nil) {",
		test: "TestWrongHintsDoNoHarm",
	},
	{
		name: "sink/match-beyond-window", invariant: "3", pkg: "sink/deflate", file: "sink/deflate/find.go",
		broken: "a match points farther back than a gzip reader remembers",
		old:    "if uint(distance-1) >= Window || source", new: "if distance < 1 || source",
		test: "TestTextComesBack",
	},
	{
		name: "sink/codes-of-another-body", invariant: "3", pkg: "sink/deflate", file: "sink/deflate/deflate.go",
		broken: "a body does not begin with the codes that it is written in: they stand in the one before",
		old:    "e.bits, e.block, e.crc, e.size = bits{}, false, 0, 0", new: "e.bits, e.crc, e.size = bits{}, 0, 0",
		test: "TestTextComesBack",
	},
	{
		name: "sink/codes-changed-in-a-block", invariant: "3", pkg: "sink/deflate", file: "sink/deflate/deflate.go",
		broken: "new codes are made while a block goes on, so what follows is written in codes that no reader has",
		old:    "\t\te.block = false\n", new: "",
		test: "TestTextComesBack",
	},
	{
		name: "sink/codes-for-the-seen-only", invariant: "3", pkg: "sink/deflate", file: "sink/deflate/write.go",
		broken: "what the sample did not have has no code",
		old:    "\t\tlits[i]++\n", new: "\t\tlits[i] += 0\n",
		test: "TestCodesFitWhatComes",
	},
	{
		name: "sink/files-unbounded", invariant: "6", pkg: "sink", file: "sink/document.go",
		broken: "what was rendered of a File is kept for ever",
		old:    "if len(c.young) >= cachedFiles || c.bytes >= cachedBytes {", new: "if len(c.young) < 0 {",
		test: "TestFileCacheIsBounded",
	},
}
