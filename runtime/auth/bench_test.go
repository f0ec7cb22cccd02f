package auth_test

import (
	"fmt"
	"testing"
)

// BenchmarkAuthenticate weighs a token that is remembered against one that is seen for the first time, whose signature is checked.
func BenchmarkAuthenticate(b *testing.B) {
	b.Run("remembered", func(b *testing.B) {
		f := newFixture(b)
		text := token(f.machineClaims())
		f.accepts("the token", text)
		b.ReportAllocs()
		for b.Loop() {
			f.accepts("the token", text)
		}
	})
	b.Run("new", func(b *testing.B) {
		f := newFixture(b)
		// More tokens than are remembered would take minutes to sign, so that each is shown once to a service.
		tokens := make([]string, 512)
		for i := range tokens {
			tokens[i] = token(f.machineClaims().with(object{"jti": fmt.Sprint(i)}))
		}
		for n := 0; b.Loop(); n++ {
			if n%len(tokens) == 0 {
				f = newFixture(b)
			}
			f.accepts("the token", tokens[n%len(tokens)])
		}
	})
}
