package function

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
)

func TestPrepare_BuildsTheHandlerOfTheConfiguration(t *testing.T) {
	t.Setenv("AWS_REGION", "eu-west-1")
	load := func(environ []string) (string, error) { return environ[0], nil }
	build := func(c string, cfg aws.Config, logs io.Writer) Handler[int, string] {
		_, _ = fmt.Fprintf(logs, "%s in %s", c, cfg.Region)
		return func(_ context.Context, in int) (string, error) { return fmt.Sprint(in), nil }
	}
	var logs bytes.Buffer
	handle, err := prepare([]string{"configured"}, &logs, load, build)
	if err != nil {
		t.Fatal(err)
	}
	if out, err := handle(t.Context(), 1); out != "1" || err != nil || logs.String() != "configured in eu-west-1" {
		t.Errorf("got %q, %v; logged %q", out, err, logs.String())
	}
}

func TestPrepare_SaysWhyItCannot(t *testing.T) {
	missing := errors.New("READINGS_TABLE must be set")
	build := func(string, aws.Config, io.Writer) Handler[int, string] {
		t.Error("the handler is built")
		return nil
	}
	if _, err := prepare(nil, io.Discard, func([]string) (string, error) { return "", missing }, build); !errors.Is(err, missing) {
		t.Errorf("without a configuration: %v", err)
	}
	t.Setenv("AWS_REGION", "eu-west-1")
	_, err := prepare([]string{"PPROF_ADDRESS=:6060"}, io.Discard, func([]string) (string, error) { return "", nil }, build)
	if err == nil || !strings.Contains(err.Error(), "PPROF_ADDRESS must be an address of this machine alone") {
		t.Errorf("with profiles for everybody: %v", err)
	}
	t.Setenv("AWS_REGION", "")
	if _, err := prepare(nil, io.Discard, func([]string) (string, error) { return "", nil }, build); err == nil {
		t.Error("without a region: no error")
	}
}

func TestInvocable_GivesThePayloadToThoseWhoDecodeItThemselves(t *testing.T) {
	handle := func(_ context.Context, p Payload) (map[string]string, error) {
		if string(p) == "bad" {
			return nil, errors.New("refused")
		}
		return map[string]string{"got": string(p)}, nil
	}
	h := lambda.NewHandler(invocable(Handler[Payload, map[string]string](handle)))
	if out, err := h.Invoke(t.Context(), []byte("{not JSON")); string(out) != `{"got":"{not JSON"}` || err != nil {
		t.Errorf("got %s, %v", out, err)
	}
	if out, err := h.Invoke(t.Context(), []byte("bad")); err == nil {
		t.Errorf("got %s and no error", out)
	}
	decoded := lambda.NewHandler(invocable(Handler[int, int](func(_ context.Context, n int) (int, error) { return n + 1, nil })))
	if out, err := decoded.Invoke(t.Context(), []byte(" 41 ")); string(out) != "42" || err != nil {
		t.Errorf("got %s, %v", out, err)
	}
}
