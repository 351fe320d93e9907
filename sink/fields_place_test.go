package sink

import "testing"

// What is added must stand once in each document, and in a place where the backend takes it.
func TestNothingIsAddedWhereDocumentsWouldBeRefused(t *testing.T) {
	f := testFile(1)
	f.Labels = map[string]string{"app": "web"}
	part, goesOn := testEvents(f, 1)[0], testEvents(f, 1)[0]
	part.Part, goesOn.GoesOn = 1, true
	for _, name := range []string{
		"logboom.cluster",               // twice in parts of long Events
		"kubernetes.labels.app.version", // nowhere, where there is a label app
		"_id", "_source.x",              // the backend's own: it refuses every document
		"tags.cluster", // refused in plain form, where tags is a text
	} {
		choice := Fields{Add: map[string]string{name: "x"}}
		if choice.Check() != nil {
			continue
		}
		t.Errorf("%s may be added", name)
		made(t, choice, &part)
		made(t, choice, &goesOn)
	}
	choice := Fields{Add: map[string]string{"kubernetes.labels.team": "t", "tags": "x", "labels.a.b": "c", "logboomer": "d"}}
	if err := choice.Check(); err != nil {
		t.Error(err)
	}
}
