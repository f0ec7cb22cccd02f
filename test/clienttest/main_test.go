package clienttest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/client/localsystem"
	"github.com/sensorflow/sensorflow/runtime/local/datadir"
	"github.com/sensorflow/sensorflow/runtime/local/stack"
	"github.com/sensorflow/sensorflow/test/capture"
)

// local is the system that all tests share, and the command line as it is built.
var local struct {
	*stack.Stack
	program string
}

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// startWithin bounds the start, the first of which compiles everything. How long the suite takes is for go test -timeout.
const startWithin = 10 * time.Minute

func run(m *testing.M) (code int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), startWithin)
	defer cancel()
	dir, err := os.MkdirTemp("", "sensorflow-clienttest-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	local.program = filepath.Join(dir, "sensorflow")
	build := exec.CommandContext(ctx, "go", "build", "-buildvcs=false", "-o", local.program, "github.com/sensorflow/sensorflow/runtime/cmd/sensorflow")
	if out, err := build.CombinedOutput(); err != nil {
		return 0, fmt.Errorf("build the command line: %w\n%s", err, out)
	}
	var log capture.Buffer
	if local.Stack, err = stack.Start(ctx, stack.Options{Log: &log}); err != nil {
		return 0, fmt.Errorf("start the system: %w\n%s", err, log.String())
	}
	if code = m.Run(); code != 0 {
		_ = os.WriteFile(filepath.Join(os.TempDir(), "sensorflow-clienttest.log"), []byte(log.String()), 0o600)
	}
	return code, local.Stop()
}

// user is somebody with a home of their own who types commands.
type user struct {
	t       *testing.T
	home    string
	environ []string
}

// newUser has the machine's credentials in the environment.
func newUser(t *testing.T) *user {
	info := local.Info
	return &user{t, t.TempDir(), []string{
		"SENSORFLOW_API=" + info.APIURL, "SENSORFLOW_TOKEN_URL=" + info.TokenURL,
		"SENSORFLOW_CLIENT_ID=" + info.ClientID, "SENSORFLOW_CLIENT_SECRET=" + info.ClientSecret,
	}}
}

// with returns the same user with another environment.
func (u *user) with(environ ...string) *user { return &user{u.t, u.home, environ} }

// result is what a command printed, and its exit status.
type result struct {
	out, err string
	status   int
}

// command prepares a command in the user's home.
func (u *user) command(ctx context.Context, args ...string) (cmd *exec.Cmd, out, progress *bytes.Buffer) {
	cmd = exec.CommandContext(ctx, local.program, args...)
	cmd.Dir = u.home
	cmd.Env = append([]string{"HOME=" + u.home, "XDG_CONFIG_HOME=" + filepath.Join(u.home, "config"), "PATH=" + os.Getenv("PATH")}, u.environ...)
	out, progress = new(bytes.Buffer), new(bytes.Buffer)
	cmd.Stdout, cmd.Stderr = out, progress
	return cmd, out, progress
}

// types runs a command with some standard input and expects an exit status.
func (u *user) types(status int, input string, args ...string) result {
	u.t.Helper()
	ctx, cancel := context.WithTimeout(u.t.Context(), 3*time.Minute)
	defer cancel()
	cmd, out, progress := u.command(ctx, args...)
	cmd.Stdin = strings.NewReader(input)
	err := cmd.Run()
	got := result{out.String(), progress.String(), cmd.ProcessState.ExitCode()}
	if got.status != status {
		u.t.Fatalf("sensorflow %s: status %d, want %d (%v)\n%s%s", strings.Join(args, " "), got.status, status, err, got.out, got.err)
	}
	return got
}

// stackFile writes what make run writes, into the user's home, and holds its lock until end is called, as by a system that is killed.
func (u *user) stackFile() (end func()) {
	u.t.Helper()
	content, err := json.Marshal(local.Info)
	if err != nil {
		u.t.Fatal(err)
	}
	dir := filepath.Join(u.home, localsystem.StateFolder)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		u.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, localsystem.StateFile), content, 0o600); err != nil {
		u.t.Fatal(err)
	}
	lock, err := datadir.Lock(filepath.Join(dir, localsystem.LockFile), syscall.LOCK_NB)
	if err != nil {
		u.t.Fatal(err)
	}
	return func() { _ = lock.Close() }
}
