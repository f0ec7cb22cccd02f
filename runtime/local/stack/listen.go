package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

const headerTimeout = 10 * time.Second

// ErrPortInUse means that another program listens on the port that the API was to have.
var ErrPortInUse = errors.New("is in use by another program; stop that one or choose another PORT")

// freePort makes sure that a port is free, or finds one for 0.
func freePort(port int) (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port)) //nolint:noctx // it listens at once or not at all
	if errors.Is(err, syscall.EADDRINUSE) {
		return 0, fmt.Errorf("port %d %w", port, ErrPortInUse)
	}
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port, nil // TCP was asked for
}

// listen takes a free port of this machine, the one of the address if it is free.
func listen(ctx context.Context, address string) (net.Listener, error) {
	var config net.ListenConfig
	if address != "" {
		if listener, err := config.Listen(ctx, "tcp", address); err == nil {
			return listener, nil
		}
	}
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return listener, nil
}

// serve answers until the stack stops, and returns the address.
func (s *Stack) serve(part string, listener net.Listener, handler http.Handler) string {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: headerTimeout}
	s.servers = append(s.servers, server)
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.fail(part, err)
		}
	}()
	return "http://" + listener.Addr().String()
}

// waitHealthy asks the address until it answers 200, the process ends or ctx does.
func waitHealthy(ctx context.Context, address string, exited <-chan struct{}) error {
	const pause, within = 20 * time.Millisecond, time.Minute
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			return fmt.Errorf("ask for health: %w", err)
		}
		status := 0
		if response, err := http.DefaultClient.Do(r); err == nil {
			status = response.StatusCode
			_ = response.Body.Close() // its status is all that counts
		}
		if status == http.StatusOK {
			return nil
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-exited:
			return errEnded
		case <-ctx.Done():
			return fmt.Errorf("wait for health (last status %d): %w", status, ctx.Err())
		}
	}
}
