package main

var parseMutations = []mutation{
	{
		name: "parse/joined-across-streams", invariant: "1", pkg: "agent/parse", file: "agent/parse/events.go",
		broken: "a partial of stdout is joined with the next line of stderr",
		old:    "open := &c.p.open[l.stream]\n\tif !ok", new: "open := &c.p.open[stdout]\n\tif !ok",
		test: "TestEventsJoinPartialsPerStream",
	},
	{
		name: "parse/record-ends-in-an-event", invariant: "1", pkg: "agent/parse", file: "agent/parse/lines.go",
		broken: "a Record may end where an Event of the other stream is open",
		old:    "open &^= 1 << stream", new: "open = 0 << stream",
		test: "TestScanEndsWhereNoEventIsOpen",
	},
	{
		name: "parse/record-ends-behind-a-partial", invariant: "1", pkg: "agent/parse", file: "agent/parse/cri.go",
		broken: "the short look at a Line passes over the tag that says it goes on",
		old:    "b[usualLen-2] == 'F' && b", new: "b",
		test: "TestScanEndsWhereNoEventIsOpen",
	},
	{
		name: "parse/last-partial-left-alone", invariant: "1", pkg: "agent/parse", file: "agent/parse/events.go",
		broken: "the Line that ends an Event of partials becomes one by itself, as it comes the short way",
		old:    "ok && !c.p.open[stream].started", new: "ok",
		test: "TestEventsJoinPartialsPerStream",
	},
	{
		name: "parse/parts-not-numbered", invariant: "4", pkg: "agent/parse", file: "agent/parse/events.go",
		broken: "the parts of a long Event have no numbers",
		old:    "if before > 0 || cut {", new: "if before < 0 {",
		test: "TestNothingIsDroppedAtARecordsEnd",
	},
	{
		name: "parse/parts-not-counted-on", invariant: "4", pkg: "agent/parse", file: "agent/parse/lines.go",
		broken: "each Record counts the parts of a long Event from 1 again",
		old:    "parts[stream]++", new: "parts[stream] = 0",
		test: "TestPartsAreCountedAcrossRecords",
	},
	{
		name: "parse/foreign-line-dropped", invariant: "1, 5", pkg: "agent/parse", file: "agent/parse/events.go",
		broken: "a line that is not of its File's format is passed over",
		old:    "if !open.started && !l.partial {", new: "if !ok {\n\t\treturn nil\n\t}\n\tif !open.started && !l.partial {",
		test: "TestNothingIsDroppedAtARecordsEnd",
	},
	{
		name: "parse/open-event-dropped", invariant: "1, 5", pkg: "agent/parse", file: "agent/parse/events.go",
		broken: "an Event that is open at the end of its Record is passed over",
		old:    "if c.p.open[s].started {", new: "if c.p.open[s].started && c.r.Cut {",
		test: "TestNothingIsDroppedAtARecordsEnd",
	},
	{
		name: "parse/long-event-cut-in-a-character", invariant: "1", pkg: "agent/parse", file: "agent/parse/cut.go",
		broken: "a long Event is cut within a character",
		old:    "return len(text) - tornRune(text)", new: "return len(text)",
		test: "TestCutAtKeepsCharactersWhole",
	},
	{
		name: "parse/trace-ends-in-the-other-stream", invariant: "1", pkg: "agent/parse", file: "agent/parse/frame.go",
		broken: "a Record may end where a multi-line Event of the other stream is open",
		old:    "end >= max(a.from, b.from)", new: "end >= 0",
		test: "TestScanEndsFramedRecordsWhereTheNextEventBegins",
	},
	{
		name: "parse/trace-begins-with-any-line", invariant: "1", pkg: "agent/parse", file: "agent/parse/multiline.go",
		broken: "the first Line of a Record goes on as if text stood before it",
		old:    "f.streams[stdout].last, f.streams[stdout].partial = fresh, false", new: "f.streams[stdout].last, f.streams[stdout].partial = text, false",
		test: "TestAnEventByItselfIsTheSameEvent",
	},
	{
		name: "parse/lines-run-together", invariant: "1", pkg: "agent/parse", file: "agent/parse/events.go",
		broken: "the lines of a multi-line Event stand in one",
		old:    "open.message = append(open.message, '\\n')", new: "open.goesOn = false",
		test: "TestStackTracesAreSingleEvents",
	},
}
