package sink

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
)

// Piece is one thing that a backend should have before Events come: a life-cycle policy, an index template, or a data
// stream. Plan says how each stands, Install makes it what it should be.
//
// A template that we wrote says so in its _meta, with two sums: of what we asked for, by which a later release sees that it has
// something new, and of what the server made of it, by which we see that a person changed it since. A policy is
// written once, and belongs to people from then on.
type Piece struct {
	Name   string // such as "index template logboom.logs-logboom-default"
	State  PieceState
	Detail string // in plain words; "" where State says it all

	Method, Path string // of the request that makes it
	Body         []byte // indented JSON, nil for none

	template object // of a template: the body without sums
	plain    object // the same, for servers without newer field types
}

// PieceState is how a Piece stands.
type PieceState string

const (
	PieceMissing     PieceState = "missing"
	PieceCurrent     PieceState = "in place"
	PieceOlder       PieceState = "older"       // ours, unchanged, of another release
	PieceChanged     PieceState = "changed"     // ours, changed by a person since
	PieceForeign     PieceState = "not ours"    // made by somebody else
	PieceUnavailable PieceState = "unavailable" // the server has no such thing, and it is not needed
)

// Due says whether Install has something to do. What a person made or changed is written over only by force.
func (p *Piece) Due(force bool) bool {
	return p.State == PieceMissing || p.State == PieceOlder || force && p.Method != ""
}

// Plan asks the backend what it has of what Events on these Routes need, a Route as in the configuration. It changes nothing.
func (s *Sink) Plan(ctx context.Context, routes []string) ([]Piece, error) {
	info, err := s.Check(ctx)
	if err != nil {
		return nil, err
	}
	if info.Version == "" {
		return nil, fmt.Errorf("%s does not tell our user what it is (403): %s", info.URL, needs(info.Lacks))
	}
	dialect := dialects[info.Distribution]
	targets := newTargets(routes)
	var has abilities
	if has.streams, err = s.hasStreams(ctx); err != nil {
		return nil, err
	}
	policy, err := s.planPolicy(ctx, &dialect, targets, has.streams)
	if err != nil {
		return nil, err
	}
	has.lifeCycles = policy.State != PieceUnavailable
	pieces := []Piece{policy}
	for _, t := range targets {
		piece, err := s.planTemplate(ctx, t, dialect, has)
		if err != nil {
			return nil, err
		}
		pieces = append(pieces, piece)
	}
	for _, t := range targets {
		if t.stream && t.one && has.streams {
			piece, err := s.planStream(ctx, t)
			if err != nil {
				return nil, err
			}
			pieces = append(pieces, piece)
		}
	}
	return pieces, nil
}

// PlanFor is the plan for an empty server of that distribution, elasticsearch or opensearch, that has all it can have. It
// asks nobody.
func PlanFor(distribution string, routes []string) ([]Piece, error) {
	dialect, known := dialects[distribution]
	if !known {
		return nil, fmt.Errorf("%q is neither elasticsearch nor opensearch", distribution)
	}
	targets := newTargets(routes)
	pieces := []Piece{newPolicy(&dialect, targets)}
	for _, t := range targets {
		pieces = append(pieces, newTemplate(t, dialect, abilities{true, true}))
	}
	for _, t := range targets {
		if t.stream && t.one {
			pieces = append(pieces, newStream(t))
		}
	}
	return pieces, nil
}

// newTargets returns one target for each pattern. Where one Route has a date in place of another's namespace, their indices
// have one template, and are no data streams.
func newTargets(routes []string) (targets []target) {
	for _, r := range routes {
		t := newTarget(r)
		if i := slices.IndexFunc(targets, func(o target) bool { return o.pattern == t.pattern }); i < 0 {
			targets = append(targets, t)
		} else {
			targets[i].stream = targets[i].stream && t.stream
		}
	}
	return targets
}

func newPolicy(d *dialect, targets []target) Piece {
	streams := slices.DeleteFunc(slices.Clone(targets), func(t target) bool { return !t.stream })
	p := Piece{Name: "life-cycle policy " + policyName, State: PieceMissing, Method: http.MethodPut, Path: d.policyPath,
		Body: indented(d.policy(streams))}
	if len(streams) == 0 {
		p = Piece{Name: p.Name, State: PieceUnavailable, Detail: "no data stream needs one"}
	}
	return p
}

func newTemplate(t target, d dialect, has abilities) Piece {
	if t.pattern[0] == '*' {
		return Piece{Name: "index template for " + t.pattern, State: PieceUnavailable,
			Detail: "it would be for other people's indices, too: let the index begin with a word of its own"}
	}
	full := t.template(d, has)
	p := Piece{Name: "index template " + t.templateName(), State: PieceMissing, Method: http.MethodPut,
		Path: "/_index_template/" + url.PathEscape(t.templateName()), template: full, plain: t.template(d.plain(), has)}
	p.Body = indented(p.signed(full, ""))
	return p
}

func newStream(t target) Piece {
	return Piece{Name: "data stream " + t.pattern, State: PieceMissing, Method: http.MethodPut, Path: "/_data_stream/" + url.PathEscape(t.pattern)}
}

