package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/constructs/goasset/gobuild"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/lambdalocal"
	"github.com/sensorflow/sensorflow/test/standin"
)

// starts is how often each program is started.
const starts = 15

// small measures what is asked of every request, and of every process once.
func small(ctx context.Context, r *report) error {
	check, err := goBench(ctx, r, "./runtime/auth", "^BenchmarkAuthenticate$", "1s")
	if err != nil {
		return err
	}
	handler, err := goBench(ctx, r, "./runtime/httpapi", "^BenchmarkPostReading$", "1s")
	if err != nil {
		return err
	}
	remembered, unknown := check["remembered/ns/op"], check["new/ns/op"]
	r.begin("Parts of a request, in one process each. No backend.")
	r.add("token_uncached_vs_cached", unknown/remembered, "ratio", "a token that is seen for the first time beside one that is remembered")
	r.add("token_cached", remembered/1000, "µs", "")
	r.add("token_uncached", unknown/1000, "µs", "an RS256 signature of 2,048 bits is checked")
	r.add("post_allocations", handler["api-allocs/op"], "allocations", "of the handler of `POST /sensor-data` for a request, without the table")
	r.add("post_handler", handler["api-ns/op"]/1000, "µs", "the same by the clock")
	return programs(ctx, r)
}

// programs measures the starts of what is deployed.
func programs(ctx context.Context, r *report) error {
	backend, err := standin.Start(ctx, standin.Options{})
	if err != nil {
		return err
	}
	defer backend.Kill()
	r.begin("From the start of a process to its first answer, the median of %d starts. The backend is a stand-in that answers after 4 ms. This is no "+
		"cold start: AWS adds what it does before.", starts)
	if _, err := gobuild.Function("api", runtime.GOARCH); err != nil {
		return err
	}
	var took []time.Duration
	for range starts {
		began := time.Now()
		api, err := startAPI(ctx, backend)
		if err != nil {
			return err
		}
		took = append(took, time.Since(began))
		api.Kill()
	}
	r.add("start_api", ms(middle(took)), "ms", "until it is ready, its tables, keys and bucket asked; looked at every 20 ms")
	for _, f := range beginners() {
		took, err := f.starting(ctx, backend)
		if err != nil {
			return err
		}
		r.add("start_"+f.command, ms(middle(took)), "ms", f.until)
	}
	return nil
}

// beginner is a function and an event to which it has an answer as soon as it has begun.
type beginner struct {
	command, event, until string
	answered              func(answer []byte, err error) bool
}

func beginners() (all []beginner) {
	for _, command := range []string{"aggregator", "csvprocessor", "repairer"} {
		all = append(all, beginner{command, `{"Records":[]}`, "until it has answered an event without records", func(answer []byte, err error) bool {
			return err == nil && string(answer) == `{"batchItemFailures":[]}`
		}})
	}
	refused := func(_ []byte, err error) bool {
		var failed *lambdalocal.FunctionError
		return errors.As(err, &failed) && strings.Contains(failed.Error(), "json")
	}
	audited := func(answer []byte, err error) bool {
		var tally struct{ Rows, Failed int }
		return err == nil && json.Unmarshal(answer, &tally) == nil && tally.Rows == 0 && tally.Failed == 0
	}
	return append(all,
		beginner{"auditor", `{}`, "until it has looked into tables without rows: what it asks them is in it", audited},
		beginner{"smoketest", `[]`, "until it has refused what is no event", refused})
}

// starting starts the function and has it answer, again and again.
func (of beginner) starting(ctx context.Context, backend *standin.Backend) (took []time.Duration, err error) {
	dir, err := gobuild.Function(of.command, runtime.GOARCH)
	if err != nil {
		return nil, err
	}
	env := append(backend.Environment(), contract.EnvStreamFailuresURL+"="+backend.QueueURL(), contract.EnvStreamDeadLettersURL+"="+backend.QueueURL(),
		contract.EnvAPIURL+"="+backend.URL, contract.EnvMachineClient+"=arn:aws:secretsmanager:"+standin.Region+":111122223333:secret:machine")
	for range starts {
		began := time.Now()
		f, err := lambdalocal.New(ctx, lambdalocal.Options{Name: of.command, Binary: filepath.Join(dir, gobuild.FunctionBinary), Env: env})
		if err != nil {
			return nil, err
		}
		answer, err := f.Invoke(ctx, []byte(of.event))
		took = append(took, time.Since(began))
		if f.Close(); !of.answered(answer, err) {
			return nil, fmt.Errorf("%s answered %s: %w", of.command, answer, err)
		}
	}
	return took, nil
}
