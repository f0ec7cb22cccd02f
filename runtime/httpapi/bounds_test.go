package httpapi_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/httpapi"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/memory"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// attacked is an API in virtual time, whose connections hold nothing by themselves: what a client does not read, the API keeps.
type attacked struct {
	*fixture
	slow *slowTable
}

// underAttack serves an API within a memory plan, over a table that is slow.
func underAttack(t *testing.T, change func(*memory.Plan), test func(*attacked)) {
	t.Helper()
	inVirtualTime(t, func(t *testing.T, network func(*fixture)) {
		plan := memory.PlanFor(memory.LimitDefault)
		if change != nil {
			change(&plan)
		}
		a := &attacked{newFixture(t, httpapi.Options{Memory: plan}, network), &slowTable{turn: make(chan struct{}, 1)}}
		a.api.Saver, a.api.Batches = a.slow, a.slow
		test(a)
	})
}

// open opens a connection that ends with the test.
func (p *attacked) open() net.Conn {
	p.t.Helper()
	conn, err := p.connect(p.t.Context(), "tcp", "")
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// begin sends a request's text and returns the connection.
func (p *attacked) begin(format string, args ...any) net.Conn {
	conn := p.open()
	go func() { _, _ = fmt.Fprintf(conn, format, args...) }()
	return conn
}

// ask sends a request and reads the answer; 0 means that none came.
func (p *attacked) ask(method, path, token, body string) (status int, text string) {
	conn := p.open()
	defer func() { _ = conn.Close() }()
	go func() {
		_, _ = fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", method, path, token, len(body), body)
	}()
	return answerOn(conn)
}

func answerOn(conn net.Conn) (status int, text string) {
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, ""
	}
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, string(raw)
	}
	return response.StatusCode, string(raw)
}

// slowTable writes batches 25 readings at a time, each in 4 ms, and shares itself evenly among those who write.
type slowTable struct {
	turn    chan struct{}
	mu      sync.Mutex
	written int
}

func (s *slowTable) Save(context.Context, reading.Write) error { return nil }

func (s *slowTable) WriteInTurn(ctx context.Context, turn ingest.Turn, rs []reading.Write) error {
	leave, err := turn(ctx, len(rs))
	if err != nil {
		return err
	}
	defer leave()
	for n := 0; n < len(rs); n += contract.BatchStatementsMax {
		select {
		case s.turn <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		time.Sleep(4 * time.Millisecond)
		<-s.turn
		s.mu.Lock()
		s.written += contract.BatchStatementsMax
		s.mu.Unlock()
	}
	return nil
}

// At a table that takes 6,250 readings a second, 40 batches of 5,000 would take 32 s together. Those who come first are served
// in time, the rest hears so, and nearly all that is written is acknowledged.
func TestPostBatch_ManyAtOnceDoNotKeepEachOtherFromEnding(t *testing.T) {
	underAttack(t, nil, func(p *attacked) {
		var all sync.WaitGroup
		var mu sync.Mutex
		got := map[int]int{}
		for range 40 {
			all.Go(func() {
				status, _ := p.ask("POST", "/sensor-data/batch", tokenWriter, "["+manyReadings(contract.BatchReadingsMax, ",")+"]")
				mu.Lock()
				defer mu.Unlock()
				got[status]++
			})
		}
		all.Wait()
		acknowledged := got[http.StatusCreated] * contract.BatchReadingsMax
		if got[http.StatusCreated]+got[http.StatusServiceUnavailable] != 40 || acknowledged < p.slow.written*9/10 || acknowledged < 100_000 {
			t.Errorf("answers %v, acknowledged %d of %d written", got, acknowledged, p.slow.written)
		}
	})
}

// While one caller's batches fill the line, another's is served next.
func TestPostBatch_OneCallersQueueIsNotInAnothersWay(t *testing.T) {
	underAttack(t, nil, func(p *attacked) {
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				_, _ = p.ask("POST", "/sensor-data/batch", tokenWriter, "["+manyReadings(contract.BatchReadingsMax, ",")+"]")
			})
		}
		synctest.Wait()
		began := time.Now()
		if status, text := p.ask("POST", "/sensor-data/batch", tokenPerson, "["+manyReadings(100, ",")+"]"); status != http.StatusCreated {
			t.Errorf("status %d: %s", status, text)
		}
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("it took %s; the others' take 16 s in all", took)
		}
		all.Wait()
	})
}

