package lambdalocal

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/sensorflow/sensorflow/runtime/local/child"
)

// initWithin is how long Lambda lets a function take before it asks for its first invocation.
const initWithin = 10 * time.Second

// instance is one process and the Runtime API that it alone talks to.
type instance struct {
	function *Function
	cmd      *exec.Cmd
	server   *http.Server
	served   chan struct{}      // closed when server has ended
	exited   chan struct{}      // closed when the process has ended
	stopping context.Context    //nolint:containedctx // the life of the instance
	stop     context.CancelFunc // lets a call of next that waits return

	mu        sync.Mutex
	first     *invocation // what the instance was started for, until it is fetched
	current   *invocation
	deadline  *time.Timer // of current, or of the start
	initError error
	ended     error // why the process is no more; nil while it runs
	succeeded bool
}

func (f *Function) startInstance(first *invocation) (*instance, error) {
	listener, err := (&net.ListenConfig{}).Listen(f.ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the Runtime API: %w", err)
	}
	i := &instance{function: f, first: first, served: make(chan struct{}), exited: make(chan struct{})}
	i.stopping, i.stop = context.WithCancel(context.Background())
	i.server = &http.Server{Handler: i.routes(), ReadHeaderTimeout: initWithin}
	go func() {
		defer close(i.served)
		_ = i.server.Serve(listener) // it ends when it is closed
	}()

	o := f.options
	i.cmd = exec.Command(o.Binary) //nolint:gosec,noctx // running the given program is what this is for; it outlives the call and is ended by stop
	i.cmd.Env = append(environment(o, listener.Addr().String()), o.Env...)
	i.cmd.Stdout, i.cmd.Stderr = o.Log, o.Log
	i.cmd.WaitDelay = time.Second // a child of the function that keeps its output open does not hold us up
	i.cmd.SysProcAttr = child.Attributes()
	if err := i.start(); err != nil {
		i.closeServer()
		return nil, fmt.Errorf("start %s: %w", o.Binary, err)
	}
	return i, nil
}

// start holds the lock, so that the process's first call finds the deadline set.
func (i *instance) start() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if err := i.cmd.Start(); err != nil {
		return err
	}
	i.deadline = time.AfterFunc(initWithin, func() { i.expire(nil) })
	go func() { _ = i.cmd.Wait(); close(i.exited) }()
	return nil
}

func environment(o Options, api string) []string {
	return []string{
		"AWS_LAMBDA_RUNTIME_API=" + api,
		"AWS_LAMBDA_FUNCTION_NAME=" + o.Name,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=" + strconv.Itoa(o.MemoryMegabytes),
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/" + o.Name,
		"AWS_LAMBDA_LOG_STREAM_NAME=local",
		"_HANDLER=bootstrap",
		"TZ=:UTC",
	}
}

// wait returns when the process has ended, by itself or because the function closes, and fails what it was working on.
func (i *instance) wait(closing context.Context) (succeeded bool) {
	select {
	case <-closing.Done():
		i.kill()
		<-i.exited
	case <-i.exited:
	}
	i.closeServer()

	i.mu.Lock()
	defer i.mu.Unlock()
	i.deadline.Stop()
	err := i.initError
	if err == nil {
		err = &FunctionError{"Runtime.ExitError", "the instance ended: " + i.cmd.ProcessState.String()}
	}
	i.ended = err
	for _, in := range []*invocation{i.first, i.current} {
		if in != nil {
			in.finish(nil, err)
		}
	}
	i.current = nil
	return i.succeeded
}

func (i *instance) closeServer() {
	i.stop()
	_ = i.server.Close()
	<-i.served
}

// kill ends the process and what it started. One that has ended is left alone: its id may be another's by now.
func (i *instance) kill() {
	select {
	case <-i.exited:
		return
	default:
	}
	if err := syscall.Kill(-i.cmd.Process.Pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		_ = i.cmd.Process.Kill()
	}
}

// expire kills an instance whose invocation, or whose start (nil), took too long.
func (i *instance) expire(in *invocation) {
	i.mu.Lock()
	if i.current != in { // it was answered while the timer fired
		i.mu.Unlock()
		return
	}
	if in != nil {
		in.finish(nil, &FunctionError{"Sandbox.Timedout", fmt.Sprintf("Task timed out after %.2f seconds", i.function.options.Timeout.Seconds())})
	} else {
		i.initError = &FunctionError{"Sandbox.Timedout", fmt.Sprintf("no invocation was asked for within %v of the start", initWithin)}
	}
	i.mu.Unlock()
	i.kill()
}

// begin makes in the current invocation and starts its deadline, which it returns. It fails an invocation that was fetched
// for a process that has just ended.
func (i *instance) begin(in *invocation) (deadline time.Time, ok bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.ended != nil {
		in.finish(nil, i.ended)
		return time.Time{}, false
	}
	i.deadline.Stop()
	i.first, i.current = nil, in
	timeout := i.function.options.Timeout
	i.deadline = time.AfterFunc(timeout, func() { i.expire(in) })
	return time.Now().Add(timeout), true
}

// end takes the current invocation if it has this id, else nil.
func (i *instance) end(id string, succeeded bool) *invocation {
	i.mu.Lock()
	defer i.mu.Unlock()
	in := i.current
	if in == nil || in.id != id {
		return nil
	}
	i.deadline.Stop()
	i.current = nil
	i.succeeded = i.succeeded || succeeded
	return in
}
