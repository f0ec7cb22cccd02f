package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/sensorflow/sensorflow/runtime/awsclient"
	"github.com/sensorflow/sensorflow/runtime/contract"
	process "github.com/sensorflow/sensorflow/runtime/local/child"
	"github.com/sensorflow/sensorflow/test/standin"
)

// rivalInFlight is how many writes the plain handler has under way. Without a bound it collapses at the load that is offered.
const rivalInFlight = 64

const created = `{"message":"Data saved successfully"}`

// child is a process that a benchmark measures.
func child(ctx context.Context, name string, args []string) error {
	switch {
	case name == "bare" && len(args) == 1:
		return serve(ctx, args[0], http.HandlerFunc(bare))
	case name == "putitem" && len(args) == 2:
		return serve(ctx, args[0], newPutter(args[1], rivalInFlight))
	case name == "putrows" && len(args) == 1:
		return putAllRows(ctx, args[0])
	case name == "flood" && len(args) == 0:
		return floodAll(ctx)
	default:
		return fmt.Errorf("there is no process %q with %d arguments", name, len(args))
	}
}

func serve(ctx context.Context, address string, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// bare is the least that an HTTP service can do: it reads the body and answers.
func bare(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return // the client has gone
	}
	answer(w, http.StatusCreated)
}

func answer(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, created) // who has gone away needs no answer
}

// putter is the plain way to store a reading: one PutItem a request. It checks no token and no rule.
type putter struct {
	client *dynamodb.Client
	slots  chan struct{}
}

func newPutter(backend string, inFlight int) *putter {
	return &putter{slots: make(chan struct{}, inFlight), client: dynamodb.NewFromConfig(aws.Config{
		Region: standin.Region, BaseEndpoint: &backend, Credentials: credentials.NewStaticCredentialsProvider("standin", "standin", ""),
	}, func(o *dynamodb.Options) { o.HTTPClient = awsclient.HTTP(2 * inFlight) })}
}

// ServeHTTP implements http.Handler.
func (p *putter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var in struct {
		EquipmentID string `json:"equipmentId"`
		Timestamp   string
		Value       json.Number
	}
	if r.Method != http.MethodPost {
		answer(w, http.StatusOK)
		return
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		answer(w, http.StatusBadRequest)
		return
	}
	if err := p.put(r.Context(), in.EquipmentID, in.Timestamp, in.Value.String()); err != nil {
		answer(w, http.StatusServiceUnavailable)
		return
	}
	answer(w, http.StatusCreated)
}

// put writes what the service writes of a reading.
func (p *putter) put(ctx context.Context, equipmentID, timestamp, value string) error {
	p.slots <- struct{}{}
	defer func() { <-p.slots }()
	text := func(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
	_, err := p.client.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: aws.String(standin.TableName(contract.ReadingsTable())),
		Item: map[string]types.AttributeValue{
			contract.AttrEquipmentID: text(equipmentID), contract.AttrTimestamp: text(timestamp),
			contract.AttrValue:        &types.AttributeValueMemberN{Value: value},
			contract.AttrRegion:       text(standin.Region),
			contract.AttrRegisterTime: text(time.Now().UTC().Format(time.RFC3339Nano)),
			contract.AttrID:           text("0b5f9c3e-0000-5000-8000-000000000001"),
		},
	})
	if err != nil {
		return fmt.Errorf("put a reading: %w", err)
	}
	return nil
}

// startServer starts a child that serves HTTP.
func startServer(ctx context.Context, name string, args ...string) (url string, p standin.Process, err error) {
	program, err := os.Executable()
	if err != nil {
		return "", p, fmt.Errorf("find this program: %w", err)
	}
	port, err := process.FreePort(ctx, 0)
	if err != nil {
		return "", p, err
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	p, err = standin.StartProcess(process.Program{Path: program, Args: append([]string{"child", name, address}, args...), Output: os.Stderr})
	if err != nil {
		return "", p, err
	}
	url = "http://" + address
	if err := p.WaitServing(ctx, url); err != nil {
		p.Kill()
		return "", p, fmt.Errorf("start the process %s: %w", name, err)
	}
	return url, p, nil
}
