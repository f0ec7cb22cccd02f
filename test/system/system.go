// Package system gives a test the whole local system with a client of it: the programs as they are deployed, over local stands-in
// for what AWS has. It starts them in some ten seconds, so that tests whose subject is smaller do without.
package system

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/local/stack"
	"github.com/sensorflow/sensorflow/test/capture"
	"github.com/sensorflow/sensorflow/test/contract/probe"
)

// System is a running stack and a machine's client of its API.
type System struct {
	*stack.Stack
	Client *probe.Client
	// Log is what all parts have logged so far.
	Log *capture.Buffer
}

// Start starts a stack that the test ends. Where the test fails, the log is kept in a file that it names. The Log of the options
// is not used.
func Start(t testing.TB, o stack.Options) *System {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // the first time everything is compiled
	defer cancel()
	s := &System{Log: &capture.Buffer{}}
	o.Log = s.Log
	var err error
	if s.Stack, err = stack.Start(ctx, o); err != nil {
		t.Fatalf("%v\n%s", err, s.Log)
	}
	t.Cleanup(func() {
		_ = s.Stop() // how a stack ends is for its own tests
		if t.Failed() {
			file := filepath.Join(os.TempDir(), "sensorflow-"+strings.ReplaceAll(t.Name(), "/", "-")+".log")
			_ = os.WriteFile(file, []byte(s.Log.String()), 0o600)
			t.Logf("the stack's log is in %s", file)
		}
	})
	token, err := probe.MachineToken(ctx, s.Info.TokenURL, s.Info.ClientID, s.Info.ClientSecret)
	if err != nil {
		t.Fatal(err)
	}
	s.Client = &probe.Client{Base: s.Info.APIURL, Token: token, HTTP: probe.NewHTTP()}
	return s
}
