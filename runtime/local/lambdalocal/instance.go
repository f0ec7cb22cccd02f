package lambdalocal

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/sensorflow/sensorflow/runtime/local/child"
)

// initWithin is how long Lambda lets a function take before it asks for its first invocation.
const initWithin = 10 * time.Second

// instance is one process and the Runtime API that it alone talks to.
type instance struct {
	function *Function
	process  *child.Process
	server   *http.Server
	served   chan struct{} // closed when server has ended
	stopping chan struct{} // closed to let a call of next that waits return

	mu        sync.Mutex
	first     *invocation // what the instance was started for, until it is fetched
	current   *invocation
	deadline  *time.Timer // of current, or of the start
	initError error
	ended     error // why the process is no more; nil while it runs
	succeeded bool
}

func (f *Function) startInstance(ctx context.Context, first *invocation) (*instance, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the Runtime API: %w", err)
	}
	i := &instance{function: f, first: first, served: make(chan struct{}), stopping: make(chan struct{})}
	i.server = &http.Server{Handler: i.routes(), ReadHeaderTimeout: initWithin}
	go func() {
		defer close(i.served)
		_ = i.server.Serve(listener) // it ends when it is closed
	}()
	if err := i.start(listener.Addr().String()); err != nil {
		i.closeServer()
		return nil, err
	}
	return i, nil
}

// start holds the lock, so that the process's first call finds the deadline set.
func (i *instance) start(api string) (err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	o := i.function.options
	if i.process, err = child.Start(child.Program{Path: o.Binary, Env: append(environment(o, api), o.Env...), Output: o.Log}); err != nil {
		return err
	}
	i.deadline = time.AfterFunc(initWithin, func() { i.expire(nil) })
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
func (i *instance) wait() (succeeded bool) {
	select {
	case <-i.function.closed:
		i.process.Kill()
	case <-i.process.Exited():
	}
	i.closeServer()

	i.mu.Lock()
	defer i.mu.Unlock()
	i.deadline.Stop()
	err := i.initError
	if err == nil {
		err = &FunctionError{"Runtime.ExitError", "the instance ended: " + i.process.Status()}
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
	close(i.stopping)
	_ = i.server.Close()
	<-i.served
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
	i.process.Kill()
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
