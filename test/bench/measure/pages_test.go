package main

import (
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the pages anew from the figures that they show")

var checkoutRoot = filepath.Join("..", "..", "..")

func readPage(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(checkoutRoot, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// published reads RESULTS.md as the report that it was written from, and when and on what that was taken.
func published(t *testing.T) (taken string, r *report) {
	t.Helper()
	r = newReport(&strings.Builder{}, &strings.Builder{})
	for line := range strings.Lines(readPage(t, resultsPage)) {
		line = strings.TrimSuffix(line, "\n")
		cells := strings.Split(strings.Trim(line, "|"), " | ")
		switch {
		case line == "" || strings.HasPrefix(line, "# ") || strings.HasPrefix(line, "- ") || strings.HasPrefix(line, "| figure |") ||
			strings.HasPrefix(line, "| --- |"):
		case line == howToRead:
		case strings.HasPrefix(line, "Measured on "):
			taken = line
		case !strings.HasPrefix(line, "|"):
			r.begin("%s", line)
		case len(cells) != 5:
			t.Fatalf("a row of %d cells: %s", len(cells), line)
		default:
			value, err := strconv.ParseFloat(cells[1], 64)
			if err != nil {
				t.Fatal(err)
			}
			r.add(strings.Trim(cells[0], " `"), value, cells[2], strings.TrimSpace(cells[4]))
		}
	}
	return taken, r
}

// TestPages_ShowWhatWasMeasured writes the pages anew from the figures of RESULTS.md: what surrounds them is as the program says it, README.md
// has the same figures, and each goal that is missed has its reason.
func TestPages_ShowWhatWasMeasured(t *testing.T) {
	taken, r := published(t)
	if *update {
		if err := publish(checkoutRoot, taken, r); err != nil {
			t.Fatal(err)
		}
	}
	readme := readPage(t, "README.md")
	if want, err := between(readme, taken+"\n\n"+r.summary()); err != nil || readme != want {
		t.Errorf("README.md does not show the figures of %s as the program would write them (-update does); error %v", resultsPage, err)
	}
	if got, want := readPage(t, resultsPage), results(taken, r); got != want {
		t.Errorf("%s is not as the program would write it (-update does)", resultsPage)
	}
	for _, s := range r.sections {
		if len(s.figures) == 0 {
			t.Errorf("%s has a section without figures: %s", resultsPage, s.how)
		}
	}
	if len(r.figures()) < 50 {
		t.Errorf("only %d figures", len(r.figures()))
	}
	for name, value := range r.figures() {
		if g, has := goals()[name]; has && !g.met(value) && !strings.Contains(readme, "\n- `"+name+"` misses its goal: ") {
			t.Errorf("nothing says why %s misses its goal", name)
		}
	}
}
