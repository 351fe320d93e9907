package deploy

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// instructions are the Dockerfile's, with continued lines joined, by stage.
func instructions(t *testing.T) (stages [][]string) {
	t.Helper()
	text, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(strings.ReplaceAll(string(text), "\\\n", " ")) {
		line = strings.Join(strings.Fields(line), " ")
		if line == "" || line[0] == '#' {
			continue
		}
		if strings.HasPrefix(line, "FROM ") {
			stages = append(stages, nil)
		}
		stages[len(stages)-1] = append(stages[len(stages)-1], line)
	}
	return stages
}

// The image holds the binary and the authorities, and nothing of what built it; no container is root by accident.
func TestTheImageHoldsOneStaticBinary(t *testing.T) {
	stages := instructions(t)
	last := strings.Join(stages[len(stages)-1], "\n")
	for _, want := range []string{
		`^FROM scratch\n`,
		`(?m)^COPY --from=build /etc/ssl/certs/ca-certificates\.crt /etc/ssl/certs/$`, // https works
		`(?m)^COPY --from=build /logboom /logboom$`,
		`(?m)^USER [1-9]\d*:[1-9]\d*$`, // a number, so that runAsNonRoot can be checked
		`(?m)^ENTRYPOINT \["/logboom"\]$`,
		`(?m)^CMD \["run", "-c", "/etc/logboom/logboom\.yaml"\]$`,
		`org\.opencontainers\.image\.version="\$VERSION"`,
		`org\.opencontainers\.image\.licenses="Apache-2\.0"`,
	} {
		if !regexp.MustCompile(want).MatchString(last) {
			t.Errorf("no %s in\n%s", want, last)
		}
	}
	if n := strings.Count(last, "COPY "); n != 2 || strings.Contains(last, "ADD ") || strings.Contains(last, "RUN ") {
		t.Errorf("more than the binary and the authorities:\n%s", last)
	}
	first := strings.Join(stages[0], "\n")
	if !strings.Contains(first, "CGO_ENABLED=0") || !strings.Contains(first, "main.version=$VERSION") {
		t.Errorf("not static, or without its version:\n%s", first)
	}
}

// The compiler is the one that go.mod asks for.
func TestTheImageIsBuiltWithGoModsGo(t *testing.T) {
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(mod))[1]
	if from := instructions(t)[0][0]; !strings.Contains(from, " golang:"+want+" ") {
		t.Errorf("%s, and go.mod wants %s", from, want)
	}
}
