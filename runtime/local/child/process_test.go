package child_test

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/local/child"
	"github.com/sensorflow/sensorflow/test/await"
)

// printed is closed by the first output of a program.
type printed chan struct{}

func (p printed) Write(b []byte) (int, error) { close(p); return len(b), nil }

// shell starts a script and returns once it has printed its one line.
func shell(t *testing.T, script string) *child.Process {
	t.Helper()
	line := make(printed)
	p, err := child.Start(child.Program{Path: "sh", Args: []string{"-c", script}, Output: line})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	<-line
	return p
}

func TestProcess_EndsWhenAskedAndTellsHow(t *testing.T) {
	p := shell(t, "trap 'exit 3' TERM; echo; while :; do sleep 0.01; done")
	var status *exec.ExitError
	if err := p.Stop(5 * time.Second); !errors.As(err, &status) || status.ExitCode() != 3 {
		t.Errorf("stop: %v, want exit status 3", err)
	}
	select {
	case <-p.Exited():
	default:
		t.Error("stop returned before the process had ended")
	}
	if got := p.Status(); got != "exit status 3" {
		t.Errorf("status %q", got)
	}
}

func TestProcess_IsKilledWhenItDoesNotEnd(t *testing.T) {
	p := shell(t, "trap '' TERM; echo; while :; do sleep 0.01; done")
	if err := p.Stop(100 * time.Millisecond); !errors.Is(err, child.ErrKilled) {
		t.Errorf("stop: %v, want %v", err, child.ErrKilled)
	}
}

func TestProcess_IsKilledWithWhatItStarted(t *testing.T) {
	dir := t.TempDir()
	p := shell(t, "sleep 60 & echo $! >"+dir+"/pid; echo; wait")
	content, err := os.ReadFile(filepath.Join(dir, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	grandchild, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		t.Fatal(err)
	}
	p.Kill()
	requireGone(t, grandchild)
}

// parentKey makes the test binary the parent that gets killed.
const parentKey = "CHILD_TEST_PARENT"

func TestMain(m *testing.M) {
	if os.Getenv(parentKey) == "" {
		os.Exit(m.Run())
	}
	p, err := child.Start(child.Program{Path: "sleep", Args: []string{"60"}})
	if err != nil {
		panic(err)
	}
	println(p.PID())
	select {}
}

func TestStart_LeavesNoChildOfAParentThatWasKilled(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("only Linux kills a child with its parent")
	}
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), parentKey+"=1")
	output, err := parent.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	requireGone(t, pid)
}

// requireGone waits until a process has ended.
func requireGone(t *testing.T, pid int) {
	t.Helper()
	gone := func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) || isZombie(pid) }
	t.Cleanup(func() {
		if !gone() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	await.True(t, time.Minute, "the process has ended", gone)
}

// isZombie tells of a process that has ended and whose new parent has not yet asked how.
func isZombie(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	_, rest, _ := strings.Cut(string(stat), ") ")
	return err == nil && strings.HasPrefix(rest, "Z")
}
