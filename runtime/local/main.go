package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/sensorflow/sensorflow/runtime/client/localsystem"
)

// again is how soon after the first signal another one is taken for the same: one Ctrl-C can reach this process twice, directly
// and through make.
const again = 500 * time.Millisecond

// statusAtOnce is the exit status after a second signal.
const statusAtOnce = 130

func main() {
	ctx, stop := notifyContext(context.Background())
	err := run(ctx, os.Args[1:], os.Environ(), printer{os.Stdout})
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "local:", err)
		os.Exit(1)
	}
}

// notifyContext returns a context that ends with the first signal. The second one ends the process, and the system the
// children with it.
func notifyContext(parent context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go obey(signals, cancel, func() { os.Exit(statusAtOnce) })
	return ctx, func() { signal.Stop(signals); cancel() }
}

// obey asks for the end on the first signal and forces it on one that comes later than again.
func obey(signals <-chan os.Signal, ask, force func()) {
	<-signals
	first := time.Now()
	ask()
	for range signals {
		if time.Since(first) > again {
			force()
		}
	}
}

func run(ctx context.Context, args, environ []string, out printer) error {
	s, err := parse(args, environ, out)
	if err != nil {
		return err
	}
	switch s.command {
	case commandCut, commandHeal:
		return tell(ctx, s, out)
	case commandRunning:
		_, err := localsystem.Find(s.state)
		return err
	}
	if s.foreground {
		release := takeTerminal()
		defer release()
		var cancel context.CancelFunc
		ctx, cancel = endWithMake(ctx)
		defer cancel()
	}
	if s.command == commandDemo {
		return demo(ctx, s, out)
	}
	return serve(ctx, s, out, nil)
}