// A batch that announces much and sends little holds little, and ends after 10 s; single readings go on meanwhile.
func TestSlowBody_HoldsWhatHasComeAndEndsInTime(t *testing.T) {
	underAttack(t, nil, func(p *attacked) {
		var slow []net.Conn
		began := time.Now()
		var clients sync.WaitGroup
		for range 500 {
			conn := p.begin("POST /sensor-data/batch HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n[",
				tokenWriter, contract.BatchBodyBytesMax)
			slow = append(slow, conn)
			clients.Go(func() {
				for {
					time.Sleep(time.Second)
					if _, err := io.WriteString(conn, strings.Repeat(" ", 200)); err != nil {
						return
					}
				}
			})
		}
		synctest.Wait()
		if status, text := p.ask("POST", "/sensor-data", tokenWriter, body("EQ-1", "2026-03-01T08:30:00Z", "1")); status != http.StatusCreated {
			t.Errorf("a single reading: status %d: %s", status, text)
		}
		if status, text := p.ask("POST", "/sensor-data/batch", tokenWriter, "["+body("EQ-1", "2026-03-01T08:30:00Z", "1")+"]"); status != http.StatusCreated {
			t.Errorf("a batch that comes at once: status %d: %s", status, text)
		}
		for _, conn := range slow {
			if status, text := answerOn(conn); status != http.StatusRequestTimeout || !strings.Contains(text, "slow-body") {
				t.Fatalf("a slow batch: status %d: %s", status, text)
			}
		}
		if took := time.Since(began); took > 11*time.Second {
			t.Errorf("slow batches were served for %s", took)
		}
		clients.Wait()
	})
}

// A kilobyte a second is slow and enough.
func TestSlowBody_IsReadWhereItIsFastEnough(t *testing.T) {
	underAttack(t, nil, func(p *attacked) {
		conn := p.open()
		sent := make(chan struct{})
		text := "[" + body("EQ-1", "2026-03-01T08:30:00Z", "1") + strings.Repeat(" ", 25_000) + "]"
		go func() {
			defer close(sent)
			_, _ = fmt.Fprintf(conn, "POST /sensor-data/batch HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", tokenWriter, len(text))
			for len(text) > 0 {
				n := min(len(text), 1300)
				_, _ = io.WriteString(conn, text[:n])
				text = text[n:]
				time.Sleep(time.Second)
			}
		}()
		if status, text := answerOn(conn); status != http.StatusCreated {
			t.Errorf("status %d: %s", status, text)
		}
		<-sent
	})
}

// largePage is an answer of 10,000 rows.
func largePage() aggregate.Answer {
	answer := aggregate.Answer{TotalCount: 1}
	for n := range contract.AggregatesPageMax {
		answer.Items = append(answer.Items, aggregate.Item{EquipmentID: reading.EquipmentID(fmt.Sprintf("EQ-%05d", n)), IntervalStart: testNow, SampleCount: 1})
	}
	return answer
}

// Clients that do not read hold no more than one caller may, others are served at once, and after 10 s they are cut off.
func TestGetAggregated_ClientsThatDoNotReadAreBounded(t *testing.T) {
	underAttack(t, nil, func(p *attacked) {
		p.windows.answer = largePage()
		const path = "/sensor-data/aggregated?interval=24h&limit=10000"
		for range 100 {
			p.begin("GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", path, tokenReader)
		}
		synctest.Wait()
		began := time.Now()
		if status, text := p.ask("GET", path, tokenPerson, ""); status != http.StatusOK || strings.Count(text, "EQ-") != contract.AggregatesPageMax {
			t.Errorf("another caller's page: status %d, %d rows", status, strings.Count(text, "EQ-"))
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("another caller's page took %s", took)
		}
		if status, _ := p.ask("GET", path, tokenReader, ""); status != http.StatusServiceUnavailable {
			t.Errorf("one more of the same caller: status %d", status)
		}
		time.Sleep(10*time.Second - time.Since(began))
		synctest.Wait()
		if status, _ := p.ask("GET", path, tokenReader, ""); status != http.StatusOK {
			t.Errorf("one more of the same caller once the others are cut off: status %d", status)
		}
		if !strings.Contains(p.log.String(), `"cut_off":true`) {
			t.Error("the log does not tell of those who were cut off")
		}
	})
}

