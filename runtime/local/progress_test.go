package main

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensorflow/sensorflow/test/capture"
)

// TestProgress_IsToldEveryFewSeconds holds what a file gets, which is no terminal: lines, also while nothing changes, and none after the
// end.
func TestProgress_IsToldEveryFewSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := new(capture.Buffer)
		p := newProgress(printer{out})
		end := p.begin(t.Context())
		defer end()
		for _, step := range []struct {
			after time.Duration
			set   string
			want  string
		}{
			{0, "sent 0 of 9", ""},
			{4 * time.Second, "sent 4 of 9", ""},
			{6 * time.Second, "", "sent 4 of 9 (5 s)\nsent 4 of 9 (10 s)\n"},
			{time.Second, "sent 5 of 9", "sent 4 of 9 (5 s)\nsent 4 of 9 (10 s)\n"},
			{5 * time.Second, "", "sent 4 of 9 (5 s)\nsent 4 of 9 (10 s)\nsent 5 of 9 (15 s)\n"},
		} {
			time.Sleep(step.after)
			synctest.Wait()
			if step.set != "" {
				p.set("%s", step.set)
			}
			if got := out.String(); got != step.want {
				t.Errorf("after %v it told\n%swant\n%s", p.took(), got, step.want)
			}
		}
		before := out.String()
		end()
		p.say("done after %d", 9)
		time.Sleep(time.Minute)
		if got, want := out.String(), before+"done after 9\n"; got != want {
			t.Errorf("in the end it told\n%s", got)
		}
	})
}