func (s *Sink) hasStreams(ctx context.Context) (bool, error) {
	r, err := s.tell(ctx, http.MethodGet, "/_data_stream/"+namePrefix+"none*", nil)
	if err != nil {
		return false, err
	}
	return !r.unknown(), r.refused("see its data streams")
}

func (s *Sink) planPolicy(ctx context.Context, d *dialect, targets []target, streams bool) (Piece, error) {
	p := newPolicy(d, targets)
	if p.State == PieceUnavailable {
		return p, nil
	}
	if !streams {
		return Piece{Name: p.Name, State: PieceUnavailable, Detail: "the server has no data streams"}, nil
	}
	r, err := s.tell(ctx, http.MethodGet, p.Path, nil)
	if err != nil {
		return p, err
	}
	switch {
	case d.policySetting == "" && r.typ == noIndex: // OpenSearch makes the index of its policies with the first of them
	case r.unknown():
		return Piece{Name: p.Name, State: PieceUnavailable, Detail: "the server has no life cycles: data streams are not rolled over by themselves"}, nil
	case r.ok():
		p.State, p.Detail = PieceCurrent, "a policy is written once, and yours from then on"
		p.Path += placeOf(r.body)
	case r.status != http.StatusNotFound:
		return p, r.refused("see its life-cycle policies")
	}
	return p, nil
}

// placeOf returns what a request must say to write over a policy of OpenSearch; Elasticsearch's say no such thing.
func placeOf(policy []byte) string {
	var at struct {
		SeqNo *int64 `json:"_seq_no"`
		Term  *int64 `json:"_primary_term"`
	}
	if json.Unmarshal(policy, &at) != nil || at.SeqNo == nil || at.Term == nil {
		return ""
	}
	return fmt.Sprintf("?if_seq_no=%d&if_primary_term=%d", *at.SeqNo, *at.Term)
}

func (s *Sink) planTemplate(ctx context.Context, t target, d dialect, has abilities) (Piece, error) {
	p := newTemplate(t, d, has)
	if p.State == PieceUnavailable {
		return p, nil
	}
	r, err := s.tell(ctx, http.MethodGet, p.Path, nil)
	if err != nil {
		return p, err
	}
	switch {
	case r.unknown():
		return Piece{Name: p.Name, State: PieceUnavailable, Detail: "the server has none: Elasticsearch 7.8, OpenSearch 1.0 and later have"}, nil
	case r.status == http.StatusNotFound:
	case r.ok():
		p.State, p.Detail = p.stands(r.body)
	default:
		return p, r.refused("see its index templates")
	}
	return p, nil
}

func (s *Sink) planStream(ctx context.Context, t target) (Piece, error) {
	p := newStream(t)
	r, err := s.tell(ctx, http.MethodGet, p.Path, nil)
	if err != nil || r.ok() {
		p.State = PieceCurrent
		return p, err
	}
	if r.status != http.StatusNotFound {
		return p, r.refused("see its data streams")
	}
	index, err := s.tell(ctx, http.MethodGet, "/"+url.PathEscape(t.pattern), nil)
	if err != nil {
		return p, err
	}
	if index.ok() {
		p.State, p.Detail, p.Method = PieceForeign, "there is an index or an alias of that name: it is used as it is", ""
	}
	return p, nil
}

// Install makes p what it should be, and says in its State how it stands now.
func (s *Sink) Install(ctx context.Context, p *Piece) error {
	if p.template != nil {
		return s.installTemplate(ctx, p)
	}
	r, err := s.tell(ctx, p.Method, p.Path, p.Body)
	switch {
	case err != nil:
		return err
	case r.ok() || r.typ == "resource_already_exists_exception":
		p.State = PieceCurrent
	case r.unknown():
		p.State, p.Detail = PieceUnavailable, "its first document makes it"
	default:
		return r.refused("install " + p.Name)
	}
	return nil
}

// installTemplate writes p, and once more with the sum of what the server made of it. A crash in between leaves one that looks
// changed by a person, which the next run says.
func (s *Sink) installTemplate(ctx context.Context, p *Piece) error {
	body := p.template
	r, err := s.tell(ctx, p.Method, p.Path, indented(p.signed(body, "")))
	if err == nil && r.status == http.StatusBadRequest { // newer field types are not known there
		body = p.plain
		var again reply
		if again, err = s.tell(ctx, p.Method, p.Path, indented(p.signed(body, ""))); again.ok() {
			p.Detail = "without the newer field types, which the server does not know: labels are shown, but not searched"
			r = again
		}
	}
	if err != nil {
		return err
	}
	if err := r.failed("install " + p.Name); err != nil {
		return err
	}
	if r, err = s.tell(ctx, http.MethodGet, p.Path, nil); err != nil {
		return err
	}
	stored, _, err := readTemplate(r.body)
	if err != nil || !r.ok() {
		return errors.Join(r.failed("see its index templates"), err)
	}
	if r, err = s.tell(ctx, p.Method, p.Path, indented(p.signed(body, sumOf(stored)))); err != nil {
		return err
	}
	if err := r.failed("install " + p.Name); err != nil {
		return err
	}
	p.State = PieceCurrent
	return nil
}

