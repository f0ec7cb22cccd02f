package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"github.com/sensorflow/sensorflow/runtime/client/localsystem"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/replicator"
	"github.com/sensorflow/sensorflow/runtime/local/stack"
	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/capture"
)

// tables are replicas to the first of which clients write some items once they begin. Others refuse what is written before it is let: a
// write that hung would keep a region from being parted or joined.
type tables struct {
	replicator.TableClient
	written    int
	begun, let atomic.Bool
}

func (t *tables) DescribeStream(
	context.Context, *dynamodbstreams.DescribeStreamInput, ...func(*dynamodbstreams.Options),
) (*dynamodbstreams.DescribeStreamOutput, error) {
	return &dynamodbstreams.DescribeStreamOutput{StreamDescription: &types.StreamDescription{Shards: []types.Shard{{ShardId: aws.String("shard")}}}}, nil
}

func (t *tables) GetShardIterator(
	_ context.Context, in *dynamodbstreams.GetShardIteratorInput, _ ...func(*dynamodbstreams.Options),
) (*dynamodbstreams.GetShardIteratorOutput, error) {
	return &dynamodbstreams.GetShardIteratorOutput{ShardIterator: in.StreamArn}, nil
}

func (t *tables) GetRecords(
	_ context.Context, in *dynamodbstreams.GetRecordsInput, _ ...func(*dynamodbstreams.Options),
) (*dynamodbstreams.GetRecordsOutput, error) {
	if !t.begun.Load() {
		return &dynamodbstreams.GetRecordsOutput{NextShardIterator: in.ShardIterator}, nil
	}
	out := &dynamodbstreams.GetRecordsOutput{NextShardIterator: aws.String("end")}
	for n := range t.written {
		if *in.ShardIterator != "a" {
			break
		}
		key := map[string]types.AttributeValue{
			contract.AttrEquipmentID: &types.AttributeValueMemberS{Value: fmt.Sprint("EQ-", n)},
			contract.AttrTimestamp:   &types.AttributeValueMemberS{Value: "2026-03-01T08:00:00Z"},
		}
		out.Records = append(out.Records, types.Record{Dynamodb: &types.StreamRecord{
			SequenceNumber: aws.String(strconv.Itoa(n + 1)), Keys: key, NewImage: key,
		}})
	}
	return out, nil
}

func (t *tables) BatchGetItem(context.Context, *dynamodb.BatchGetItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error) {
	return &dynamodb.BatchGetItemOutput{}, nil
}

func (t *tables) PutItem(_ context.Context, _ *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	if !t.let.Load() {
		return nil, errors.New("the table takes nothing yet")
	}
	return &dynamodb.PutItemOutput{}, nil
}