// A client that reads slowly but steadily gets its page; one that does not is cut off after 10 s, or after a minute in all.
func TestGetAggregated_ASlowReaderGetsItsPage(t *testing.T) {
	for name, c := range map[string]struct {
		pause time.Duration
		whole bool
	}{
		"in half a minute": {time.Second, true},
		"in two minutes":   {4 * time.Second, false},
		"with long pauses": {11 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			underAttack(t, nil, func(p *attacked) {
				p.windows.answer = largePage()
				conn := p.begin("GET /sensor-data/aggregated?interval=24h&limit=10000 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", tokenReader)
				response, err := http.ReadResponse(bufio.NewReader(&slowly32K{Conn: conn, pause: c.pause}), nil)
				if err != nil {
					t.Fatal(err)
				}
				text, err := io.ReadAll(response.Body)
				if whole := err == nil && strings.Count(string(text), "EQ-") == contract.AggregatesPageMax; whole != c.whole {
					t.Errorf("%d bytes came, error %v", len(text), err)
				}
			})
		})
	}
}

// slowly32K pauses after each 32 KiB.
type slowly32K struct {
	net.Conn
	pause time.Duration
	read  int
}

// Read implements io.Reader.
func (s *slowly32K) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	if s.read += n; s.read >= 32<<10 {
		s.read = 0
		time.Sleep(s.pause)
	}
	return n, err
}

// Every connection beyond those that there is memory for takes the place of one that is idle, and is refused where none is.
func TestConnections_AreBounded(t *testing.T) {
	underAttack(t, func(p *memory.Plan) { p.Connections = 10 }, func(p *attacked) {
		var idle []net.Conn
		for range 30 {
			idle = append(idle, p.open())
			time.Sleep(time.Millisecond) // those that are there longest are closed first
		}
		for n, conn := range idle {
			_ = conn.SetReadDeadline(time.Now().Add(time.Millisecond))
			_, err := conn.Read(make([]byte, 1))
			if closed := errors.Is(err, io.EOF); closed != (n < 20) {
				t.Errorf("connection %d of 30: %v", n, err)
			}
		}
		if status, _ := p.ask("GET", "/healthz", "", ""); status != http.StatusOK {
			t.Errorf("beside idle connections: status %d", status)
		}
		for range 10 { // whose headers never come to their end: they are not busy yet
			p.begin("GET / HTTP/1.1\r\nHost: x\r\nX: ")
			time.Sleep(time.Millisecond) // which of them is idle for longest must be plain
		}
		synctest.Wait()
		if status, _ := p.ask("GET", "/healthz", "", ""); status != http.StatusOK {
			t.Errorf("beside unfinished headers: status %d", status)
		}
		for range 10 { // whose bodies never come to their end
			p.begin("POST /sensor-data HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{", tokenWriter)
			time.Sleep(time.Millisecond)
		}
		synctest.Wait()
		if status, text := p.ask("GET", "/healthz", "", ""); status != http.StatusServiceUnavailable || !strings.Contains(text, "as many connections") {
			t.Errorf("beside busy ones: status %d %s", status, text)
		}
		time.Sleep(20 * time.Second) // a body must go on within 10 s, and its refusal be read within 10 s more
		synctest.Wait()
		if status, _ := p.ask("GET", "/healthz", "", ""); status != http.StatusOK {
			t.Errorf("once those have ended: status %d", status)
		}
	})
}

