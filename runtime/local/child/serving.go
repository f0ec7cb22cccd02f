package child

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// ErrEnded means that a process ended by itself.
var ErrEnded = errors.New("its process has ended")

// servingWithin bounds how long a server may take to answer. DynamoDB Local takes 3 to 4 s on two idle cores, and on busy ones it has
// taken more than a minute; one that ends is not waited for.
const servingWithin = 3 * time.Minute

// ErrPortInUse means that another program listens on a port.
var ErrPortInUse = errors.New("is in use by another program; stop that one or choose another PORT")

// Ports that FreePort finds are within these bounds. They lie below what the system hands out by itself (32768 and up on Linux,
// 49152 and up elsewhere): a port is bound again by a child only later, and again after a restart, and a connection that
// somebody opened in between must not have taken it.
const (
	portMin = 15000
	portMax = 32000
)

// FreePort makes sure that nobody listens on a port of 127.0.0.1, or finds such a port for 0. One that it found is not found again,
// by any process, before ctx ends: seconds may pass until a child listens on it.
func FreePort(ctx context.Context, port int) (int, error) {
	if port != 0 {
		return port, free(ctx, port)
	}
	for range 100 {
		port = portMin + rand.IntN(portMax-portMin)
		err := reserve(ctx, port)
		if err == nil {
			err = free(ctx, port)
		}
		if !errors.Is(err, ErrPortInUse) {
			return port, err
		}
	}
	return 0, errors.New("find a free port: 100 ports that were tried are all in use")
}

// reserve marks a port until ctx ends. The mark is the UDP port of the same number, which no child uses: the system gives it to
// one process alone, and takes it back from one that has ended.
func reserve(ctx context.Context, port int) error {
	mark, err := new(net.ListenConfig).ListenPacket(ctx, "udp", "127.0.0.1:"+strconv.Itoa(port))
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("port %d %w", port, ErrPortInUse)
	}
	if err != nil {
		return fmt.Errorf("reserve a port: %w", err)
	}
	context.AfterFunc(ctx, func() { _ = mark.Close() }) // nothing was sent to it
	return nil
}

func free(ctx context.Context, port int) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:"+strconv.Itoa(port))
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("port %d %w", port, ErrPortInUse)
	}
	if err != nil {
		return fmt.Errorf("find a free port: %w", err)
	}
	_ = listener.Close() // it has served its purpose
	return nil
}

// WaitServing returns once the address answers with a status below 500, for three minutes at most. A process that ends before
// is ErrEnded.
func (p *Process) WaitServing(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, servingWithin)
	defer cancel()
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	go func() { // another process may listen on the port of one that has ended, and may not answer
		select {
		case <-p.exited:
			end(ErrEnded)
		case <-ctx.Done():
		}
	}()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		status := ask(ctx, address)
		if status != 0 && status < http.StatusInternalServerError {
			return nil
		}
		select {
		case <-ctx.Done():
			if err := context.Cause(ctx); !errors.Is(err, ErrEnded) {
				return fmt.Errorf("wait until it serves (last status %d): %w", status, err)
			}
			return ErrEnded
		case <-tick.C:
		}
	}
}

// ask returns the status of the address's answer, 0 where there is none.
func ask(ctx context.Context, address string) (status int) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	_ = response.Body.Close() // the status is all that counts
	return response.StatusCode
}
