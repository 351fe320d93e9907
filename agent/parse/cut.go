package parse

import "unicode/utf8"

// cutBack is how many Lines CutAt looks at, from the last one back.
const cutBack = 64

// CutAt says where a Record of text is cut, in which no Event ends and behind which there is more: whole is the end of the
// last Line, 0 if there is none. It is cut behind a Line, and where one Line is all of text, inside of it, but never inside
// of a character if that can be helped: runtimes split long Lines at a byte, wherever that is.
func CutAt(text []byte, whole int) int {
	if whole == 0 {
		return len(text) - tornRune(text)
	}
	for n, tries := whole, cutBack; n > 0 && tries > 0; tries-- {
		if tornRune(text[:n-1]) == 0 {
			return n
		}
		for n--; n > 0 && text[n-1] != '\n'; n-- {
		}
	}
	return whole
}

// tornRune returns how many bytes at the end of s are the beginning of a character.
func tornRune(s []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(s); n++ {
		if c := s[len(s)-n]; utf8.RuneStart(c) {
			if c < utf8.RuneSelf || utf8.FullRune(s[len(s)-n:]) {
				return 0
			}
			return n
		}
	}
	return 0
}