// Headers are bounded together: many connections with long ones are refused before they hold too much.
func TestConnections_HeadersAreBoundedTogether(t *testing.T) {
	underAttack(t, func(p *memory.Plan) { p.Headers = 100 << 10 }, func(p *attacked) {
		long := strings.Repeat("x", 20<<10)
		var conns []net.Conn
		for range 20 {
			conns = append(conns, p.begin("GET / HTTP/1.1\r\nHost: x\r\nX-Long: %s\r\n", long)) // and no end
		}
		synctest.Wait()
		refused := 0
		for _, conn := range conns {
			_ = conn.SetReadDeadline(time.Now().Add(time.Millisecond))
			if status, _ := answerOn(conn); status == http.StatusServiceUnavailable {
				refused++
			}
		}
		if refused < 14 {
			t.Errorf("%d of 20 were refused; there is room for six at most", refused)
		}
		if status, _ := p.ask("GET", "/healthz", "", ""); status != http.StatusOK {
			t.Errorf("a short request meanwhile: status %d", status)
		}
		for range 20 { // one after the other they fit
			if status, text := p.ask("GET", "/?"+long[:20], "", ""); status != http.StatusOK {
				t.Errorf("status %d: %s", status, text)
			}
		}
	})
}

// A server that shuts down does not wait for connections on which nothing has ever come.
func TestShutdown_DoesNotWaitForUnusedConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork()
		connections := httpapi.NewConnections(memory.PlanFor(memory.LimitDefault))
		server := httpapi.NewHTTPServer("", http.NotFoundHandler(), connections)
		served := make(chan error, 1)
		go func() { served <- server.Serve(connections.Listen(n)) }()
		conn, err := n.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		began := time.Now()
		if err := server.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %s", took)
		}
		_ = conn.Close()
		<-served
	})
}

// What a batch's answer says is bounded, in bytes and so in memory; every reading that is not stored is named all the same.
func TestPostBatch_FaultsAreCapped(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	var members []string
	for i := range 10 {
		members = append(members, fmt.Sprintf("\"%d%s\":0", i, strings.Repeat("\u2028", 29)))
	}
	bad := "{" + strings.Join(members, ",") + "}"
	got := f.do(call{method: "POST", path: "/sensor-data/batch", token: tokenWriter, body: "[" + body("EQ-1", "2026-03-01T08:30:00Z", "1") + strings.Repeat(","+bad, contract.BatchReadingsMax-1) + "]"})
	var answer struct {
		Accepted int
		Rejected []struct {
			Index  int
			Errors []struct{ Field string }
		}
	}
	got.decode(t, &answer)
	if got.status != http.StatusCreated || answer.Accepted != 1 || len(answer.Rejected) != contract.BatchReadingsMax-1 {
		t.Fatalf("status %d, %d accepted, %d rejected", got.status, answer.Accepted, len(answer.Rejected))
	}
	for i, r := range answer.Rejected {
		if r.Index != i+1 || i < 10 && len(r.Errors) < 10 {
			t.Fatalf("place %d: index %d with %d errors", i, r.Index, len(r.Errors))
		}
	}
	if len(got.body) > 256<<10 {
		t.Errorf("the answer has %d bytes", len(got.body))
	}
}

// One element that is too long is passed over, whatever is in it, and the others are stored.
func TestPostBatch_ALongElementIsPassedOver(t *testing.T) {
	f := newFixture(t, httpapi.Options{})
	good := body("EQ-1", "2026-03-01T08:30:00Z", "1")
	for name, long := range map[string]string{
		"an object":  `{"x":"` + strings.Repeat("y", 100_000) + `"}`,
		"brackets":   `{"x":["` + strings.Repeat(`]}\"`, 50_000) + `"]}`,
		"a string":   `"` + strings.Repeat(`\\\"`, 50_000) + `"`,
		"a number":   strings.Repeat("1", 100_000),
		"deep lists": strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000),
	} {
		got := f.do(call{method: "POST", path: "/sensor-data/batch", token: tokenWriter, body: "[" + good + "," + long + " , " + good + "]"})
		want := `{"accepted":2,"rejected":[{"index":1,"errors":[{"field":"reading","reason":"must be at most 64 KiB long"}]}]}` + "\n"
		if got.status != http.StatusCreated || got.body != want {
			t.Errorf("%s: status %d: %.300s", name, got.status, got.body)
		}
	}
}
