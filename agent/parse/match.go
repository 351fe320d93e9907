package parse

import "bytes"

// What the rules of traces ask about the beginning of a Line.

func starts(with string) func([]byte) bool {
	return func(h []byte) bool { return len(h) >= len(with) && string(h[:len(with)]) == with }
}

func endsWith(end string) func([]byte) bool {
	return func(h []byte) bool { return len(h) >= len(end) && string(h[len(h)-len(end):]) == end }
}

func either(asked ...func([]byte) bool) func([]byte) bool {
	return func(h []byte) bool {
		for _, is := range asked {
			if is(h) {
				return true
			}
		}
		return false
	}
}

func both(a, b func([]byte) bool) func([]byte) bool {
	return func(h []byte) bool { return a(h) && b(h) }
}

// below asks about what stands behind the indentation.
func below(asked ...func([]byte) bool) func([]byte) bool {
	is := either(asked...)
	return func(h []byte) bool { return is(bytes.TrimLeft(h, indent)) }
}

func anything([]byte) bool { return true }

func empty(h []byte) bool { return len(bytes.TrimLeft(h, indent)) == 0 }

func notEmpty(h []byte) bool { return !empty(h) }

// frame is an indented "at com.example.App.run(App.java:12)", "at /app/index.js:3:9" or "at App.Main() in App.cs:line 3".
func frame(h []byte) bool {
	h = bytes.TrimLeft(h, indent)
	return len(h) > 3 && string(h[:3]) == "at " && bytes.ContainsAny(h[3:], "(/:<")
}

// moreFrames is "... 3 more", behind the indentation.
func moreFrames(h []byte) bool {
	return len(h) > 4 && string(h[:4]) == "... " && h[4]-'0' <= 9
}

// word returns what stands before the first space, tab or the end.
func word(h []byte) []byte {
	if i := bytes.IndexAny(h, indent); i >= 0 {
		return h[:i]
	}
	return h
}

// exception is "java.lang.IllegalStateException: no" or "System.ArgumentNullException": a qualified name that says so.
func exception(h []byte) bool {
	w := bytes.TrimRight(word(h), ":")
	name := w[bytes.LastIndexByte(w, '.')+1:]
	if len(name) == len(w) || len(name) == 0 || name[0]-'A' > 'Z'-'A' || bytes.ContainsAny(w, `/="'([{,;|:`) {
		return false
	}
	return bytes.HasSuffix(name, []byte("Exception")) || bytes.HasSuffix(name, []byte("Error")) || bytes.HasSuffix(name, []byte("Throwable"))
}

// number returns how many digits h begins with.
func number(h []byte) (n int) {
	for n < len(h) && h[n]-'0' <= 9 {
		n++
	}
	return n
}

var isGoroutine = starts("goroutine ")

// goroutine is "goroutine 18 [chan receive]:" or "goroutine 1 gp=0xc0000061c0 m=0 mp=0x5a1 [running]:".
func goroutine(h []byte) bool {
	if !isGoroutine(h) {
		return false
	}
	h = h[len("goroutine "):]
	digits := number(h)
	return digits > 0 && (bytes.HasPrefix(h[digits:], []byte(" [")) || bytes.HasPrefix(h[digits:], []byte(" gp=0x")))
}

// call is a function with its arguments, as Go prints a frame: "main.(*T).run(0xc0000b2000, {0x1, 0x2})".
func call(h []byte) bool {
	open := bytes.IndexByte(h, '(')
	if open < 1 || h[len(h)-1] != ')' && len(h) < headLen {
		return false
	}
	name := h[:open]
	return !bytes.ContainsAny(name, " \t=:\"'") && (bytes.IndexByte(name, '.') > 0 || string(name) == "panic")
}

// signal is "SIGQUIT: quit".
func signal(h []byte) bool {
	w := word(h)
	return len(w) > 4 && string(w[:3]) == "SIG" && w[len(w)-1] == ':' && len(bytes.Trim(w[3:len(w)-1], upper)) == 0
}

// register is "rax    0x0".
func register(h []byte) bool {
	w := word(h)
	return len(w) < 8 && bytes.HasPrefix(bytes.TrimLeft(h[len(w):], " "), []byte("0x"))
}

// source is a place in a script without a column, alone on its Line: "/app/index.js:3" or "node:internal/process/promises:288".
func source(h []byte) bool {
	if h[0] != '/' && !bytes.HasPrefix(h, []byte("node:")) && !bytes.HasPrefix(h, []byte("file:///")) {
		return false
	}
	colon := bytes.LastIndexByte(h, ':')
	digits := number(h[colon+1:])
	return colon > 0 && digits > 0 && colon+1+digits == len(h) && h[colon-1]-'0' > 9 && !bytes.ContainsAny(h, indent)
}

// mark is what points at a place in the Line above.
func mark(h []byte) bool {
	return len(bytes.Trim(h, " \t^~")) == 0 && bytes.ContainsAny(h, "^~")
}

// rubyPlace returns what stands behind "app.rb:3:in ", from the quote on, or nil.
func rubyPlace(h []byte) []byte {
	w := word(h)
	at, isIn := bytes.CutSuffix(w, []byte(":in"))
	if !isIn || len(h) < len(w)+2 || h[len(w)+1] != '`' && h[len(w)+1] != '\'' {
		return nil
	}
	colon := bytes.LastIndexByte(at, ':')
	if colon < 1 || colon+1 == len(at) || number(at[colon+1:]) != len(at)-colon-1 {
		return nil
	}
	return h[len(w)+1:]
}

// rubyFrame is "app.rb:7:in 'Object#run'" and nothing behind it.
func rubyFrame(h []byte) bool {
	at := rubyPlace(h)
	return at != nil && bytes.IndexByte(at[1:], '\'') == len(at)-2
}

// rubyError is "app.rb:3:in 'Integer#/': divided by 0 (ZeroDivisionError)".
func rubyError(h []byte) bool {
	at := rubyPlace(h)
	return at != nil && bytes.Contains(at[1:], []byte("': "))
}

// rubyFrom is "from app.rb:7:in 'run'", behind the indentation.
func rubyFrom(h []byte) bool {
	rest, is := bytes.CutPrefix(h, []byte("from "))
	return is && rubyPlace(rest) != nil
}

// consoleLog is the first Line that .NET's console logger writes of an Event.
func consoleLog(h []byte) bool {
	if len(h) < 6 || string(h[4:6]) != ": " {
		return false
	}
	switch string(h[:4]) {
	case "trce", "dbug", "info", "warn", "fail", "crit":
		return true
	}
	return false
}
