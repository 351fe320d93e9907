package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"
)

// maxID is the longest id of a document in bytes.
const maxID = 512

// action is one entry of a bulk request.
type action struct {
	op     string // create, index, delete or update
	index  string
	id     string // "": the server makes one
	source []byte // a part of the request's body; nil for delete
}

// parseBulk splits the body of a bulk request. defaultIndex is the one in the request's path. Any error is one for the
// whole request: nothing of it may be stored then.
func parseBulk(body []byte, defaultIndex string) ([]action, error) {
	if len(body) == 0 {
		return nil, &failure{status: http.StatusBadRequest, typ: "parse_exception", reason: "request body is required"}
	}
	if body[len(body)-1] != '\n' {
		return nil, illegalArgument("The bulk request must be terminated by a newline [\\n]")
	}
	var actions []action
	for line := 1; len(body) > 0; line++ {
		var text []byte
		text, body = cutLine(body)
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		a, err := parseAction(text, line, defaultIndex)
		if err != nil {
			return nil, err
		}
		if a.op != "delete" {
			if len(body) == 0 {
				break // an action without its document: a real server passes it over, too
			}
			a.source, body = cutLine(body)
			line++
		}
		actions = append(actions, a)
	}
	return actions, validate(actions)
}

func cutLine(body []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(body, []byte{'\n'})
	return bytes.TrimSuffix(line, []byte{'\r'}), rest
}

// parseAction reads a line such as {"create":{"_index":"logs","_id":"1"}}.
func parseAction(text []byte, line int, defaultIndex string) (action, error) {
	var outer map[string]json.RawMessage
	if text[0] != '{' {
		return action{}, illegalArgument("Malformed action/metadata line [%d], expected START_OBJECT but found [%s]",
			line, tokenName(text))
	}
	if err := json.Unmarshal(text, &outer); err != nil {
		return action{}, &failure{
			status: http.StatusBadRequest, typ: "json_parse_exception",
			reason: fmt.Sprintf("action/metadata line [%d]: %v", line, err),
		}
	}
	if len(outer) != 1 {
		return action{}, illegalArgument("Malformed action/metadata line [%d], expected one action but found [%d]",
			line, len(outer))
	}
	a := action{index: defaultIndex}
	for op, meta := range outer {
		a.op = op
		switch op {
		case "create", "index", "delete", "update":
		default:
			return a, illegalArgument("Malformed action/metadata line [%d], expected field [create], [delete], [index] or "+
				"[update] but found [%s]", line, op)
		}
		if err := a.parseMeta(meta, line); err != nil {
			return a, err
		}
	}
	return a, nil
}

func (a *action) parseMeta(meta []byte, line int) error {
	var fields map[string]any
	if meta[0] != '{' || json.Unmarshal(meta, &fields) != nil {
		return illegalArgument("Malformed action/metadata line [%d], expected START_OBJECT but found [%s]",
			line, tokenName(meta))
	}
	for name, v := range fields {
		switch name {
		case "_index":
			a.index = text(v)
		case "_id":
			a.id = text(v)
		case "op_type":
			if a.op == "index" && v == "create" {
				a.op = "create"
			}
		case "_type", "routing", "version", "version_type", "retry_on_conflict", "pipeline", "if_seq_no",
			"if_primary_term", "require_alias", "dynamic_templates", "_source":
		default:
			return illegalArgument("Action/metadata line [%d] contains an unknown parameter [%s]", line, name)
		}
	}
	return nil
}

// validate finds what makes Elasticsearch refuse a request as a whole before any of it is done.
func validate(actions []action) error {
	var wrong []string
	add := func(format string, args ...any) {
		wrong = append(wrong, fmt.Sprintf("%d: ", len(wrong)+1)+fmt.Sprintf(format, args...)+";")
	}
	if len(actions) == 0 {
		add("no requests added")
	}
	for i := range actions {
		a := &actions[i]
		if a.index == "" {
			add("index is missing")
		}
		if len(a.id) > maxID {
			add("id [%s] is too long, must be no longer than %d bytes but was: %d", a.id, maxID, len(a.id))
		}
		if a.id == "" && (a.op == "delete" || a.op == "update") {
			add("id is missing")
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return &failure{
		status: http.StatusBadRequest, typ: "action_request_validation_exception",
		reason: "Validation Failed: " + strings.Join(wrong, ""),
	}
}

// badDocument returns why source can't be a document, or "".
func badDocument(source []byte) string {
	trimmed := bytes.TrimSpace(source)
	switch {
	case len(trimmed) == 0 || trimmed[0] != '{':
		return "failed to parse: document is empty or no object"
	case !utf8.Valid(source):
		return "failed to parse: Invalid UTF-8"
	case !json.Valid(source):
		return "failed to parse: malformed JSON"
	}
	return ""
}

func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case nil:
		return ""
	default:
		return fmt.Sprint(v)
	}
}

func tokenName(text []byte) string {
	switch c := text[0]; {
	case c == '[':
		return "START_ARRAY"
	case c == '"':
		return "VALUE_STRING"
	case c == 't' || c == 'f':
		return "VALUE_BOOLEAN"
	case c == 'n':
		return "VALUE_NULL"
	case c == '{':
		return "START_OBJECT"
	default:
		return "VALUE_NUMBER"
	}
}
