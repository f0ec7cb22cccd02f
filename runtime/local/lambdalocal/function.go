package lambdalocal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/sensorflow/sensorflow/runtime/pacing"
)

const (
	// TimeoutDefault holds where Options leave it out.
	TimeoutDefault = 30 * time.Second
	// ConcurrencyDefault holds where Options leave it out.
	ConcurrencyDefault = 1
	// MemoryMegabytesDefault is what functions are told; nothing enforces it.
	MemoryMegabytesDefault = 256
	// PayloadBytesMax is Lambda's limit of an event and of an answer.
	PayloadBytesMax = 6 << 20

	backoffMin, backoffMax = 50 * time.Millisecond, 2 * time.Second
)

// ErrClosed means that the function no longer takes invocations.
var ErrClosed = errors.New("the function is closed")

// Options describe a function.
type Options struct {
	// Name is told to the function. Required.
	Name string
	// Binary is the path of the program. Required.
	Binary string
	// Env is the function's environment, as KEY=value. Nothing is inherited, as in Lambda.
	Env []string
	// Concurrency is how many instances run at once at most. Default: ConcurrencyDefault.
	Concurrency int
	// Timeout bounds one invocation; the instance is killed then. Default: TimeoutDefault.
	Timeout time.Duration
	// MemoryMegabytes is told to the function. Default: MemoryMegabytesDefault.
	MemoryMegabytes int
	// Log receives what the instances print; with a Concurrency above 1 it must be safe for concurrent use. Default: discarded.
	Log io.Writer
}

func (o Options) withDefaults() (Options, error) {
	if o.Name == "" || o.Binary == "" {
		return o, errors.New("a function needs a name and a binary")
	}
	binary, err := exec.LookPath(o.Binary)
	if err != nil {
		return o, fmt.Errorf("function %s: %w", o.Name, err)
	}
	if o.Binary, err = filepath.Abs(binary); err != nil {
		return o, fmt.Errorf("function %s: %w", o.Name, err)
	}
	if o.Concurrency == 0 {
		o.Concurrency = ConcurrencyDefault
	}
	if o.Timeout == 0 {
		o.Timeout = TimeoutDefault
	}
	if o.MemoryMegabytes == 0 {
		o.MemoryMegabytes = MemoryMegabytesDefault
	}
	if o.Concurrency < 1 || o.Timeout < 0 {
		return o, fmt.Errorf("function %s: concurrency must be at least 1 and the timeout positive, got %d and %v", o.Name, o.Concurrency, o.Timeout)
	}
	return o, nil
}

// FunctionError is an invocation that the function failed: it returned an error, panicked, exited or ran too long.
type FunctionError struct {
	// Type is the name of the error's type, or Runtime.ExitError or Sandbox.Timedout as in Lambda.
	Type    string
	Message string
}

func (e *FunctionError) Error() string { return e.Type + ": " + e.Message }

// Function invokes a binary. It is safe for concurrent use.
type Function struct {
	options Options
	closed  <-chan struct{} // closed with the function
	close   context.CancelFunc
	slots   sync.WaitGroup

	// An invocation goes to an instance that waits for one, else to a slot that starts one for it.
	warm, cold chan *invocation

	mu        sync.Mutex
	instances map[*instance]struct{}
}

type invocation struct {
	id      string
	payload []byte
	caller  <-chan struct{} // closed when the caller has given up: nobody waits for the answer then
	once    sync.Once
	done    chan struct{}
	answer  []byte
	err     error
}

func (i *invocation) givenUp() bool {
	select {
	case <-i.caller:
		return true
	default:
		return false
	}
}

// finish keeps the first outcome: a timeout and the exit that it causes are one failure.
func (i *invocation) finish(answer []byte, err error) {
	i.once.Do(func() {
		i.answer, i.err = answer, err
		close(i.done)
	})
}

// New returns a function whose instances start when they are needed and live until Close or the end of ctx.
func New(ctx context.Context, o Options) (*Function, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	f := &Function{options: o, warm: make(chan *invocation), cold: make(chan *invocation), instances: map[*instance]struct{}{}}
	ctx, f.close = context.WithCancel(ctx)
	f.closed = ctx.Done()
	for range o.Concurrency {
		f.slots.Go(func() { f.slot(ctx) })
	}
	return f, nil
}

// Invoke runs the function once and returns its answer; it waits for a free instance. A failed invocation is a
// *FunctionError and is not repeated. When ctx ends first, an invocation that has begun goes on unobserved.
func (f *Function) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	if len(payload) > PayloadBytesMax {
		return nil, fmt.Errorf("invoke %s: the event must be at most %d bytes, got %d", f.options.Name, PayloadBytesMax, len(payload))
	}
	in := &invocation{id: uuid.NewString(), payload: payload, caller: ctx.Done(), done: make(chan struct{})}
	if err := f.dispatch(ctx, in); err != nil {
		return nil, fmt.Errorf("invoke %s: %w", f.options.Name, err)
	}
	select {
	case <-in.done:
		if in.err != nil {
			return nil, fmt.Errorf("invoke %s: %w", f.options.Name, in.err)
		}
		return in.answer, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("invoke %s: %w", f.options.Name, ctx.Err())
	}
}

func (f *Function) dispatch(ctx context.Context, in *invocation) error {
	select {
	case f.warm <- in:
		return nil
	default:
	}
	select {
	case f.warm <- in:
		return nil
	case f.cold <- in:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-f.closed:
		return ErrClosed
	}
}

// slot runs one instance at a time, started by the invocation that found none free. After an instance that failed it pauses,
// longer each time, until one succeeds.
func (f *Function) slot(ctx context.Context) {
	pause := backoffMin
	for {
		var in *invocation
		select {
		case <-f.closed:
			return
		case in = <-f.cold:
		}
		succeeded := f.runInstance(ctx, in)
		if succeeded {
			pause = backoffMin
		}
		if pacing.Sleep(ctx, pause) != nil {
			return
		}
		pause = min(2*pause, backoffMax)
	}
}

// runInstance lets a process work until it ends, and tells whether any invocation of it succeeded.
func (f *Function) runInstance(ctx context.Context, first *invocation) (succeeded bool) {
	i, err := f.startInstance(ctx, first)
	if err != nil {
		first.finish(nil, &FunctionError{"Runtime.ExitError", err.Error()})
		return false
	}
	f.mu.Lock()
	f.instances[i] = struct{}{}
	f.mu.Unlock()
	succeeded = i.wait()
	f.mu.Lock()
	delete(f.instances, i)
	f.mu.Unlock()
	return succeeded
}

// Kill ends every instance with SIGKILL, as a failing host would: running invocations fail, later ones get new instances.
func (f *Function) Kill() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.instances {
		i.process.Kill()
	}
}

// PIDs lists the process ids of the running instances.
func (f *Function) PIDs() []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	pids := make([]int, 0, len(f.instances))
	for i := range f.instances {
		pids = append(pids, i.process.PID())
	}
	return pids
}

// Close kills the instances and returns once their processes have ended. Running invocations fail: let them finish before.
func (f *Function) Close() {
	f.close()
	f.slots.Wait()
}
