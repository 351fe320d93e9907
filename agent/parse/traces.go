package parse

import "strings"

// traces is a built-in set of rules that know which Lines belong to one stack trace, and to the message before it. It looks
// at a Line and at what the Line before was, and at nothing else: so an Event taken by itself is one Event again.
//
// What begins an Event is the same whatever stands before it, so that it is the same at the start of a Record, where nothing
// is known of that: there only those rules count that ask for no particular Line before.
//
// A Line that no rule joins to the one before begins an Event. Rules say what a runtime prints, not just that a Line is
// indented, so that ordinary logs stay single.
type traces struct {
	joins  [states][]rule // by what the Line before was
	begins []rule
	known  [256]bool // bytes with which a Line may begin that is more than text where s <= text
}

// state is what the Line before was.
type state uint8

const (
	fresh    state = iota // not known: at the start of a Record
	text                  // anything
	thrown                // java, .NET: an exception with its message
	frames                // the lines of a stack; Caused by and the like
	pyTrace               // Traceback (most recent call last): and what is indented below
	pyError               // ValueError: ...
	pyGap                 // the empty line behind it
	pyChain               // During handling of the above exception ...
	pyGroup               // Exception Group Traceback (most recent call last): and what is indented below
	goHead                // panic: ...
	goStack               // goroutine 1 [running]: and its frames
	goGap                 // the empty line behind them
	nodeAt                // /app/index.js:3
	nodeCode              //     throw new Error('boom')
	nodeMark              //     ^
	nodeGap               // the empty line behind it
	nodeTail              // the empty line behind the frames
	nodeMore              // {, and what an error has besides
	rubyHead              // app.rb:3:in 'f': boom (RuntimeError)
	rubyGap               // the empty line behind it
	rubyCode              // the code that failed
	dotLog                // info: Microsoft.Hosting.Lifetime[14]
	states                // how many there are
)

// lang is a set of runtimes.
type lang uint8

const (
	java lang = 1 << iota
	python
	golang
	node
	ruby
	dotnet
)

// rule says what a Line is, if what the one before was allows it.
type rule struct {
	of    lang
	from  []state // nil: whatever the Line before was
	first string  // the bytes that it may begin with; "" for any, an empty Line included
	is    func(head []byte) bool
	to    state
}

