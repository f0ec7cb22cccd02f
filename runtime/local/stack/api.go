package stack

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/child"
)

const (
	// apiDrain and apiStopWithin leave the other parts their time: all must have ended after 10 s.
	apiDrain      = 4 * time.Second
	apiStopWithin = 5 * time.Second
	// aggregateCacheTTL and streamPollInterval, with the time that an invocation takes, stay well below the 2 s within which a
	// reading shows in the local stack's aggregates.
	aggregateCacheTTL  = 500 * time.Millisecond
	streamPollInterval = 200 * time.Millisecond
)

// startAPI runs the API and waits until it is ready.
func (s *Stack) startAPI(ctx context.Context) error {
	settings := map[string]string{
		contract.EnvListenAddress:     fmt.Sprintf("127.0.0.1:%d", s.options.Port),
		contract.EnvPublicURL:         strings.TrimSuffix(s.Info.APIURL, ":80"), // as browsers write it; the documents name it
		contract.EnvAllowedOrigins:    strings.Join(s.options.AllowedOrigins, ","),
		contract.EnvDrainTimeout:      apiDrain.String(),
		contract.EnvAggregateCacheTTL: aggregateCacheTTL.String(),
	}
	maps.Copy(settings, s.pool.environment)
	environ, err := s.environment(ctx, PartAPI, settings)
	if err != nil {
		return fmt.Errorf("start the API: %w", err)
	}
	process, err := child.Start(child.Program{Path: filepath.Join(s.bin, "api"), Env: environ, Output: s.options.Logs(PartAPI)})
	if err != nil {
		return fmt.Errorf("start the API: %w", err)
	}
	s.mu.Lock()
	s.api = process
	s.mu.Unlock()
	s.watch(PartAPI, process.Exited(), func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.api != process
	})
	if err := process.WaitServing(ctx, s.Info.APIURL+"/readyz"); err != nil {
		return &PartError{PartAPI, err}
	}
	return nil
}

// KillAPI ends the API with SIGKILL, as a failing host would, and returns once it is gone. RestartAPI brings it back.
func (s *Stack) KillAPI() {
	s.mu.Lock()
	process := s.api
	s.api = nil
	s.mu.Unlock()
	if process != nil {
		process.Kill()
	}
}

// RestartAPI starts the API again at the same address and waits until it is ready. One that still runs is drained first.
func (s *Stack) RestartAPI(ctx context.Context) error {
	s.mu.Lock()
	process := s.api
	s.api = nil
	s.mu.Unlock()
	if process != nil {
		if err := process.Stop(apiStopWithin); err != nil {
			return fmt.Errorf("stop the API: %w", err)
		}
	}
	return s.startAPI(ctx)
}
