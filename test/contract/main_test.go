package contract_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/stack"
	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/capture"
	"github.com/sensorflow/sensorflow/test/contract/probe"
	"github.com/sensorflow/sensorflow/test/permission"
)

// retention is what the stack under test keeps readings for: longer than the longest window, so that all can be filled.
const retention = 40 * 24 * time.Hour

// local is the stack that all tests share, and who calls it.
var local struct {
	*stack.Stack
	// machine holds both scopes.
	machine string
	spec    *specification
	log     capture.Buffer
}

// called is what the stacks of the tests call.
var called = permission.NewWatch("contract")

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	if err := start(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		fmt.Fprint(os.Stderr, local.log.String())
		return 1
	}
	code := m.Run()
	if faults := fleetFaults(context.Background()); len(faults) > 0 {
		fmt.Fprintf(os.Stderr, "--- FAIL: the fleet's totals over everything that the suite wrote\n    %s\n", strings.Join(faults, "\n    "))
		code = 1
	}
	code = called.Judge(code, os.Stderr)
	if err := local.Stop(); err != nil {
		fmt.Fprintf(os.Stderr, "--- FAIL: stop the stack: %v\n", err)
		code = 1
	}
	if code != 0 {
		_ = os.WriteFile(filepath.Join(os.TempDir(), "sensorflow-contract.log"), []byte(local.log.String()), 0o600)
		fmt.Fprintln(os.Stderr, "the stack's log is in sensorflow-contract.log in", os.TempDir())
	}
	return code
}

// startWithin bounds the start, the first of which compiles everything. How long the suite takes is for go test -timeout.
const startWithin = 10 * time.Minute

func start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	s, err := stack.Start(ctx, stack.Options{Retention: retention, Log: &local.log, Observe: called.Observe})
	if err != nil {
		return fmt.Errorf("start the stack: %w", err)
	}
	local.Stack = s
	if local.machine, err = probe.MachineToken(ctx, s.Info.TokenURL, s.Info.ClientID, s.Info.ClientSecret); err != nil {
		return err
	}
	local.spec, err = loadSpecification(ctx, s.Info.APIURL)
	return err
}

// fleetFaults holds the aggregates of all windows against a scan of the readings, once the aggregator has caught up.
func fleetFaults(ctx context.Context) []string {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	client := &probe.Client{Base: local.Info.APIURL, Token: local.machine, HTTP: probe.NewHTTP()}
	database := probe.NewDynamoDB(local.Region, local.DynamoDBEndpoint)
	var faults []string
	if err := await.Until(ctx, func() (err error) {
		faults, err = fleetDifferences(ctx, client, database)
		if err == nil && len(faults) > 0 {
			err = errors.New(faults[0])
		}
		return err
	}); err != nil && len(faults) == 0 {
		return []string{err.Error()}
	}
	return faults[:min(len(faults), 30)]
}

// fleetDifferences compares once.
func fleetDifferences(ctx context.Context, client *probe.Client, database *dynamodb.Client) (faults []string, err error) {
	readings, err := probe.Readings(ctx, database, local.Tables[contract.ReadingsTable().Name])
	if err != nil {
		return nil, err
	}
	for interval, hours := range windows {
		now := time.Now()
		pages, err := client.Aggregates(ctx, interval, "", 700)
		if err != nil {
			return nil, err
		}
		if now.Truncate(time.Hour) != time.Now().Truncate(time.Hour) {
			return []string{"the hour ended meanwhile"}, nil
		}
		for _, difference := range probe.Differences(probe.Within(readings, now, hours), pages) {
			faults = append(faults, interval+": "+difference)
		}
	}
	fmt.Fprintf(os.Stderr, "fleet totals: %d readings held against the aggregates, %d differences\n", len(readings), len(faults))
	return faults, nil
}

// windows are the intervals and their hours before the current one.
var windows = map[string]int{"24h": 24, "48h": 48, "1w": 168, "1m": 720}
