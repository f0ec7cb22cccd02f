package profiling

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/contract/rule"
)

// headerTimeout bounds how long a request's header may take. A profile itself takes as long as it is asked to.
const headerTimeout = 5 * time.Second

// Serve answers below http://<address>/debug/pprof/ until stop is called, which waits for nobody. An empty address serves nothing.
// It logs where it listens, since port 0 takes any. The error tells that the address is not loopback, or that it is taken.
func Serve(ctx context.Context, address string, log *slog.Logger) (stop func(), err error) {
	if address == "" {
		return func() {}, nil
	}
	if err := rule.Loopback(contract.EnvPprofAddress, address).Err(); err != nil {
		return nil, err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("serve profiles at %s: %w", contract.EnvPprofAddress, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index) // which knows goroutine, heap, allocs, block, mutex and threadcreate
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: headerTimeout}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // it ends when it is closed
	}()
	log.InfoContext(ctx, "profiles are served", "pprof_address", listener.Addr().String())
	return func() { _ = server.Close(); <-served }, nil
}
