package door

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/capture"
)

// terminal is a shell into which blocks are pasted.
type terminal struct {
	t      *testing.T
	cmd    *exec.Cmd
	in     io.Writer
	out    capture.Buffer
	exited chan struct{}
	blocks int
}

// openTerminal starts a shell in a folder. The test ends it, and all that runs in it.
func openTerminal(t *testing.T, dir string, environ ...string) *terminal {
	t.Helper()
	terminal := &terminal{t: t, cmd: exec.Command("bash", "--norc"), exited: make(chan struct{})}
	// A make that runs the tests would have those that are pasted say which folder they enter.
	terminal.cmd.Dir, terminal.cmd.Env = dir, append(os.Environ(), append(environ, "MAKELEVEL=", "MAKEFLAGS=", "MFLAGS=")...)
	terminal.cmd.Stdout, terminal.cmd.Stderr = &terminal.out, &terminal.out
	terminal.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := terminal.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	terminal.in = in
	if err := terminal.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = terminal.cmd.Wait() // however it ends
		close(terminal.exited)
	}()
	t.Cleanup(func() {
		terminal.signal(syscall.SIGKILL)
		<-terminal.exited
	})
	return terminal
}

// signal sends a signal to everything that runs in the terminal, as Ctrl-C does.
func (t *terminal) signal(signal syscall.Signal) {
	_ = syscall.Kill(-t.cmd.Process.Pid, signal) // perhaps it has ended
}

// begin pastes a block and does not wait for its end.
func (t *terminal) begin(block string) {
	t.t.Helper()
	if _, err := io.WriteString(t.in, block+"\n"); err != nil {
		t.t.Fatal(err)
	}
}

// paste pastes a block, waits for its end, and returns what it printed.
func (t *terminal) paste(block string, within time.Duration) string {
	t.t.Helper()
	t.blocks++
	before := len(t.out.String())
	end := fmt.Sprintf("\n@@ end of block %d @@\n", t.blocks)
	t.begin(block)
	t.begin(fmt.Sprintf("printf '\\n@@ end of block %%d @@\\n' %d", t.blocks))
	var printed string
	await.NoError(t.t, within, func() error {
		all := t.out.String()[before:]
		text, _, ended := strings.Cut(all, end)
		if !ended {
			return fmt.Errorf("the block goes on:\n%s\nIt printed\n%s", block, all)
		}
		printed = text
		return nil
	})
	return printed
}

// The parts of what is printed that are others each time.
var changing = []struct {
	what *regexp.Regexp
	as   string
}{
	{regexp.MustCompile(`http://127\.0\.0\.1:\d+[^"\s]*`), "URL"},
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "ID"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`), "TIME"},
	{regexp.MustCompile(`(?m)^.*; still to travel: \d+ items?\n`), ""}, // as often as it takes, or not at all
	{regexp.MustCompile(`arrived in [\d.]+ s`), "arrived in N s"},
	{regexp.MustCompile(`"intervalStart":\d+`), `"intervalStart":N`},
	{regexp.MustCompile(` +`), " "},
}

// lasting is what stays the same of what is printed.
func lasting(text string) string {
	for _, c := range changing {
		text = c.what.ReplaceAllString(text, c.as)
	}
	return strings.TrimSpace(text)
}
