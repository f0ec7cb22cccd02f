package child_test

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/local/child"
	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/capture"
)

// startTrapping starts a process that runs a command when it is asked to end, and waits until it has set its trap.
func startTrapping(t *testing.T, command string) *child.Process {
	t.Helper()
	var output capture.Buffer
	cmd := exec.Command("sh", "-c", "trap '"+command+"' TERM; echo set; while :; do sleep 0.01; done")
	cmd.Stdout = &output
	p, err := child.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	await.True(t, 10*time.Second, "the trap is set", func() bool { return output.String() != "" })
	return p
}

func TestProcess_EndsWhenAskedAndTellsHow(t *testing.T) {
	p := startTrapping(t, "exit 3")
	var status *exec.ExitError
	if err := p.Stop(5 * time.Second); !errors.As(err, &status) || status.ExitCode() != 3 {
		t.Errorf("stop: %v, want exit status 3", err)
	}
	select {
	case <-p.Exited():
	default:
		t.Error("stop returned before the process had ended")
	}
}

func TestProcess_IsKilledWhenItDoesNotEnd(t *testing.T) {
	p := startTrapping(t, "")
	if err := p.Stop(100 * time.Millisecond); !errors.Is(err, child.ErrKilled) {
		t.Errorf("stop: %v, want %v", err, child.ErrKilled)
	}
}

// parentKey makes the test binary the parent that gets killed.
const parentKey = "CHILD_TEST_PARENT"

func TestMain(m *testing.M) {
	if os.Getenv(parentKey) == "" {
		os.Exit(m.Run())
	}
	p, err := child.Start(exec.Command("sleep", "60"))
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
	gone := func() bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) || isZombie(pid) }
	t.Cleanup(func() {
		if !gone() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	await.True(t, 5*time.Second, "the child has ended with its parent", gone)
}

// isZombie tells of a process that has ended and whose new parent has not yet asked how.
func isZombie(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	_, rest, _ := strings.Cut(string(stat), ") ")
	return err == nil && strings.HasPrefix(rest, "Z")
}
