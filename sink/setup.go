package sink

import (
	"context"
	"errors"
	"net/http"
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
