package soak_test

import (
	"testing"

	"github.com/sensorflow/sensorflow/test/soak"
)

// Only what was answered as stored must be there; a refused write may have happened, and one that was repeated is there once.
func TestBooks_HoldWhatTheAnswersSaid(t *testing.T) {
	for name, c := range map[string]struct {
		book func(*soak.Books)
		want soak.Booked
	}{
		"both are answered":      {func(b *soak.Books) { b.Wrote(10, true, true) }, soak.Booked{Stored: 10, Corrected: 10}},
		"the correction is not":  {func(b *soak.Books) { b.Wrote(10, true, false) }, soak.Booked{Stored: 10}},
		"the first one is not":   {func(b *soak.Books) { b.Wrote(10, false, true) }, soak.Booked{Stored: 10}},
		"neither is":             {func(b *soak.Books) { b.Wrote(10, false, false) }, soak.Booked{Unknown: 10}},
		"a file":                 {func(b *soak.Books) { b.File(20, true) }, soak.Booked{Stored: 20, Files: 1}},
		"a file that failed":     {func(b *soak.Books) { b.File(20, false) }, soak.Booked{Unknown: 20}},
		"a deletion":             {func(b *soak.Books) { b.File(20, true); b.Deletion(15, true) }, soak.Booked{Stored: 5, Files: 1, Deleted: 15}},
		"a deletion that failed": {func(b *soak.Books) { b.File(20, true); b.Deletion(15, false) }, soak.Booked{Stored: 5, Unknown: 15, Files: 1}},
		"a deletion of unknown":  {func(b *soak.Books) { b.Wrote(10, false, false); b.Deletion(0, true) }, soak.Booked{Unknown: 10}},
	} {
		var b soak.Books
		c.book(&b)
		if got := b.Booked(); got != c.want {
			t.Errorf("%s: booked %+v, want %+v", name, got, c.want)
		}
	}
}
