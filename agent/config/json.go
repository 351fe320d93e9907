package config

import (
	"regexp"

	"logboom/sink"
)

// JSON is the name of a field, "" for none.
type JSON string

var jsonName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,63}$`)

func (j *JSON) set(text string) error {
	switch {
	case text == "true":
		*j = "json"
	case text == "false":
		*j = ""
	case jsonName.MatchString(text):
		*j = JSON(text)
	default:
		return wrong("is neither true, false nor a name of letters a to z, digits, _ and -")
	}
	return nil
}

func (d *decoder) checkJSON(path string, name JSON, c *Config) {
	if name == "" {
		return
	}
	f := sink.Fields{Add: c.Fields.Add, Drop: c.Fields.Drop}
	if err := f.CheckJSON(string(name)); err != nil {
		d.reportAt(path, "%s: %v", path, err)
	}
}
