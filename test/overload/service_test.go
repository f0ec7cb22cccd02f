package overload_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/local/child"
	"github.com/sensorflow/sensorflow/test/capture"
	"github.com/sensorflow/sensorflow/test/load/users"
	"github.com/sensorflow/sensorflow/test/standin"
)

// bareKey makes a process of this program the bare handler, which listens on the address that it holds.
const bareKey = "OVERLOAD_BARE"

func TestMain(m *testing.M) {
	if address := os.Getenv(bareKey); address != "" {
		fmt.Fprintln(os.Stderr, serveBare(address))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// serveBare is the least that an HTTP service can do: it reads the body and answers.
func serveBare(address string) error {
	server := &http.Server{Addr: address, ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"message":"Data saved successfully"}`)
	})}
	return server.ListenAndServe()
}

// fullSize tells whether the sizes are those that the figures are for.
func fullSize() bool { return os.Getenv("OVERLOAD") != "" }

// sized picks the number for this run.
func sized[N any](reduced, full N) N {
	if fullSize() {
		return full
	}
	return reduced
}

// service is what is loaded: the API beside a stand-in, or the bare handler.
type service struct {
	standin.Process
	url   *url.URL
	token string
}

const startWithin = 5 * time.Minute // the first time everything is compiled

// start starts the API beside a stand-in, which the test ends.
func start(t *testing.T, o standin.Options) *service {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startWithin)
	defer cancel()
	backend, err := standin.Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(backend.Kill)
	log := &capture.Buffer{}
	api, err := standin.StartAPI(ctx, backend, standin.APIOptions{Log: log, Env: []string{"LOG_LEVEL=error"}})
	if err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	t.Cleanup(api.Kill)
	address, err := url.Parse(api.URL)
	if err != nil {
		t.Fatal(err)
	}
	return &service{api.Process, address, api.Token}
}

// startBare starts the bare handler, which the test ends.
func startBare(t *testing.T) *service {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	port, err := child.FreePort(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	process, err := standin.StartProcess(child.Program{Path: program, Env: append(os.Environ(), bareKey+"="+address), Output: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(process.Kill)
	if err := process.WaitServing(t.Context(), "http://"+address); err != nil {
		t.Fatal(err)
	}
	return &service{process, &url.URL{Scheme: "http", Host: address}, "none"}
}

// crowd lets users send readings of equipments of their own.
func (s *service) crowd(t *testing.T, prefix string, p users.Pace) *users.Result {
	t.Helper()
	r, err := users.Run(t.Context(), users.Options{
		Address: users.Address{URL: s.url, Token: s.token, Path: "/sensor-data"}, Pace: p, Patience: 20 * time.Second, Prefix: prefix, Seed: 1,
	}, nil)
	if err != nil {
		t.Error(err)
	}
	return r
}

// pace is that of users who send every 2 s.
func pace(n int, measured time.Duration) users.Pace {
	return users.Pace{Users: n, Ramp: max(time.Second, time.Duration(n)*time.Second/500), Measured: measured, PauseMin: time.Second, PauseMax: 3 * time.Second}
}

// memoryMost is what the process held at most, in bytes.
func (s *service) memoryMost(t *testing.T) int64 {
	t.Helper()
	_, most, err := s.Memory()
	if err != nil {
		t.Skipf("memory can be measured on Linux alone: %v", err)
	}
	return most
}

// steadily makes a measurement, which returns what is wrong by it. In a reduced run other tests share the processors, and spoil one
// now and then: one of three must be good. At full size, on a machine with nothing else to do, the first one counts.
func steadily(t *testing.T, measure func() (wrong []string)) {
	t.Helper()
	wrong := measure()
	for try := 2; len(wrong) > 0 && try <= sized(3, 1) && !t.Failed(); try++ {
		t.Logf("measured again, since %s", strings.Join(wrong, "; "))
		wrong = measure()
	}
	for _, one := range wrong {
		t.Error(one)
	}
}

// dial opens a connection that keeps little of what it is sent, and that is closed when ctx ends.
func (s *service) dial(ctx context.Context, t *testing.T) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.url.Host)
	if err != nil {
		t.Fatal(err)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		if err := tcp.SetReadBuffer(4 << 10); err != nil {
			t.Fatal(err)
		}
	}
	context.AfterFunc(ctx, func() { _ = conn.Close() })
	return conn
}

// figure prints a measured figure for programs.
func figure(t *testing.T, name string, value float64, unit string) {
	t.Helper()
	fmt.Printf("%s %.4g %s\n", name, value, unit)
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
