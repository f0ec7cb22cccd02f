package httpapi

import (
	"container/list"
	"context"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/sensorflow/sensorflow/runtime/admission"
	"github.com/sensorflow/sensorflow/runtime/memory"
)

const (
	// socketBytes bounds what the kernel holds of a connection in each direction, beside twice as much for its own use. Left to
	// itself it gives megabytes to a client that does not read, and counts them as the container's.
	socketBytes = 64 << 10
	// refusalTimeout bounds telling a client that there is no room for its connection. A new one takes it at once.
	refusalTimeout = 100 * time.Millisecond
)

// errConnectionsFull is the answer to a connection beyond those that there is memory for.
var errConnectionsFull = &problem{kind: problemUnavailable, message: "The service has as many connections as it can; try again shortly."}

// Connections bounds the connections of a server: how many are open, and what their headers hold. When there are as many as may
// be, the one that has been idle for longest makes room for a new one. It is safe for concurrent use.
type Connections struct {
	most    int
	headers *admission.Gate

	mu   sync.Mutex
	open int
	idle *list.List // of those that wait for a request, the longest first
}

// NewConnections returns bounds that go by a plan.
func NewConnections(plan memory.Plan) *Connections {
	return &Connections{most: plan.Connections, headers: admission.NewGate(plan.Headers, 0), idle: list.New()}
}

// Listen returns a listener whose connections are bounded, and whose refusals are problems.
func (c *Connections) Listen(inner net.Listener) net.Listener { return listener{inner, c} }

// attach has the server tell how its connections fare.
func (c *Connections) attach(s *http.Server) {
	s.ConnState = func(of net.Conn, state http.ConnState) {
		if one, ok := of.(*conn); ok {
			c.note(one, state)
		}
	}
	s.ConnContext = func(ctx context.Context, of net.Conn) context.Context { return context.WithValue(ctx, connKey{}, of) }
	s.RegisterOnShutdown(c.closeUnused)
}

type connKey struct{}

// requestBegins tells a request's connection that its headers are there, and returns it; nil where there is none.
func requestBegins(r *http.Request) *conn {
	c, known := r.Context().Value(connKey{}).(*conn)
	if known {
		c.serving.Store(true)
	}
	return c
}

// admit makes room for a new connection, or returns nil where there is none. Whoever is closed for it is to be closed by the
// caller.
func (c *Connections) admit(accepted net.Conn) (admitted, closed *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.open >= c.most {
		oldest := c.idle.Front()
		if oldest == nil {
			return nil, nil
		}
		closed, _ = oldest.Value.(*conn)
		c.leaves(closed)
	}
	c.open++
	admitted = &conn{Conn: accepted, owner: c}
	if of, ok := accepted.(syscall.Conn); ok {
		admitted.raw, _ = of.SyscallConn() // without it, net/http tells when the client leaves
	}
	admitted.place = c.idle.PushBack(admitted)
	return admitted, closed
}

// note follows a connection through its states.
func (c *Connections) note(of *conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch state {
	case http.StateActive:
		c.busy(of)
	case http.StateIdle:
		of.requestEnds()
		if of.place == nil && !of.left {
			of.place = c.idle.PushBack(of)
		}
	case http.StateClosed, http.StateHijacked:
		c.leaves(of)
	case http.StateNew:
	}
}

// busy takes a connection out of the idle ones; c.mu is held.
func (c *Connections) busy(of *conn) {
	if of.place != nil {
		c.idle.Remove(of.place)
		of.place = nil
	}
}

// leaves no longer counts a connection; c.mu is held.
func (c *Connections) leaves(of *conn) {
	c.busy(of)
	of.requestEnds()
	if !of.left {
		of.left = true
		c.open--
	}
}

// closeUnused closes the connections on which nothing has ever come. A server that shuts down would wait for them.
func (c *Connections) closeUnused() {
	c.mu.Lock()
	var unused []*conn
	for place := c.idle.Front(); place != nil; place = place.Next() {
		if one, ok := place.Value.(*conn); ok && !one.used.Load() {
			unused = append(unused, one)
		}
	}
	c.mu.Unlock()
	for _, one := range unused {
		_ = one.Close() // nobody waits for anything on it
	}
}

type listener struct {
	net.Listener
	connections *Connections
}

// Accept implements net.Listener.
func (l listener) Accept() (net.Conn, error) {
	for {
		accepted, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if tcp, ok := accepted.(*net.TCPConn); ok {
			_ = tcp.SetReadBuffer(socketBytes) // without it the connection works as well
			_ = tcp.SetWriteBuffer(socketBytes)
		}
		admitted, closed := l.connections.admit(accepted)
		if closed != nil {
			_ = closed.Close() // it was idle
		}
		if admitted != nil {
			return admitted, nil
		}
		_ = accepted.SetDeadline(time.Now().Add(refusalTimeout))
		_, _ = accepted.Write(asAnswer(errConnectionsFull)) // who does not take it learns from the end of the connection
		_ = accepted.Close()
	}
}

// conn is a connection that counts what its headers hold and turns net/http's refusals into problems.
type conn struct {
	net.Conn
	raw   syscall.RawConn // nil where the connection has none
	owner *Connections

	used    atomic.Bool // something has come
	serving atomic.Bool // a handler has the request; what comes belongs to its body, which is counted there

	// place and left belong to the owner's mutex.
	place *list.Element
	left  bool

	mu      sync.Mutex
	header  int64
	hold    *admission.Hold
	refusal *problem // what to say in place of net/http's own refusal
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.used.Store(true)
		if !c.serving.Load() {
			if full := c.count(int64(n)); full != nil {
				return 0, full
			}
		}
	}
	return n, err
}

// count sets memory aside for headers beyond what a connection holds in any case.
func (c *conn) count(n int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	over := max(c.header+n-memory.HeaderBytesFree, 0) - max(c.header-memory.HeaderBytesFree, 0)
	c.header += n
	if over == 0 {
		return nil
	}
	if c.hold == nil {
		var err error
		if c.hold, err = c.owner.headers.Try("", over); err != nil {
			c.refusal = refused(err)
			return err
		}
		return nil
	}
	if err := c.hold.Grow(over); err != nil {
		c.refusal = refused(err)
		return err
	}
	return nil
}

// requestEnds gives back what the headers held.
func (c *conn) requestEnds() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.serving.Store(false)
	if c.header = 0; c.hold != nil {
		c.hold.Leave()
		c.hold = nil
	}
}

// CloseWrite lets net/http end an answer without cutting off a client that is still sending.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	refusal := ownRefusal(p)
	if refusal == nil {
		return c.Conn.Write(p)
	}
	c.mu.Lock()
	if c.refusal != nil {
		refusal = c.refusal
	}
	c.mu.Unlock()
	if _, err := c.Conn.Write(asAnswer(refusal)); err != nil {
		return 0, err
	}
	return len(p), nil
}
