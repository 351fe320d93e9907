package sink

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

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
