// Package refusal turns the panic of a constructor into the sentence that it holds. The constructors of the CDK return
// no errors: they panic, and Go then prints its goroutines, and what comes from JavaScript brings a trace along, in
// which the sentence is lost.
package refusal

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/aws/jsii-runtime-go"
)

// Exit ends the program with the sentence on the standard error and the status 1, where a constructor has panicked.
// Otherwise it does nothing. It is for the first lines of an app's main:
//
//	defer jsii.Close()
//	defer refusal.Exit()
//
// A mistake of the program itself, such as a nil pointer, panics on: there the trace is what helps.
func Exit() {
	recovered := recover()
	if recovered == nil {
		return
	}
	err := Sentence(recovered)
	var stderr io.Writer = os.Stderr
	Close()
	_, _ = fmt.Fprintln(stderr, err)
	os.Exit(1)
}

// Close ends the CDK's process. It waits for it in two places, and whichever is late complains to os.Stderr of an
// abnormal exit, so that os.Stderr leads nowhere afterwards: whoever wants to write to it takes it before.
func Close() {
	if null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		os.Stderr = null
	}
	jsii.Close()
}

// Sentence is what a recovered panic says, without the trace of JavaScript that may follow; nil for nil. It panics
// again with a mistake of the program itself (a runtime.Error).
func Sentence(recovered any) error {
	if recovered == nil {
		return nil
	}
	err, ok := recovered.(error)
	if !ok {
		err = fmt.Errorf("%v", recovered)
	}
	var own runtime.Error
	if errors.As(err, &own) {
		panic(recovered)
	}
	text, _, traced := strings.Cut(err.Error(), "\n    at ")
	if !traced {
		return err
	}
	return errors.New(strings.TrimSpace(text))
}
