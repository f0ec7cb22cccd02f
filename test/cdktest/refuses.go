package cdktest

import "testing"

// Case is a row of a table of props; Row makes one.
type Case[P any] struct {
	name   string
	change func(*P)
	want   string
}

// Row is a case whose props are made out of valid ones. want is what Validate says, a line for each problem; it is
// empty where the props are accepted.
func Row[P any](name string, change func(*P), want string) Case[P] {
	return Case[P]{name, change, want}
}

// Refuses runs a table of props, of which each row begins with the valid ones, and compares every sentence with which
// Validate refuses them.
func Refuses[P interface{ Validate() error }](t *testing.T, valid P, rows ...Case[P]) {
	t.Helper()
	for _, c := range append([]Case[P]{Row("valid props", func(*P) {}, "")}, rows...) {
		t.Run(c.name, func(t *testing.T) {
			t.Helper()
			p := valid
			c.change(&p)
			got := ""
			if err := p.Validate(); err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("it says\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

// RefusesToBuild compares the sentence in which a constructor's panic ends.
func RefusesToBuild(t testing.TB, want string, build func()) {
	t.Helper()
	if got := Panic(t, build); got != want {
		t.Errorf("it says\n%s\nwant\n%s", got, want)
	}
}
