package attack_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/test/contract/probe"
)

// mixLasts is how long everything goes on at once.
const mixLasts = 40 * time.Second

// everythingAtOnce lets one caller attack in every way at the same time, and another one send single readings and ask for small
// pages meanwhile.
func everythingAtOnce(t *testing.T, s *target) {
	s.fillAggregates(t)
	s.table.turnOn(8, 8*time.Millisecond)
	s.table.throttle("noisy")
	victim := s.signIn(t)
	ctx, cancel := context.WithTimeout(t.Context(), mixLasts)
	defer cancel()
	m := &mix{target: s, t: t, got: map[string]status{}}
	for kind, one := range map[string]struct {
		clients int
		attack  func(context.Context, int) int
	}{
		"batches of faults":        {24, m.batch(faultyBody())},
		"large batches":            {24, m.batch(batchOf("mixed", contract.BatchReadingsMax))},
		"files":                    {32, m.file()},
		"pages that are read":      {50, m.page},
		"pages that are not read":  {400, m.deaf},
		"trickling batches":        {200, m.trickles},
		"throttled readings":       {50, m.throttled},
		"idle connections":         {5000, m.idle},
		"headers without an end":   {500, m.headers},
		"wrong sign-ins":           {50, m.guess},
		"connections that go away": {100, m.leave},
	} {
		for n := range one.clients {
			m.work.Go(func() {
				for ctx.Err() == nil {
					m.note(kind, one.attack(ctx, n))
				}
			})
		}
	}
	singles, pages := status{}, status{}
	m.work.Go(func() { singles = victim.singlesMeanwhile(ctx, t, 20) })
	m.work.Go(func() { pages = victim.smallPages(ctx, t) })
	m.work.Wait()
	for kind, got := range m.got {
		t.Logf("%s: %v", kind, got)
	}
	t.Logf("another caller's single readings: %v, small pages: %v", singles, pages)
	if singles.share(http.StatusCreated) < 1 || pages.share(http.StatusOK) < 1 {
		t.Error("another caller is refused")
	}
	staysBelowTheLimit(t, s)
}

// signIn returns the target as another caller: a person.
func (s *target) signIn(t *testing.T) *target {
	t.Helper()
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte(s.Info.Username+":"+s.Info.Password))
	answer, err := (&probe.Client{Base: s.Info.APIURL}).Do(t.Context(), probe.Call{
		Method: http.MethodPost, Path: "/auth/login", Header: map[string]string{"Authorization": basic},
	})
	if err != nil || answer.Status != http.StatusOK {
		t.Fatalf("sign in: %v, %d", err, answer.Status)
	}
	token, _, _ := strings.Cut(strings.TrimPrefix(answer.Header.Get("Set-Cookie"), contract.CookieName+"="), ";")
	other := *s.System
	other.Client = &probe.Client{Base: s.Info.APIURL, Token: token, HTTP: probe.NewHTTP()}
	return &target{&other, s.table}
}

// smallPages asks for pages of one equipment until ctx ends.
func (s *target) smallPages(ctx context.Context, t *testing.T) status {
	t.Helper()
	got := status{}
	for n := 1; ctx.Err() == nil; n = n%pageItems + 1 {
		path := "/sensor-data/aggregated?interval=24h&equipmentId=" + pageEquipment(n)
		if n%2 == 0 {
			path = "/sensor-data?limit=10&equipmentId=" + pageEquipment(n)
		}
		answer, err := s.Client.Do(t.Context(), probe.Call{Path: path})
		if err != nil {
			answer.Status = 0
		}
		got[answer.Status]++
		time.Sleep(100 * time.Millisecond)
	}
	return got
}

// mix is attackers of many kinds. Each attack returns its status, 0 where it had no answer or wanted none.
type mix struct {
	*target
	t    *testing.T
	work sync.WaitGroup
	mu   sync.Mutex
	got  map[string]status
	n    atomic.Int64
}

func (m *mix) note(kind string, code int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.got[kind] == nil {
		m.got[kind] = status{}
	}
	m.got[kind][code]++
}

func (m *mix) do(ctx context.Context, call probe.Call) int {
	answer, err := m.Client.Do(ctx, call)
	if err != nil {
		time.Sleep(100 * time.Millisecond)
		return 0
	}
	return answer.Status
}

func (m *mix) batch(body []byte) func(context.Context, int) int {
	return func(ctx context.Context, _ int) int {
		return m.do(ctx, probe.Call{Path: "/sensor-data/batch", Body: body})
	}
}

// file sends files of almost the largest size.
func (m *mix) file() func(context.Context, int) int {
	var form bytes.Buffer
	writer := multipart.NewWriter(&form)
	part, err := writer.CreateFormFile("file", "mix.csv")
	if err != nil {
		m.t.Fatal(err)
	}
	_, _ = io.WriteString(part, "equipmentId,timestamp,value\n"+strings.Repeat("x,y,z\n", 30<<20/6)) // a buffer takes everything
	_ = writer.Close()
	return func(ctx context.Context, _ int) int {
		return m.do(ctx, probe.Call{
			Path: "/sensor-data/upload-csv", Body: form.Bytes(), Header: map[string]string{"Content-Type": writer.FormDataContentType()},
		})
	}
}

// page asks for a page that no cache holds.
func (m *mix) page(ctx context.Context, _ int) int {
	limit := pageItems - rand.IntN(1000)
	return m.do(ctx, probe.Call{Path: fmt.Sprintf("/sensor-data/aggregated?interval=24h&limit=%d", limit)})
}

func (m *mix) throttled(ctx context.Context, _ int) int {
	return m.do(ctx, probe.Call{Path: "/sensor-data", Body: []byte(reading("noisy", int(m.n.Add(1))))})
}

func (m *mix) guess(ctx context.Context, n int) int {
	basic := "Basic " + base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "nobody%d:wrong", n))
	return m.do(ctx, probe.Call{Method: http.MethodPost, Path: "/auth/login", Header: map[string]string{"Authorization": basic}})
}

// leave asks for a large page and goes away at once.
func (m *mix) leave(ctx context.Context, n int) int {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	m.page(ctx, n)
	return 0
}

// hold opens a connection, sends text and keeps it open for some time.
func (m *mix) hold(ctx context.Context, lasts time.Duration, format string, args ...any) int {
	conn := m.dialQuietly(ctx)
	if conn == nil {
		time.Sleep(100 * time.Millisecond)
		return 0
	}
	defer func() { _ = conn.Close() }()
	_, _ = fmt.Fprintf(conn, format, args...)
	select {
	case <-ctx.Done():
	case <-time.After(lasts):
	}
	return 0
}

func (m *mix) deaf(ctx context.Context, _ int) int {
	return m.hold(ctx, 15*time.Second, "GET /sensor-data/aggregated?interval=24h&limit=%d HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", pageItems, m.Client.Token)
}

func (m *mix) trickles(ctx context.Context, _ int) int {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	m.trickle(ctx, m.t, contract.BatchBodyBytesMax)
	return 0
}

func (m *mix) idle(ctx context.Context, _ int) int {
	return m.hold(ctx, mixLasts, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
}

func (m *mix) headers(ctx context.Context, _ int) int {
	return m.hold(ctx, 15*time.Second, "GET / HTTP/1.1\r\nHost: x\r\nX: %s", strings.Repeat("x", 30<<10))
}
