package sink

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
)

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