const (
	indent = " \t"
	lower  = "abcdefghijklmnopqrstuvwxyz"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// joining are the rules of Lines that belong to the one before; the first that holds counts.
var joining = []rule{
	{dotnet, []state{dotLog}, " ", starts("      "), dotLog},
	{node, []state{nodeMore}, indent, anything, nodeMore},
	{node, []state{nodeMore}, "}", anything, frames},
	{python, []state{pyTrace}, indent, anything, pyTrace},
	{python, []state{pyTrace}, "", notEmpty, pyError},
	{python, []state{pyError}, "", empty, pyGap},
	{python, []state{pyGap}, "DT", either(starts("During handling of the above exception"), starts("The above exception was the direct cause")), pyChain},
	{python, []state{pyChain}, "", empty, pyChain},
	{python, []state{text, pyChain}, "T", starts("Traceback (most recent call last):"), pyTrace},
	{python, []state{text, pyChain}, " ", starts("  + Exception Group Traceback"), pyGroup},
	{python, []state{pyGroup}, " ", below(starts("|"), starts("+")), pyGroup},
	{python, []state{text}, " ", starts(`  File "`), pyTrace},

	{node, nil, indent, both(frame, endsWith("{")), nodeMore},
	{java | node | dotnet, nil, indent, frame, frames},
	{java, nil, indent, below(moreFrames, starts("Caused by: "), starts("Suppressed: "), starts("[CIRCULAR REFERENCE"), starts("- locked <"), starts("- waiting ")), frames},
	{java, nil, "CSW", either(starts("Caused by: "), starts("Suppressed: "), starts("Wrapped by: ")), frames},
	{java, []state{text}, lower, exception, thrown},
	{dotnet, nil, indent, below(starts("---> "), starts("--- End of ")), frames},
	{dotnet, nil, "-", starts("--- End of "), frames},
	{dotnet, []state{text}, upper, exception, thrown},

	{golang, []state{text, goHead, goStack, goGap}, "g", goroutine, goStack},
	{golang, []state{goHead}, "", either(empty, starts("\t"), starts("[signal "), starts("fatal error: "), starts("panic: "), starts("runtime: "), starts("PC="), starts("[originating from ")), goHead},
	{golang, []state{goHead, goStack}, "r", starts("runtime stack:"), goStack},
	{golang, []state{goStack}, "", either(starts("\t"), starts("created by "), starts("..."), call), goStack},
	{golang, []state{goStack, goGap}, "", empty, goGap},
	{golang, []state{goStack, goGap}, "e", starts("exit status "), text},
	{golang, []state{goGap}, lower, register, goGap},

	{node, []state{nodeAt}, "", notEmpty, nodeCode},
	{node, []state{nodeCode}, " ^", mark, nodeMark},
	{node, []state{nodeMark}, "", empty, nodeGap},
	{node, []state{nodeGap}, "", notEmpty, frames},
	{node, []state{frames}, "(", starts("(Use `node "), frames},
	{node, []state{frames}, "", empty, nodeTail},
	{node, []state{nodeTail}, "N", starts("Node.js v"), text},

	{ruby, nil, indent, below(rubyFrom), frames},
	{ruby, []state{text, frames}, lower + upper + "/.<(", rubyFrame, frames},
	{ruby, []state{rubyHead}, "", empty, rubyGap},
	{ruby, []state{rubyGap}, "", notEmpty, rubyCode},
	{ruby, []state{rubyCode}, indent + "^~", mark, frames},
}

// beginning are the rules of Lines that begin an Event and are more than text.
var beginning = []rule{
	{python, nil, "T", starts("Traceback (most recent call last):"), pyTrace},
	{python, nil, " ", starts("  + Exception Group Traceback"), pyGroup},
	{python, nil, " ", starts(`  File "`), pyTrace},
	{golang, nil, "pfruS", either(starts("panic: "), starts("fatal error: "), starts("runtime: "), starts("unexpected fault address "), signal), goHead},
	{golang, nil, "g", goroutine, goStack},
	{node, nil, "/nf", source, nodeAt},
	{ruby, nil, lower + upper + "/.<(", rubyError, rubyHead},
	{dotnet, nil, "tdiwfc", consoleLog, dotLog},
	{java, nil, "E", starts("Exception in thread "), thrown},
	{java, nil, lower, exception, thrown},
	{dotnet, nil, upper, exception, thrown},
}

func newTraces(of lang) *traces {
	t := &traces{}
	for _, r := range joining {
		if r.of&of == 0 {
			continue
		}
		from := r.from
		for s := fresh; r.from == nil && s < states; s++ {
			from = append(from, s)
		}
		for _, s := range from {
			t.joins[s] = append(t.joins[s], r)
			t.learn(r, s == text)
		}
	}
	for _, r := range beginning {
		if r.of&of != 0 {
			t.begins = append(t.begins, r)
			t.learn(r, true)
		}
	}
	return t
}

// learn notes the bytes that r is to be asked about.
func (t *traces) learn(r rule, behindText bool) {
	if behindText && r.first == "" {
		panic("BUG: a rule for any Line behind text, which would be asked about every Line")
	}
	for i := 0; behindText && i < len(r.first); i++ {
		t.known[r.first[i]] = true
	}
}

// next says what the Line that begins with head is behind a Line that was s, and whether it begins an Event.
func (t *traces) next(s state, head []byte) (_ state, begins bool) {
	if s <= text && (len(head) == 0 || !t.known[head[0]]) {
		return text, true
	}
	for i := range t.joins[s] {
		if r := &t.joins[s][i]; r.holds(head) {
			return r.to, false
		}
	}
	for i := range t.begins {
		if r := &t.begins[i]; r.holds(head) {
			return r.to, true
		}
	}
	return text, true
}

func (r *rule) holds(head []byte) bool {
	if r.first != "" && (len(head) == 0 || strings.IndexByte(r.first, head[0]) < 0) {
		return false
	}
	return r.is(head)
}
