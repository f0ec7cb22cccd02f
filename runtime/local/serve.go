package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/sensorflow/sensorflow/runtime/client/localsystem"
	"github.com/sensorflow/sensorflow/runtime/local/datadir"
	"github.com/sensorflow/sensorflow/runtime/local/stack"
)

// environFile is what programs of operators need, such as `make audit`: lines of KEY=value.
const environFile = "stack.env"

// serve runs the stack until ctx ends or a part fails. Once it is ready it calls then, if there is one; its error ends the
// stack.
func serve(ctx context.Context, s settings, out printer, then func(context.Context, stack.Info) error) error {
	release, err := occupy(ctx, s.state)
	if err != nil {
		return err
	}
	defer release()
	logs, err := newLogs(filepath.Join(s.state, "logs"), s.verbose, out)
	if err != nil {
		return err
	}
	defer logs.close()
	began := time.Now()
	running, err := start(ctx, s, logs, out)
	if err != nil {
		if ctx.Err() != nil {
			return nil // it was asked to end while it started
		}
		return explain(err, logs)
	}
	err = attend(ctx, s, running, logs, out, time.Since(began), then)
	return errors.Join(err, running.Stop())
}

// system is one region or several.
type system interface {
	ProgramEnvironment(context.Context) ([]string, error)
	Failed() <-chan error
	Stop() error
}

// running is a system and how to reach it.
type running struct {
	system
	info stack.Info
	// control serves cut and heal, nil where there is one region.
	control http.Handler
	// cutOff are regions that were cut off when the system last ended.
	cutOff []string
}

func start(ctx context.Context, s settings, logs *logs, out printer) (running, error) {
	o := stack.Options{
		Root: s.root, Port: s.port, DataDir: s.dataDir, Retention: s.retention, Logs: logs.writer, Environ: s.environ,
		Progress: func(step string) { out.printf("starting %s\n", step) },
	}
	if s.regions == 1 {
		one, err := stack.Start(ctx, o)
		if err != nil {
			return running{}, err
		}
		return running{system: one, info: one.Info}, nil
	}
	all, err := stack.StartRegions(ctx, stack.RegionsOptions{Options: o, Count: s.regions, Delay: s.delay})
	if err != nil {
		return running{}, err
	}
	return running{all, all.Info, newControl(all.Replicator), all.Replicator.CutOff()}, nil
}

// attend tells how to reach the stack and waits.
func attend(
	ctx context.Context, s settings, running running, logs *logs, out printer, took time.Duration,
	then func(context.Context, stack.Info) error,
) error {
	environ, err := running.ProgramEnvironment(ctx)
	if err != nil {
		return fmt.Errorf("describe the system to programs: %w", err)
	}
	if running.control != nil {
		end, err := serveControl(ctx, s.state, running.control)
		if err != nil {
			return err
		}
		defer end()
	}
	remove, err := writeState(s.state, running.info, environ)
	if err != nil {
		return err
	}
	defer remove()
	describe(out, running, s, took)

	working, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	if then == nil {
		done = nil // nothing will come
	} else {
		var work sync.WaitGroup
		work.Go(func() { done <- then(working, running.info) })
		defer work.Wait()
	}
	defer cancel()
	for {
		select {
		case <-ctx.Done():
			out.printf("stopping\n")
			return nil
		case err := <-running.Failed():
			return explain(err, logs)
		case err := <-done:
			if err != nil && ctx.Err() == nil {
				return err
			}
			done = nil
		}
	}
}

// explain names the log of the part that failed.
func explain(err error, logs *logs) error {
	var part *stack.PartError
	if errors.As(err, &part) {
		return fmt.Errorf("%w; its log is %s", err, logs.path(part.Part))
	}
	return err
}

// writeState writes stack.env and stack.json, which shows that the system is ready, and returns what removes them.
func writeState(dir string, info stack.Info, environ []string) (remove func(), err error) {
	content, err := json.MarshalIndent(info, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", localsystem.StateFile, err)
	}
	path, environPath := filepath.Join(dir, localsystem.StateFile), filepath.Join(dir, environFile)
	if err := datadir.WriteFile(environPath, []byte(strings.Join(environ, "\n")+"\n")); err != nil {
		return nil, err
	}
	if err := datadir.WriteFile(path, append(content, '\n')); err != nil {
		return nil, err
	}
	return func() {
		_ = os.Remove(path) // a file that stays does no harm: who looks for what runs sees that nobody has the lock
		_ = os.Remove(environPath)
	}, nil
}
