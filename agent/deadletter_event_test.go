package main

import (
	"testing"

	"logboom/agent/pipeline"
)

// With own_ids: false, letters of a file and of the one that was rotated before it are not one and the same.
func TestLettersWithoutAnIDAreToldFromEachOther(t *testing.T) {
	letter := func(document string) *pipeline.Letter {
		return &pipeline.Letter{Path: "/var/log/pods/a_b_c/d/0.log", Offset: 0, Document: []byte(document)}
	}
	if eventOf(letter(`{"message":"of the first file"}`)) == eventOf(letter(`{"message":"of the next"}`)) {
		t.Error("one of two letters is not shown")
	}
	if again := eventOf(letter("{}")); again != eventOf(letter("{}")) {
		t.Error("a letter is shown twice")
	}
}
