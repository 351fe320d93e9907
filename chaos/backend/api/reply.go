package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

type object = map[string]any

// failure is an answer of Elasticsearch that says what went wrong with a whole request.
type failure struct {
	status int
	typ    string // such as illegal_argument_exception
	reason string
	index  string // "" when none is concerned
}

func (f *failure) Error() string { return f.typ + ": " + f.reason }

func illegalArgument(format string, args ...any) *failure {
	return &failure{status: http.StatusBadRequest, typ: "illegal_argument_exception", reason: fmt.Sprintf(format, args...)}
}

func noSuchIndex(name string) *failure {
	return &failure{http.StatusNotFound, "index_not_found_exception", "no such index [" + name + "]", name}
}

func tooBusy() *failure {
	return &failure{
		status: http.StatusTooManyRequests, typ: "es_rejected_execution_exception",
		reason: fmt.Sprintf("rejected execution of coordinating operation: %d bulk requests are being worked on", maxBulks),
	}
}

// replyError writes err. Errors that are no *failure come from the store and make a 500.
func replyError(w http.ResponseWriter, r *http.Request, err error) {
	f, ok := err.(*failure)
	if !ok {
		f = &failure{status: http.StatusInternalServerError, typ: "i_o_exception", reason: err.Error()}
	}
	cause := object{"type": f.typ, "reason": f.reason}
	full := object{"type": f.typ, "reason": f.reason, "root_cause": []any{cause}}
	if f.index != "" {
		for _, o := range []object{cause, full} {
			o["index"], o["index_uuid"] = f.index, "_na_"
			o["resource.id"], o["resource.type"] = f.index, "index_or_alias"
		}
	}
	reply(w, r, f.status, object{"error": full, "status": f.status})
}

// replyText is for the errors that Elasticsearch words as a plain string.
func replyText(w http.ResponseWriter, r *http.Request, status int, text string) {
	reply(w, r, status, object{"error": text, "status": status})
}

func unknownPath(w http.ResponseWriter, r *http.Request) {
	replyText(w, r, http.StatusBadRequest,
		fmt.Sprintf("no handler found for uri [%s] and method [%s]", r.URL.RequestURI(), r.Method))
}

// reply writes v as JSON, through filter_path when the request has one.
func reply(w http.ResponseWriter, r *http.Request, status int, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		panic("BUG: an answer that is no JSON: " + err.Error())
	}
	replyJSON(w, r, status, data)
}

// replyJSON is reply for what is rendered already.
func replyJSON(w http.ResponseWriter, r *http.Request, status int, data []byte) {
	if fp := r.URL.Query().Get("filter_path"); fp != "" {
		data = parseFilter(fp).prune(data)
	}
	replyRaw(w, r, status, data)
}

func replyRaw(w http.ResponseWriter, r *http.Request, status int, data []byte) {
	if _, pretty := r.URL.Query()["pretty"]; pretty {
		var b bytes.Buffer
		if json.Indent(&b, data, "", "  ") == nil {
			b.WriteByte('\n')
			data = b.Bytes()
		}
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=UTF-8")
	h.Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		w.Write(data)
	}
}
