package lambdalocal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/local/lambdalocal"
	"github.com/sensorflow/sensorflow/test/await"
)

// binary is a function made with aws-lambda-go; see testdata/function.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "lambdalocal")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "bootstrap")
	out, err := exec.Command("go", "build", "-tags", "lambda.norpc", "-o", binary, "./testdata/function").CombinedOutput()
	if err != nil {
		fmt.Fprintf(os.Stderr, "build the function: %v\n%s", err, out)
		os.Exit(1)
	}
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

func newFunction(t *testing.T, o lambdalocal.Options) *lambdalocal.Function {
	t.Helper()
	if o.Binary == "" {
		o.Binary = binary
	}
	o.Name = "echo"
	f, err := lambdalocal.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

func invoke(t *testing.T, f *lambdalocal.Function, do string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	answer, err := f.Invoke(ctx, []byte(`{"do":"`+do+`"}`))
	return string(answer), err
}

// failure invokes and returns the error that the function was failed with.
func failure(t *testing.T, f *lambdalocal.Function, do string) *lambdalocal.FunctionError {
	t.Helper()
	answer, err := invoke(t, f, do)
	var failed *lambdalocal.FunctionError
	if !errors.As(err, &failed) {
		t.Fatalf("%s: got %q, %v", do, answer, err)
	}
	return failed
}

func pid(t *testing.T, f *lambdalocal.Function) string {
	t.Helper()
	answer, err := invoke(t, f, "pid")
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestFunction_AnswersFromOneInstanceInLambdasEnvironment(t *testing.T) {
	t.Setenv("LAMBDALOCAL_TEST_PARENT", "leaked")
	var log bytes.Buffer
	f := newFunction(t, lambdalocal.Options{Env: []string{"GREETING=hello"}, MemoryMegabytes: 192, Log: &log})
	answer, err := invoke(t, f, "environment")
	if want := `"echo 192 hello "`; err != nil || answer != want {
		t.Errorf("got %s, %v, want %s", answer, err, want)
	}
	first := pid(t, f)
	if again := pid(t, f); again != first {
		t.Errorf("a second invocation ran in process %s, the first in %s", again, first)
	}
	if pids := f.PIDs(); len(pids) != 1 || fmt.Sprint(pids[0]) != first {
		t.Errorf("PIDs are %v, the function says %s", pids, first)
	}
	f.Close()
	if !strings.Contains(log.String(), "doing environment") {
		t.Errorf("the log is %q", log.String())
	}
}

func TestFunction_ReportsAnErrorAndGoesOnWithTheInstance(t *testing.T) {
	f := newFunction(t, lambdalocal.Options{})
	before := pid(t, f)
	if got := failure(t, f, "error"); got.Type != "errorString" || got.Message != "refused" {
		t.Errorf("got %+v", got)
	}
	if after := pid(t, f); after != before {
		t.Errorf("the instance was replaced: %s, then %s", before, after)
	}
}

func TestFunction_ReplacesAnInstanceThatEnds(t *testing.T) {
	for do, kind := range map[string]string{"exit": "Runtime.ExitError", "panic": "string", "hang": "Sandbox.Timedout"} {
		t.Run(do, func(t *testing.T) {
			o := lambdalocal.Options{}
			if do == "hang" {
				o.Timeout = 3 * time.Second // in which a busy machine answers what does not hang
			}
			f := newFunction(t, o)
			before := pid(t, f)
			if got := failure(t, f, do); got.Type != kind {
				t.Errorf("got %+v, want type %s", got, kind)
			}
			// A panic is answered before its process ends.
			await.True(t, time.Minute, "the process has ended", func() bool { return !alive(before) })
			if after := pid(t, f); after == before {
				t.Errorf("process %s goes on", after)
			}
		})
	}
}

func alive(pid string) bool {
	_, err := os.Stat("/proc/" + pid)
	return err == nil
}

func TestFunction_FailsWhatRunsWhenItIsKilled(t *testing.T) {
	f := newFunction(t, lambdalocal.Options{})
	before := pid(t, f)
	failed := make(chan error, 1)
	marker := filepath.Join(t.TempDir(), "started")
	go func() {
		_, err := f.Invoke(context.Background(), []byte(`{"do":"hang","marker":"`+marker+`"}`))
		failed <- err
	}()
	await.NoError(t, time.Minute, func() error { _, err := os.Stat(marker); return err })
	f.Kill()
	var got *lambdalocal.FunctionError
	if err := <-failed; !errors.As(err, &got) || got.Type != "Runtime.ExitError" || !strings.Contains(got.Message, "killed") {
		t.Errorf("got %v", err)
	}
	if after := pid(t, f); after == before {
		t.Error("the instance lives on")
	}
}

func TestFunction_RunsAsManyAtOnceAsAllowed(t *testing.T) {
	f := newFunction(t, lambdalocal.Options{Concurrency: 2})
	dir := t.TempDir()
	var calls sync.WaitGroup
	for range 4 { // each waits until two run at once
		calls.Go(func() {
			answer, err := f.Invoke(t.Context(), []byte(`{"do":"meet","marker":"`+dir+`"}`))
			if err != nil || string(answer) != "2" {
				t.Errorf("got %s, %v; want 2 at once", answer, err)
			}
		})
	}
	calls.Wait()
	if n := len(f.PIDs()); n != 2 {
		t.Errorf("%d instances, want 2", n)
	}
}

func TestFunction_LeavesNoProcessBehind(t *testing.T) {
	f := newFunction(t, lambdalocal.Options{})
	_ = pid(t, f)
	pids := f.PIDs()
	f.Close()
	if err := syscall.Kill(pids[0], 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d: %v", pids[0], err)
	}
	if _, err := invoke(t, f, "pid"); !errors.Is(err, lambdalocal.ErrClosed) {
		t.Errorf("invoke after close: %v", err)
	}
}

func TestFunction_FailsAnInvocationWhoseInstanceCannotStart(t *testing.T) {
	f := newFunction(t, lambdalocal.Options{Binary: "/bin/false"})
	if got := failure(t, f, "pid"); got.Type != "Runtime.ExitError" || !strings.Contains(got.Message, "exit status 1") {
		t.Errorf("got %+v", got)
	}
	if _, err := lambdalocal.New(t.Context(), lambdalocal.Options{Name: "echo", Binary: "/nowhere"}); err == nil {
		t.Error("a missing binary was accepted")
	}
}

func TestFunction_StopsWaitingWithTheCaller(t *testing.T) {
	f := newFunction(t, lambdalocal.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := f.Invoke(ctx, []byte(`{"do":"hang"}`)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}
