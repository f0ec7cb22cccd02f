// Package function starts a Lambda function: it reads the function's configuration, builds its handler and gives that the
// invocations. Where those carry the messages of a queue, it hands them out one by one. It knows nothing of what handlers do,
// and is imported by the functions' mains alone.
package function

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sensorflow/sensorflow/runtime/config"
	"github.com/sensorflow/sensorflow/runtime/profiling"
)

// Handler answers one invocation.
type Handler[In, Out any] func(ctx context.Context, in In) (Out, error)

// Payload is an invocation's event as it came, for handlers that decode it themselves: Lambda's own decoding walks through it three
// times.
type Payload []byte

// undecoded is a handler in the form in which Lambda gives it the payload.
type undecoded[Out any] Handler[Payload, Out]

// Invoke implements lambda.Handler.
func (h undecoded[Out]) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	out, err := h(ctx, payload)
	if err != nil {
		return nil, err
	}
	return json.Marshal(out)
}

// invocable is a handler as Lambda takes it.
func invocable[In, Out any](handle Handler[In, Out]) any {
	if h, takesPayload := any(handle).(Handler[Payload, Out]); takesPayload {
		return undecoded[Out](h)
	}
	return handle
}

// Build makes a handler that logs to logs.
type Build[C, In, Out any] func(c C, cfg aws.Config, logs io.Writer) Handler[In, Out]

// Start builds the handler in the init phase of the function's instance, so that no invocation pays for it, and serves
// invocations. It does not return: a mistake in the environment is written to stderr and ends the process.
func Start[C, In, Out any](load func(environ []string) (C, error), build Build[C, In, Out]) {
	handle, err := prepare(os.Environ(), os.Stdout, load, build)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	lambda.Start(invocable(handle))
}

func prepare[C, In, Out any](
	environ []string, logs io.Writer, load func(environ []string) (C, error), build Build[C, In, Out],
) (Handler[In, Out], error) {
	c, err := load(environ)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	cfg, err := config.AWS()
	if err != nil {
		return nil, fmt.Errorf("prepare the AWS client: %w", err)
	}
	profiles, err := config.LoadProfiling(environ)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	// They are served for as long as the instance lives.
	if _, err := profiling.Serve(context.Background(), profiles.PprofAddress, config.NewLogger(logs, slog.LevelInfo)); err != nil {
		return nil, err
	}
	return build(c, cfg, logs), nil
}