// begin runs a replicator of regions whose tables are called a, b and so on, and its control.
func begin(t *testing.T, of *tables, state string, regions ...string) (_ *replicator.Replicator, end func()) {
	t.Helper()
	o := replicator.Options{Tables: of, Streams: of, Log: slog.New(slog.DiscardHandler)}
	info := stack.Info{APIURL: "http://127.0.0.1:1"}
	for i, region := range regions {
		name := string(rune('a' + i))
		o.Replicas = append(o.Replicas, replicator.Replica{Region: region, Definition: contract.ReadingsTable(), Name: name, StreamARN: name})
		info.Regions = append(info.Regions, stack.RegionInfo{Name: region})
	}
	r, err := replicator.New(o)
	if err != nil {
		t.Fatal(err)
	}
	release, err := occupy(t.Context(), state)
	if err != nil {
		t.Fatal(err)
	}
	endControl, err := serveControl(t.Context(), state, newControl(r))
	if err != nil {
		t.Fatal(err)
	}
	remove, err := writeState(state, info, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var work sync.WaitGroup
	work.Go(func() { r.Run(ctx) })
	end = sync.OnceFunc(func() { cancel(); work.Wait(); remove(); endControl(); release() })
	t.Cleanup(end)
	return r, end
}

// ask runs cut or heal as the program does.
func ask(t *testing.T, state string, args ...string) (said string, err error) {
	t.Helper()
	out := &capture.Buffer{}
	err = run(t.Context(), append(args, "-state", state), nil, printer{out})
	return out.String(), err
}

func TestControl_PartsAndJoinsTheRegionThatIsNamed(t *testing.T) {
	state := t.TempDir()
	r, end := begin(t, &tables{}, state, "eu-west-1", "eu-central-1")
	requirePrivate(t, state+"/"+controlFile, 0o600)
	for _, step := range []struct {
		command, region, want string
		cut                   bool
	}{
		{"cut", "eu-central-1", "eu-central-1 is cut off; make heal REGION=eu-central-1 brings it back\n", true},
		{"cut", "eu-central-1", "eu-central-1 is cut off already; make heal REGION=eu-central-1 brings it back\n", true},
		{"heal", "eu-central-1", "eu-central-1 is back; what had waited arrived in 0.0 s\n", false},
		{"heal", "eu-central-1", "eu-central-1 was not cut off; what had waited arrived in 0.0 s\n", false},
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
	release, err := occupy(t.Context(), state)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if _, err := ask(t, state, "cut", "-region", "eu-central-1"); !errors.Is(err, localsystem.ErrStarting) {
		t.Errorf("while it starts: %v", err)
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

func TestControl_TellsWhatIsStillToTravel(t *testing.T) {
	state := t.TempDir()
	of := &tables{written: 3}
	r, _ := begin(t, of, state, "eu-west-1", "eu-central-1")
	if err := r.Cut(t.Context(), "eu-central-1"); err != nil {
		t.Fatal(err)
	}
	of.begun.Store(true)
	out := &capture.Buffer{}
	ended := make(chan error)
	go func() {
		ended <- run(t.Context(), []string{"heal", "-region", "eu-central-1", "-state", state}, nil, printer{out})
	}()
	const still = "eu-central-1 is back; still to travel: 3 items\n"
	await.True(t, time.Minute, "it says twice what is still to travel", func() bool { return strings.Count(out.String(), still) == 2 })
	of.let.Store(true)
	if err := await.Receive(t, time.Minute, "the end of heal", ended); err != nil {
		t.Fatal(err)
	}
	if said := out.String(); !strings.Contains(said, "eu-central-1 is back; what had waited arrived in ") {
		t.Errorf("it said %q", said)
	}
}

func TestControl_SaysWhatGoesOnWaitingForARegionThatIsStillCutOff(t *testing.T) {
	state := t.TempDir()
	of := &tables{written: 3}
	of.let.Store(true)
	r, _ := begin(t, of, state, "eu-west-1", "eu-central-1", "eu-north-1")
	for _, region := range []string{"eu-west-1", "eu-central-1"} {
		if err := r.Cut(t.Context(), region); err != nil {
			t.Fatal(err)
		}
	}
	of.begun.Store(true)
	const want = "eu-central-1 is back; what lies between it and eu-west-1 (3 items) goes on waiting, until that region is back too\n"
	if said, err := ask(t, state, "heal", "-region", "eu-central-1"); err != nil || said != want {
		t.Errorf("it said %q, error %v, want %q", said, err, want)
	}
	if said, err := ask(t, state, "heal", "-region", "eu-west-1"); err != nil || !strings.Contains(said, "eu-west-1 is back; what had waited arrived") {
		t.Errorf("it said %q, error %v", said, err)
	}
}

func TestOccupy_RemovesWhatOneThatWasKilledHasLeftAndNothingOfOneThatRuns(t *testing.T) {
	state := t.TempDir()
	if _, err := localsystem.Find(filepath.Join(state, "none")); !errors.Is(err, localsystem.ErrNone) {
		t.Errorf("no folder: %v", err)
	}
	files := []string{localsystem.StateFile, environFile, controlFile}
	for _, name := range files {
		if err := os.WriteFile(filepath.Join(state, name), []byte(`{"apiUrl":"http://127.0.0.1:9"}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := localsystem.Find(state); !errors.Is(err, localsystem.ErrNone) {
		t.Errorf("what was killed: %v", err)
	}
	release, err := occupy(t.Context(), state)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if _, err := os.Stat(filepath.Join(state, name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left: %v", name, err)
		}
	}
	if _, err := occupy(t.Context(), state); err == nil || !strings.Contains(err.Error(), "being started or stopped here already") {
		t.Errorf("a second one while the first one starts: %v", err)
	}
	remove, err := writeState(state, stack.Info{APIURL: "http://127.0.0.1:8080"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := occupy(t.Context(), state); err == nil || !strings.Contains(err.Error(), "runs here already, at http://127.0.0.1:8080") {
		t.Errorf("a second one: %v", err)
	}
	if info, err := localsystem.Find(state); err != nil || info.APIURL != "http://127.0.0.1:8080" {
		t.Errorf("what runs: %+v, %v", info, err)
	}
	remove()
	release()
	if err := run(t.Context(), []string{commandRunning, "-state", state}, nil, printer{t.Output()}); !errors.Is(err, localsystem.ErrNone) {
		t.Errorf("after it: %v", err)
	}
}
