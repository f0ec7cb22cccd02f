package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/replicator"
	"github.com/sensorflow/sensorflow/runtime/local/stack"
	"github.com/sensorflow/sensorflow/test/capture"
)

// noShards is streams of tables that nobody has written to.
type noShards struct{ replicator.StreamClient }

func (noShards) DescribeStream(
	context.Context, *dynamodbstreams.DescribeStreamInput, ...func(*dynamodbstreams.Options),
) (*dynamodbstreams.DescribeStreamOutput, error) {
	return &dynamodbstreams.DescribeStreamOutput{StreamDescription: &types.StreamDescription{}}, nil
}

// ask runs cut or heal as the program does.
func ask(t *testing.T, state string, args ...string) (said string, err error) {
	t.Helper()
	out := &capture.Buffer{}
	err = run(t.Context(), append(args, "-state", state), nil, printer{out})
	return out.String(), err
}

func TestControl_PartsAndJoinsTheRegionThatIsNamed(t *testing.T) {
	r, err := replicator.New(replicator.Options{Streams: noShards{}, Log: slog.New(slog.DiscardHandler), Replicas: []replicator.Replica{
		{Region: "eu-west-1", Definition: contract.ReadingsTable(), Name: "a"}, {Region: "eu-central-1", Definition: contract.ReadingsTable(), Name: "b"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	state := t.TempDir()
	end, err := serveControl(t.Context(), state, newControl(r))
	if err != nil {
		t.Fatal(err)
	}
	requirePrivate(t, state+"/"+controlFile, 0o600)
	for _, step := range []struct {
		command, region, want string
		cut                   bool
	}{
		{"cut", "eu-central-1", "eu-central-1 is cut off; make heal REGION=eu-central-1 brings it back\n", true},
		{"heal", "eu-central-1", "eu-central-1 is back; what had waited arrived in 0.0 s\n", false},
	} {
		if said, err := ask(t, state, step.command, "-region", step.region); err != nil || said != step.want || r.IsCut(step.region) != step.cut {
			t.Errorf("%s: it said %q, error %v, cut %t", step.command, said, err, r.IsCut(step.region))
		}
	}
	for name, test := range map[string]struct {
		region, want string
	}{
		"rejects a region that does not run": {"eu-north-1", `there is no such region: "eu-north-1"; there are eu-west-1, eu-central-1`},
		"rejects no region":                  {"", "say which region: make cut REGION=eu-central-1"},
		"rejects what is no name":            {"../x y", `there is no such region: "../x y"; there are eu-west-1, eu-central-1`},
	} {
		if said, err := ask(t, state, "cut", "-region", test.region); err == nil || err.Error() != test.want || said != "" {
			t.Errorf("%s: it said %q, error %v", name, said, err)
		}
	}
	c, err := readControl(state)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Post(c.URL+"/cut/eu-west-1", "", nil) // as a page of a browser could
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if response.StatusCode != http.StatusUnauthorized || r.IsCut("eu-west-1") {
		t.Errorf("without the key: %d %s", response.StatusCode, text)
	}
	end()
	if _, err := ask(t, state, "heal", "-region", "eu-central-1"); err == nil || !strings.Contains(err.Error(), "nothing runs here") {
		t.Errorf("after the end: %v", err)
	}
	remove, err := writeState(state, stack.Info{APIURL: "http://127.0.0.1:1"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer remove()
	if _, err := ask(t, state, "cut", "-region", "eu-central-1"); err == nil || !strings.Contains(err.Error(), "one region runs here") {
		t.Errorf("with one region: %v", err)
	}
}
