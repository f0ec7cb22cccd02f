package layout_test

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestLayout_KeepsConstructsNarrow holds the lines of the constructs to a width at which two files stand beside each other.
func TestLayout_KeepsConstructsNarrow(t *testing.T) {
	const widthMax = 120 // characters; a tab counts as one
	files := 0
	eachFile(t, root(t), func(name string, source []byte) {
		if !strings.HasPrefix(name, "constructs/") {
			return
		}
		files++
		for number, line := range strings.Split(string(source), "\n") {
			if width := utf8.RuneCountInString(line); width > widthMax {
				t.Errorf("%s:%d has %d characters, more than %d", name, number+1, width, widthMax)
			}
		}
	})
	if files < 10 {
		t.Fatalf("only %d files of constructs were found", files)
	}
}
