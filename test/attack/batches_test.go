package attack_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/test/contract/probe"
)

// answerBytesMax is far more than the answer to a batch needs to be of use.
const answerBytesMax = 256 << 10

// faultyBatches sends batches of the largest length whose objects have ten unknown names each, of characters that JSON writes
// longer than they came.
func faultyBatches(t *testing.T, s *target) {
	s.table.turnOn(0, tableLatency)
	clients := sized(4, 24)
	body := faultyBody()
	var mu sync.Mutex
	got, largest := status{}, 0
	var work sync.WaitGroup
	for range clients {
		work.Go(func() {
			code, size := 0, 0
			if answer, err := s.Client.Do(t.Context(), probe.Call{Path: "/sensor-data/batch", Body: body}); err == nil {
				code, size = answer.Status, len(answer.Body)
			}
			mu.Lock()
			defer mu.Unlock()
			got[code]++
			largest = max(largest, size)
		})
	}
	work.Wait()
	t.Logf("%d batches of %.1f MB: %v, the largest answer %.2f MB", clients, float64(len(body))/1e6, got, float64(largest)/1e6)
	if largest > answerBytesMax {
		t.Errorf("an answer has %d bytes, more than %d", largest, answerBytesMax)
	}
	if got[0] > 0 {
		t.Errorf("%d had no answer", got[0])
	}
	staysBelowTheLimit(t, s)
}

// faultyBody is a batch of one good reading and many bad ones.
func faultyBody() []byte {
	return []byte("[" + reading("faults", 1) + strings.Repeat(","+unknownNames(), contract.BatchReadingsMax-1) + "]")
}

// unknownNames is an object with ten unknown names of 29 line separators, which are 3 bytes here and 6 in an answer.
func unknownNames() string {
	var members []string
	for i := range 10 {
		members = append(members, fmt.Sprintf("\"\\b%d%s\":0", i, strings.Repeat("\u2028", 29)))
	}
	return "{" + strings.Join(members, ",") + "}"
}

// tricklingBatches holds connections open on which a large batch comes at 200 B/s, and sends single readings beside them.
func tricklingBatches(t *testing.T, s *target) {
	s.table.turnOn(0, tableLatency)
	connections, lasts := sized(40, 80), sized(6*time.Second, 25*time.Second)
	ctx, cancel := context.WithTimeout(t.Context(), lasts)
	defer cancel()
	var work sync.WaitGroup
	for n := range connections {
		// The last ones fit into what the large ones leave free.
		bytes := contract.BatchBodyBytesMax
		if n >= 25 {
			bytes = max(bytes*2/5>>(n-25), 1<<10)
		}
		work.Go(func() { s.trickle(ctx, t, bytes) })
		time.Sleep(10 * time.Millisecond) // in this order
	}
	time.Sleep(500 * time.Millisecond)
	got := s.singlesMeanwhile(ctx, t, 20)
	work.Wait()
	t.Logf("beside %d trickling batches single readings were answered %v", connections, got)
	if share := got.share(http.StatusCreated); share < 1 {
		t.Errorf("%.0f %% of the single readings were stored, want all", 100*share)
	}
}

// trickle sends the beginning of a batch of so many bytes until ctx ends or the API hangs up.
func (s *target) trickle(ctx context.Context, t *testing.T, bytes int) {
	t.Helper()
	conn := s.dialQuietly(ctx)
	if conn == nil {
		return
	}
	defer func() { _ = conn.Close() }()
	_, err := fmt.Fprintf(conn, "POST /sensor-data/batch HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n[", s.Client.Token, bytes)
	text := reading("trickle", 1) + "," + strings.Repeat(" ", 200)
	for ticker := time.NewTicker(time.Second); err == nil; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			_, err = io.WriteString(conn, text[:200])
		}
	}
}

// singlesMeanwhile sends single readings, so many a second, until ctx ends.
func (s *target) singlesMeanwhile(ctx context.Context, t *testing.T, perSecond int) status {
	t.Helper()
	got := status{}
	ticker := time.NewTicker(time.Second / time.Duration(perSecond))
	defer ticker.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return got
		case <-ticker.C:
		}
		answer, err := s.Client.Do(t.Context(), probe.Call{Path: "/sensor-data", Body: []byte(reading("single", n))})
		if err != nil {
			got[0]++
			continue
		}
		got[answer.Status]++
	}
}

// largeBatches sends batches of 5,000 readings all at once to a table that takes 6,250 readings a second.
func largeBatches(t *testing.T, s *target) {
	const clients, lanes, latency = 24, 4, 16 * time.Millisecond
	s.table.turnOn(lanes, latency)
	var mu sync.Mutex
	got := status{}
	var work sync.WaitGroup
	began := time.Now()
	var last time.Duration
	for n := range clients {
		body := batchOf(fmt.Sprintf("large-%d", n), contract.BatchReadingsMax)
		work.Go(func() {
			code := 0
			if answer, err := s.Client.Do(t.Context(), probe.Call{Path: "/sensor-data/batch", Body: body}); err == nil {
				code = answer.Status
			}
			mu.Lock()
			defer mu.Unlock()
			if got[code]++; code == http.StatusCreated {
				last = time.Since(began)
			}
		})
	}
	work.Wait()
	s.table.mu.Lock()
	written := s.table.written
	s.table.mu.Unlock()
	acknowledged := got[http.StatusCreated] * contract.BatchReadingsMax
	t.Logf("%d batches of %d in %.1f s: %v; acknowledged %d readings, written %d; the last 201 after %.1f s", clients, contract.BatchReadingsMax,
		time.Since(began).Seconds(), got, acknowledged, written, last.Seconds())
	if acknowledged < written*8/10 {
		t.Errorf("of %d readings written only %d are in batches that were acknowledged", written, acknowledged)
	}
}

func batchOf(equipment string, n int) []byte {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = reading(equipment, i)
	}
	return []byte("[" + strings.Join(lines, ",") + "]")
}
