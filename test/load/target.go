package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"time"

	"github.com/sensorflow/sensorflow/runtime/client/localsystem"
	"github.com/sensorflow/sensorflow/runtime/local/checkout"
	"github.com/sensorflow/sensorflow/runtime/local/stack"
	"github.com/sensorflow/sensorflow/test/contract/probe"
	"github.com/sensorflow/sensorflow/test/standin"
)

// target is what is loaded.
type target struct {
	about string
	url   *url.URL
	token string
	// programs are those that this command started, by their names, and this one itself.
	programs []program
	stop     func()
	faults   *faulty // begin once it is ready; nil where there are none
}

// program is one whose costs are told.
type program struct {
	name string
	of   standin.Process
}

const stopWithin = 10 * time.Second

// readyTarget finds or starts what the settings name, waits until it serves, and lets its faults begin. The caller stops it.
func readyTarget(ctx context.Context, s settings) (*target, error) {
	t, err := findTarget(ctx, s)
	if err != nil {
		return nil, err
	}
	if err := t.ready(ctx); err != nil {
		t.stop()
		return nil, err
	}
	if t.faults != nil {
		t.faults.begin()
	}
	return t, nil
}

// findTarget finds or starts what the settings name. The caller stops it.
func findTarget(ctx context.Context, s settings) (*target, error) {
	switch {
	case s.url != nil:
		return given(ctx, s)
	case s.local:
		return startStack(ctx, s)
	default:
		return startStandIn(ctx)
	}
}

// startStandIn starts the API beside a stand-in for what it calls.
func startStandIn(ctx context.Context) (*target, error) {
	backend, err := standin.Start(ctx, standin.Options{})
	if err != nil {
		return nil, err
	}
	api, err := standin.StartAPI(ctx, backend, standin.APIOptions{})
	if err != nil {
		backend.Kill()
		return nil, err
	}
	address, err := url.Parse(api.URL)
	if err != nil {
		return nil, fmt.Errorf("read the API's address: %w", err)
	}
	return &target{
		about: fmt.Sprintf("The API beside a stand-in that answers in DynamoDB's place after %v", standin.LatencyDefault),
		url:   address, token: api.Token,
		programs: []program{{"api", api.Process}, {"standin", backend.Process}},
		stop:     func() { _ = api.Stop(stopWithin); backend.Kill() }, // a summary was written by then
	}, nil
}

// startStack starts the whole local system, of whose calls to DynamoDB some may fail.
func startStack(ctx context.Context, s settings) (*target, error) {
	options := stack.Options{}
	about := "The local system with DynamoDB Local"
	var faults *faulty
	if s.faults > 0 {
		faults = &faulty{percent: s.faults}
		options.DynamoDBProxy = faults.wrap
		about += fmt.Sprintf(", of whose answers %d %% are failures", s.faults)
	}
	system, err := stack.Start(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("start the local system: %w", err)
	}
	t, err := byInfo(ctx, system.Info)
	if err != nil {
		_ = system.Stop() //nolint:contextcheck // stopping has a time of its own
		return nil, err
	}
	t.about, t.faults = about, faults
	t.programs = []program{{"api", standin.ProcessOf(system.PIDs()[stack.PartAPI][0])}}
	t.stop = func() { _ = system.Stop() } //nolint:contextcheck // stopping has a time of its own
	return t, nil
}

// given is a service that runs already.
func given(ctx context.Context, s settings) (*target, error) {
	t := &target{about: "The service at " + s.url.String(), url: s.url, token: s.token, stop: func() {}}
	if t.token != "" {
		return t, nil
	}
	root, err := checkout.Root()
	if err != nil {
		return nil, fmt.Errorf("find .local/stack.json for a token: %w; give one as TOKEN", err)
	}
	state := filepath.Join(root, localsystem.StateFolder)
	info, err := localsystem.Read(state)
	if err != nil || info.APIURL != s.url.String() {
		return nil, fmt.Errorf("URL=%s needs a TOKEN: it is not the local system that .local/stack.json tells of", s.url)
	}
	if info, err = localsystem.Find(state); err != nil {
		return nil, fmt.Errorf("URL=%s: %w", s.url, err)
	}
	found, err := byInfo(ctx, info)
	if err != nil {
		return nil, err
	}
	t.token = found.token
	return t, nil
}

// byInfo gets a machine's token of a local system.
func byInfo(ctx context.Context, info stack.Info) (*target, error) {
	address, err := url.Parse(info.APIURL)
	if err != nil {
		return nil, fmt.Errorf("read the API's address: %w", err)
	}
	token, err := probe.MachineToken(ctx, info.TokenURL, info.ClientID, info.ClientSecret)
	if err != nil {
		return nil, err
	}
	return &target{url: address, token: token}, nil
}

// ready asks the service whether it serves, with the token, so that a mistake shows before a minute of failures.
func (t *target) ready(ctx context.Context) error {
	client := &probe.Client{Base: t.url.String(), Token: t.token, HTTP: probe.NewHTTP()}
	answer, err := client.Do(ctx, probe.Call{Path: "/auth/me"})
	if err != nil {
		return fmt.Errorf("%s does not answer: %w", t.url, err)
	}
	if answer.Status != http.StatusOK {
		return fmt.Errorf("%s does not take the token: status %d", t.url, answer.Status)
	}
	return nil
}
