package config

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
)

var variable = regexp.MustCompile(`\$?\$\{[^}]*\}?`)

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// resolve replaces each ${NAME} of a value by the environment variable, $${ by ${, and then a value that was written as
// file:PATH by the content of that file without its last newline. Its errors name the reference, never what it stands for.
func resolve(text string) (string, error) {
	var problem error
	value := variable.ReplaceAllStringFunc(text, func(ref string) string {
		if escaped, ok := strings.CutPrefix(ref, "$$"); ok {
			return "$" + escaped
		}
		name := strings.TrimSuffix(strings.TrimPrefix(ref, "${"), "}")
		content, set := os.LookupEnv(name)
		switch {
		case !strings.HasSuffix(ref, "}") || !variableName.MatchString(name):
			problem = errors.New("a reference is written ${NAME}, with letters, digits and _; $${ stands for ${ itself")
		case !set && problem == nil:
			problem = fmt.Errorf("environment variable %s is not set", name)
		}
		return content
	})
	if problem != nil {
		return "", problem
	}
	if !strings.HasPrefix(text, "file:") {
		return value, nil
	}
	content, err := readFile(strings.TrimPrefix(value, "file:"))
	if err != nil {
		return "", fmt.Errorf("read the file it refers to: %w", err)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r"), nil
}