// signed returns a template with its sums: of what this release asks for, and of what the server made of it.
func (p *Piece) signed(template object, stored string) object {
	meta := object{"managed_by": managedBy, "asked": sumOf(p.template)}
	if stored != "" {
		meta["stored"] = stored
	}
	signed := object{"_meta": meta}
	for key, value := range template {
		if key != "_meta" {
			signed[key] = value
		}
	}
	return signed
}

// stands compares a template with what the server has.
func (p *Piece) stands(body []byte) (PieceState, string) {
	stored, meta, err := readTemplate(body)
	switch {
	case err != nil, meta.ManagedBy != managedBy:
		return PieceForeign, "somebody else made a template of that name"
	case meta.Stored != sumOf(stored):
		return PieceChanged, "it was changed since it was installed"
	case meta.Asked != sumOf(p.template):
		return PieceOlder, "another release or configuration installed it"
	}
	return PieceCurrent, ""
}

type templateMeta struct {
	ManagedBy string `json:"managed_by"`
	Asked     string `json:"asked"`
	Stored    string `json:"stored"`
}

// serversOwn is what Elasticsearch from 9.1 on notes in a template, anew at each write.
var serversOwn = []string{"created_date", "created_date_millis", "modified_date", "modified_date_millis"}

// readTemplate takes the one template out of an answer, and its _meta out of it.
func readTemplate(body []byte) (template object, meta templateMeta, err error) {
	var answer struct {
		Templates []struct {
			Template json.RawMessage `json:"index_template"`
		} `json:"index_templates"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || len(answer.Templates) != 1 {
		return nil, meta, fmt.Errorf("the answer has %d index templates in it, not one", len(answer.Templates))
	}
	var found struct {
		Meta templateMeta `json:"_meta"`
	}
	if err := json.Unmarshal(answer.Templates[0].Template, &found); err != nil {
		found.Meta = templateMeta{} // a _meta of another form is not ours
	}
	if err := json.Unmarshal(answer.Templates[0].Template, &template); err != nil {
		return nil, meta, fmt.Errorf("the index template is no object")
	}
	delete(template, "_meta")
	for _, key := range serversOwn {
		delete(template, key)
	}
	return template, found.Meta, nil
}

// sumOf is the same for templates that say the same: json sorts the keys.
func sumOf(template object) string {
	sum := sha256.Sum256(indented(template))
	return hex.EncodeToString(sum[:8])
}

// reply is an answer to a request about the cluster.
type reply struct {
	url    string
	status int
	typ    string // of its error
	reason string
	body   []byte
}

func (r *reply) ok() bool { return r.status >= 200 && r.status < 300 }

// unknown says that the server has no such endpoint: "no handler found", or none for this method, or it takes a path such
// as /_ilm for the name of an index.
func (r *reply) unknown() bool {
	return r.status == http.StatusMethodNotAllowed || r.status == http.StatusBadRequest && r.typ == "" || r.typ == noIndex
}

// refused is failed, but nil where the server has no such endpoint.
func (r *reply) refused(todo string) error {
	if r.unknown() {
		return nil
	}
	return r.failed(todo)
}

// failed is nil for an answer that is no error.
func (r *reply) failed(todo string) error {
	switch {
	case r.ok():
		return nil
	case r.status == http.StatusUnauthorized:
		return fmt.Errorf("%s does not accept our credentials (401)", r.url)
	case r.status == http.StatusForbidden:
		return fmt.Errorf("%s does not let our user %s (403): %s", r.url, todo, needs(lacking(r.typ, []byte(r.reason))))
	}
	return fmt.Errorf("%s can't %s: %d %s: %s", r.url, todo, r.status, r.typ, r.reason)
}

// needs says which right is missing, or, where the server did not tell, what is needed in all.
func needs(right string) string {
	if right != "" {
		return "it needs the right " + right
	}
	return "it needs the privileges monitor, manage_index_templates, manage_ilm, and create_index on its indices"
}

// tell makes a request about the cluster, once. An error means that there was no answer.
func (s *Sink) tell(ctx context.Context, method, path string, body []byte) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, s.conf.Timeout)
	defer cancel()
	node := s.nodes.pick()
	resp, err := node.client.request(ctx, method, path, string(body), jsonBody, nil)
	if err != nil {
		s.nodes.failed(node)
		return reply{}, fmt.Errorf("%s %s: %s", method, node.name+path, describe(err))
	}
	defer discard(resp.BodyReader)
	s.nodes.answered(node)
	r := reply{url: node.name, status: resp.StatusCode}
	if r.body, err = io.ReadAll(io.LimitReader(resp.BodyReader, maxReply)); err != nil {
		return reply{}, fmt.Errorf("%s %s: %s", method, node.name+path, describe(err))
	}
	var failed struct {
		Error struct{ Type, Reason string }
	}
	if !r.ok() && json.Unmarshal(r.body, &failed) == nil {
		r.typ, r.reason = safeType([]byte(failed.Error.Type)), failed.Error.Reason
	}
	return r, nil
}
