package sink

import (
	"encoding/json"
	"io"
	"regexp"
)

// noType stands for the error type of an answer that has none: mostly one of a gateway.
const noType = "no_type_given"

// refusal reads what a backend says of a whole request that it refuses: the type of the error, and the right that our user
// lacks, where it is told.
func refusal(r io.Reader) (typ, right string) {
	var reply struct{ Error struct{ Type, Reason string } }
	if json.NewDecoder(io.LimitReader(r, 64<<10)).Decode(&reply) != nil || reply.Error.Type == "" {
		return noType, ""
	}
	typ = safeType([]byte(reply.Error.Type))
	return typ, lacking(typ, []byte(reply.Error.Reason))
}

// withRight adds to an error's type the right that our user lacks, if it is known.
func withRight(typ, right string) string {
	if right == "" {
		return typ
	}
	return typ + ": our user lacks the right " + right
}

// unauthorized is how OpenSearch, and then how Elasticsearch, says what our user may not do. Only what looks like actions is
// taken, and of Elasticsearch the privileges that have them: a reason may quote anything.
var unauthorized = regexp.MustCompile(`^(?:no permissions for \[(` + actions + `)\] and User |` +
	`action \[(` + actions + `)\] is unauthorized for (?:.*, this action is granted by the (?:index|cluster) privileges \[([a-z_,]{1,200})\])?)`)

const actions = `[a-z_]+:[a-z0-9_:/*\[\], ]{1,200}`

// lacking returns the actions that a refusal says our user lacks the right to, such as indices:admin/create, and the
// privileges that are known to grant it; "" where it says no such thing.
func lacking(typ string, reason []byte) string {
	if typ != "security_exception" {
		return ""
	}
	found := unauthorized.FindSubmatch(reason)
	if found == nil {
		return ""
	}
	right := string(found[1]) + string(found[2])
	if granted := string(found[3]); granted != "" {
		right += " (granted by " + granted + ")"
	}
	return right
}
