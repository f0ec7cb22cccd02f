package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/client/localsystem"
	"github.com/sensorflow/sensorflow/runtime/local/checkout"
	"github.com/sensorflow/sensorflow/runtime/local/stack"
	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/capture"
)

// binary builds this command once for all tests.
var binary = sync.OnceValues(func() (string, error) {
	root, err := checkout.Root()
	if err != nil {
		return "", err
	}
	bin, err := checkout.Build(context.Background(), root, ".", "./runtime/local")
	return filepath.Join(bin, "local"), err
})

// program is a running local.
type program struct {
	t      *testing.T
	state  string
	cmd    *exec.Cmd
	output *capture.Buffer
	exited chan struct{}
}

// launch starts the program with a free port and a state folder of its own; environ adds to the environment.
func launch(t *testing.T, state string, environ ...string) *program {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	p := &program{t: t, state: state, output: new(capture.Buffer), exited: make(chan struct{})}
	p.cmd = exec.Command(path, "-state", state)
	p.cmd.Env = append(append(os.Environ(), "PORT=0", "DATA_DIR="), environ...)
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = p.cmd.Wait(); close(p.exited) }()
	t.Cleanup(func() { _ = p.cmd.Process.Kill(); <-p.exited })
	return p
}

// ready waits for stack.json and returns its content.
func (p *program) ready() stack.Info {
	p.t.Helper()
	var info stack.Info
	await.NoError(p.t, 5*time.Minute, func() (err error) { // the first time everything is compiled
		if info, err = localsystem.Read(p.state); err == nil {
			return nil
		}
		select {
		case <-p.exited:
			p.t.Fatalf("it ended while starting:\n%s", p.output)
		default:
		}
		return fmt.Errorf("it is not ready: %w\n%s", err, p.output)
	})
	return info
}

// end sends a signal and returns the exit status, -1 for death by a signal. A stack ends within 8 s; the rest is for a busy machine.
func (p *program) end(signal os.Signal) int {
	p.t.Helper()
	began := time.Now()
	if err := p.cmd.Process.Signal(signal); err != nil {
		p.t.Fatal(err)
	}
	status := p.status(30 * time.Second)
	p.t.Logf("ended %v after %v", time.Since(began), signal)
	return status
}

func (p *program) status(within time.Duration) int {
	p.t.Helper()
	await.NoError(p.t, within, func() error {
		select {
		case <-p.exited:
			return nil
		default:
			return fmt.Errorf("it still runs:\n%s", p.output)
		}
	})
	return p.cmd.ProcessState.ExitCode()
}

// descendants are the processes below one, by id, with their command lines.
func descendants(t *testing.T, pid int) map[int]string {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		t.Skip("this system has no /proc to find processes by")
	}
	parents := map[int]int{}
	for _, path := range stats {
		content, err := os.ReadFile(path)
		_, rest, ok := strings.Cut(string(content), ") ")
		if fields := strings.Fields(rest); err == nil && ok && len(fields) > 1 && fields[0] != "Z" {
			id, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			parents[id], _ = strconv.Atoi(fields[1])
		}
	}
	below := map[int]string{}
	for id := range parents {
		for at := parents[id]; at > 1; at = parents[at] {
			if at == pid {
				command, _ := os.ReadFile("/proc/" + strconv.Itoa(id) + "/cmdline")
				below[id] = strings.ReplaceAll(string(command), "\x00", " ")
			}
		}
	}
	return below
}

// requireGone fails when any of the processes stays.
func requireGone(t *testing.T, processes map[int]string) {
	t.Helper()
	await.NoError(t, time.Minute, func() error {
		var left []string
		for pid, command := range processes {
			now, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
			if err == nil && len(now) > 0 && strings.ReplaceAll(string(now), "\x00", " ") == command {
				left = append(left, command)
			}
		}
		if len(left) > 0 {
			return fmt.Errorf("left behind:\n%s", strings.Join(left, "\n"))
		}
		return nil
	})
}

func find(t *testing.T, processes map[int]string, name string) int {
	t.Helper()
	for pid, command := range processes {
		if program, _, _ := strings.Cut(command, " "); filepath.Base(program) == name {
			return pid
		}
	}
	t.Fatalf("no %s among %v", name, processes)
	return 0
}

func testContext(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}
