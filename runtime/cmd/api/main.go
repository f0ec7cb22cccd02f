package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/sensorflow/sensorflow/runtime/config"
	"github.com/sensorflow/sensorflow/runtime/httpapi"
	"github.com/sensorflow/sensorflow/runtime/memory"
	"github.com/sensorflow/sensorflow/runtime/profiling"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := run(ctx, os.Args[1:], os.Environ(), os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run is the program: it serves until ctx ends, or asks a running server how it is. It logs to stderr.
func run(ctx context.Context, args, environ []string, stderr io.Writer) error {
	cfg, err := config.LoadAPI(environ)
	profiles, profilesErr := config.LoadProfiling(environ)
	if err := errors.Join(err, profilesErr); err != nil {
		return fmt.Errorf("the environment does not configure the API:\n%w", err)
	}
	switch {
	case len(args) == 1 && args[0] == "healthcheck":
		return healthcheck(ctx, cfg.ListenAddress)
	case len(args) > 0:
		return fmt.Errorf("unknown arguments %q; there is only: healthcheck", args)
	}
	log := config.NewLogger(stderr, cfg.LogLevel)
	plan := memory.PlanFor(memory.Limit(int64(cfg.MemoryLimitMiB)<<20, os.DirFS("/")))
	log.InfoContext(ctx, "configured", "config", cfg, "memory_limit_bytes", plan.Limit)
	defer govern(environ, plan)()
	stopProfiles, err := profiling.Serve(ctx, profiles.PprofAddress, log)
	if err != nil {
		return err
	}
	defer stopProfiles()
	parts, err := wire(ctx, cfg, plan, log)
	if err != nil {
		return err
	}
	if err := parts.start(ctx); err != nil {
		return errors.Join(err, parts.close(context.WithoutCancel(ctx)))
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.ListenAddress)
	if err != nil {
		return errors.Join(fmt.Errorf("listen: %w", err), parts.close(context.WithoutCancel(ctx)))
	}
	connections := httpapi.NewConnections(plan)
	server := httpapi.NewHTTPServer(cfg.ListenAddress, parts.api, connections)
	server.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelWarn)
	s := &service{server: server, drainTimeout: cfg.DrainTimeout, begin: parts.api.Drain, finish: parts.close, log: log}
	return s.serve(ctx, connections.Listen(listener))
}

// govern tells the garbage collector what it has, unless who started the process has. It lasts until it is ended.
func govern(environ []string, plan memory.Plan) (end func()) {
	says := func(key string) bool {
		return slices.ContainsFunc(environ, func(line string) bool { return strings.HasPrefix(line, key+"=") })
	}
	cushion, end := int64(0), func() {}
	if !says("GOGC") {
		debug.SetGCPercent(memory.GarbagePercent)
		cushion, end = memory.CushionBytes, memory.Cushion(memory.CushionBytes)
	}
	if !says("GOMEMLIMIT") {
		debug.SetMemoryLimit(plan.Soft + cushion)
	}
	return end
}

// healthcheckTimeout stays below what container schedulers wait for a health check, 5 s unless set.
const healthcheckTimeout = 2 * time.Second

// healthcheck asks the server that listens on address whether it lives.
func healthcheck(ctx context.Context, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("read the listen address: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	ctx, cancel := context.WithTimeout(ctx, healthcheckTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/healthz", nil)
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("ask for health: %w", err)
	}
	if err := response.Body.Close(); err != nil {
		return fmt.Errorf("ask for health: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("ask for health: status %d", response.StatusCode)
	}
	return nil
}
