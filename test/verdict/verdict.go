// Package verdict lets a check be run by a program as well as by `go test`: a check tells a T what it finds, which a *testing.T is
// and which Try has. It imports the standard library.
package verdict

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

// T is whom a check tells what it finds. It means by each method what package testing does.
type T interface {
	Helper()
	Context() context.Context
	Error(args ...any)
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
	// Skipf ends the check: what it is about cannot be tried here, and the text says why.
	Skipf(format string, args ...any)
}

// Verdict is what came of a check.
type Verdict int

// The verdicts.
const (
	Holds   Verdict = iota
	Differs         // something else was found
	Untried         // it could not be tried
)

// Result is a verdict with what led to it.
type Result struct {
	Verdict Verdict
	// Findings say what was found and what was wanted, or why nothing could be tried.
	Findings []string
}

// Try runs a check outside of a test, and returns once it has ended. The check ends when ctx does, as far as its calls obey it:
// what was cut off is found as a difference. A panic is one, too.
func Try(ctx context.Context, check func(T)) Result {
	r := &recorder{ctx: ctx}
	ended := make(chan struct{})
	go func() { // Fatal ends the goroutine
		defer close(ended)
		defer func() {
			if cause := recover(); cause != nil {
				r.note(Differs, fmt.Sprintf("the check panicked: %v\n%s", cause, debug.Stack()))
			}
		}()
		check(r)
	}()
	<-ended
	return r.result
}

// recorder is the T of Try. One goroutine uses it.
type recorder struct {
	ctx    context.Context //nolint:containedctx // as a *testing.T has one
	result Result
}

func (r *recorder) note(v Verdict, finding string) {
	if r.result.Verdict != Differs {
		r.result.Verdict = v
	}
	r.result.Findings = append(r.result.Findings, strings.TrimSpace(finding))
}

func (r *recorder) Helper() {}

func (r *recorder) Context() context.Context { return r.ctx }

func (r *recorder) Error(args ...any) { r.note(Differs, fmt.Sprintln(args...)) }

func (r *recorder) Errorf(format string, args ...any) { r.note(Differs, fmt.Sprintf(format, args...)) }

func (r *recorder) Fatal(args ...any) {
	r.Error(args...)
	runtime.Goexit()
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Skipf(format string, args ...any) {
	r.note(Untried, fmt.Sprintf(format, args...))
	runtime.Goexit()
}
