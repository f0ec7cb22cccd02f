package overload_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/test/capture"
	"github.com/sensorflow/sensorflow/test/load/users"
	"github.com/sensorflow/sensorflow/test/standin"
)

// fullSize tells whether the sizes are those that the figures are for.
func fullSize() bool { return os.Getenv("OVERLOAD") != "" }

// sized picks the number for this run.
func sized[N any](reduced, full N) N {
	if fullSize() {
		return full
	}
	return reduced
}

// service is the API beside a stand-in.
type service struct {
	*standin.API
	backend *standin.Backend
	url     *url.URL
}

// start starts the API beside a stand-in, which the test ends.
func start(t *testing.T, o standin.Options) *service {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // the first time everything is compiled
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
	return &service{api, backend, address}
}

func (s *service) set(t *testing.T, o standin.Options) {
	t.Helper()
	if err := s.backend.Set(t.Context(), o); err != nil {
		t.Fatal(err)
	}
}

// crowd lets users send readings of equipments of their own.
func (s *service) crowd(t *testing.T, prefix string, p users.Pace) *users.Result {
	t.Helper()
	r, err := users.Run(t.Context(), users.Options{
		Address: users.Address{URL: s.url, Token: s.Token, Path: "/sensor-data"}, Pace: p, Patience: 20 * time.Second, Prefix: prefix, Seed: 1,
	}, nil)
	if err != nil {
		t.Error(err)
	}
	return r
}

// figure prints a measured figure for programs.
func figure(t *testing.T, name string, value float64, unit string) {
	t.Helper()
	t.Logf("%s %.4g %s", name, value, unit)
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// What a table does when more is written than it has capacity for: half of the readings that come are refused, those of everybody.
func TestOverload_TwiceWhatTheTableTakes(t *testing.T) {
	capacity := sized(200, 2000) // readings a second
	s := start(t, standin.Options{WritesPerSecond: capacity})
	overloaded := sized(10*time.Second, 30*time.Second)
	const after = 10 * time.Second
	pace := users.Pace{Ramp: 2 * time.Second, PauseMin: time.Second, PauseMax: 3 * time.Second}
	steady, surge := pace, pace
	// A user sends every 2 s. The steady ones are half of the capacity, and go on when the others have gone.
	steady.Users, steady.Measured = capacity, overloaded+after
	surge.Users, surge.Measured = 3*capacity, overloaded
	var stays, goes *users.Result
	var work sync.WaitGroup
	work.Go(func() { stays = s.crowd(t, "stays-", steady) })
	work.Go(func() { goes = s.crowd(t, "goes-", surge) })
	work.Wait()
	if t.Failed() {
		return
	}
	var during users.Count
	during.Merge(&goes.Total)
	for i := range int(overloaded / time.Second) {
		during.Merge(&stays.Seconds[i])
	}
	t.Logf("offered %d, stored %d, failed %v; stored p50 %v p99 %v max %v; refused p50 %v p99 %v max %v", during.Offered, during.Accepted.Count(), during.Failed,
		during.Accepted.Percentile(50), during.Accepted.Percentile(99), during.Accepted.Max(),
		during.Refused.Percentile(50), during.Refused.Percentile(99), during.Refused.Max())
	for i := range stays.Seconds {
		c := &stays.Seconds[i]
		t.Logf("%d s: stored %d p99 %v, failed %v", i, c.Accepted.Count(), c.Accepted.Percentile(99), c.Failed)
	}
	counts, err := s.backend.Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("stand-in: %+v", counts)
	_, most, err := s.Memory()
	t.Logf("memory %d MiB, %v", most>>20, err)
	_ = http.StatusOK
	_ = fmt.Sprint
}
