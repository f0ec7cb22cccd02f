package users

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// service answers the requests of a crowd in virtual time.
type service struct {
	t      *testing.T
	answer func(n int, since time.Duration) (status int, after time.Duration)

	began time.Time
	mu    sync.Mutex
	got   []sent
	work  sync.WaitGroup
}

type sent struct {
	EquipmentID, Timestamp string
	Value                  json.Number
	at                     time.Duration
}

func (s *service) dial(context.Context) (net.Conn, error) {
	client, server := net.Pipe()
	s.work.Go(func() { s.serve(server) })
	return client, nil
}

func (s *service) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	reader := bufio.NewReader(conn)
	for {
		r, err := http.ReadRequest(reader)
		if err != nil {
			return
		}
		one := sent{at: time.Since(s.began)}
		body, err := io.ReadAll(r.Body)
		if err := errors.Join(err, json.Unmarshal(body, &one)); err != nil || r.URL.Path != "/sensor-data" || r.Header.Get("Authorization") != "Bearer t" {
			s.t.Errorf("request %s %v with %q: %v", r.URL, r.Header, body, err)
		}
		s.mu.Lock()
		s.got = append(s.got, one)
		status, after := s.answer(len(s.got), one.at)
		s.mu.Unlock()
		time.Sleep(after)
		response := http.Response{StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}}
		if status == http.StatusServiceUnavailable {
			response.Header.Set("Retry-After", "1")
		}
		if response.Write(conn) != nil {
			return
		}
	}
}

// runCrowd lets a crowd send to the service.
func (s *service) runCrowd(p Pace, tell func(Progress)) *Result {
	s.t.Helper()
	s.began = time.Now()
	r, err := Run(s.t.Context(), Options{
		Address: Address{URL: &url.URL{Scheme: "http", Host: "service"}, Token: "t", Path: "/sensor-data"}, Pace: p,
		Patience: 30 * time.Second, Prefix: "u-", Seed: 3, Remember: true, Dial: s.dial,
	}, tell)
	if err != nil {
		s.t.Fatal(err)
	}
	s.work.Wait()
	return r
}

func TestRun_SendsAtTheMomentsOfTheScheduleAndCountsFromThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Pace{Users: 3, Ramp: 3 * time.Second, Measured: 20 * time.Second, PauseMin: time.Second, PauseMax: 3 * time.Second}
		const took = 7 * time.Millisecond
		s := &service{t: t, answer: func(int, time.Duration) (int, time.Duration) { return http.StatusCreated, took }}
		r := s.runCrowd(p, nil)
		want, offered := map[string]bool{}, 0
		for user := range p.Users {
			for _, at := range moments(p, user, 3) {
				want[EquipmentID("u-", user)+" "+s.began.Add(at).UTC().Format(time.RFC3339Nano)] = true
				if at >= p.Ramp {
					offered++
				}
			}
		}
		for _, one := range s.got {
			key := one.EquipmentID + " " + one.Timestamp
			if at := s.began.Add(one.at).UTC().Format(time.RFC3339Nano); !want[key] || at != one.Timestamp {
				t.Errorf("reading %s came at %s", key, at)
			}
			delete(want, key)
		}
		if len(want) != 0 {
			t.Errorf("not sent: %v", want)
		}
		if r.Total.Offered != offered || r.Total.Accepted.Count() != offered || r.Total.Failures() != 0 || len(r.Seconds) != 20 {
			t.Errorf("result %+v, want %d offered and all of them stored", r.Total, offered)
		}
		if got := r.Total.Accepted.Max(); got != took {
			t.Errorf("an answer after %v counts as %v", took, got)
		}
		if len(r.Stored) != len(s.got) {
			t.Errorf("%d readings are remembered, %d were sent", len(r.Stored), len(s.got))
		}
	})
}

// A service that stands still for 6 s keeps its users waiting from the moments at which they wanted to send, and not only those whose
// request was under way.
func TestRun_CountsWhatAStallKeepsFromBeingSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Pace{Users: 1, Measured: 20 * time.Second, PauseMin: time.Second, PauseMax: time.Second}
		s := &service{t: t, answer: func(n int, _ time.Duration) (int, time.Duration) {
			if n == 5 { // which is to be sent after 4 s
				return http.StatusCreated, 6500 * time.Millisecond
			}
			return http.StatusCreated, 0
		}}
		r := s.runCrowd(p, nil)
		if r.Total.Accepted.Count() != 20 {
			t.Errorf("%d answers, want 20", r.Total.Accepted.Count())
		}
		for second, want := range map[int]time.Duration{
			3: 0, 4: 6500 * time.Millisecond, 5: 5500 * time.Millisecond, 6: 4500 * time.Millisecond, 10: 500 * time.Millisecond, 11: 0,
		} {
			if got := r.Seconds[second].Accepted.Max(); got != want {
				t.Errorf("second %d: %v, want %v", second, got, want)
			}
		}
	})
}

func TestRun_TellsFailuresApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Pace{Users: 1, Measured: 10 * time.Second, PauseMin: time.Second, PauseMax: time.Second}
		s := &service{t: t, answer: func(n int, _ time.Duration) (int, time.Duration) {
			switch {
			case n == 2:
				return http.StatusServiceUnavailable, 0
			case n == 4:
				return http.StatusInternalServerError, 0
			case n >= 5:
				return http.StatusCreated, time.Hour
			}
			return http.StatusCreated, 0
		}}
		var told []Progress
		r := s.runCrowd(p, func(p Progress) { told = append(told, p) })
		// The fifth is sent after 4 s and given up 30 s later. The sixth is sent then, and given up 30 s after the end, as is all that
		// is left.
		want := map[string]int{"status 503": 1, "status 500": 1, reasonTimeout: 2, reasonNotSent: 4}
		if r.Total.Offered != 10 || !maps.Equal(r.Total.Failed, want) {
			t.Errorf("%d offered, failed %v, want %v", r.Total.Offered, r.Total.Failed, want)
		}
		if r.Total.Accepted.Count()+r.Total.Failures() != 10 || r.Total.Refused.Count() != 1 || r.Total.RefusedBare != 0 {
			t.Errorf("%d stored, %d failed, %d refused, %d of them without Retry-After", r.Total.Accepted.Count(), r.Total.Failures(),
				r.Total.Refused.Count(), r.Total.RefusedBare)
		}
		if len(told) < 30 || told[5].Failures != 2 || told[5].Connected != 1 {
			t.Errorf("told %d times, after 6 s %+v", len(told), told[5])
		}
	})
}

// The ramp is not measured, and what fails in it is told all the same. Only what was answered counts as such.
func TestRun_CountsTheRampApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Pace{Users: 1, Ramp: 3 * time.Second, Measured: 5 * time.Second, PauseMin: time.Second, PauseMax: time.Second}
		s := &service{t: t, answer: func(n int, _ time.Duration) (int, time.Duration) {
			if n == 1 { // the second reading
				return http.StatusServiceUnavailable, 0
			}
			return http.StatusCreated, 0
		}}
		dialled := 0
		s.began = time.Now()
		var told []Progress
		r, err := Run(t.Context(), Options{
			Address: Address{URL: &url.URL{Scheme: "http", Host: "service"}, Token: "t", Path: "/sensor-data"}, Pace: p,
			Patience: 30 * time.Second, Prefix: "u-", Dial: func(ctx context.Context) (net.Conn, error) {
				if dialled++; dialled == 1 {
					return nil, io.EOF // of the first reading
				}
				return s.dial(ctx)
			},
		}, func(p Progress) { told = append(told, p) })
		s.work.Wait()
		if err != nil || r.Ramp.Offered != 3 || r.Ramp.Answered != 2 || !maps.Equal(r.Ramp.Failed, map[string]int{reasonBroken: 1, "status 503": 1}) {
			t.Errorf("the ramp is %+v, error %v", r.Ramp, err)
		}
		if r.Total.Offered != 5 || r.Total.Answered != 5 || r.Total.Failures() != 0 {
			t.Errorf("the measured time is %+v", r.Total)
		}
		if len(told) < 6 || told[5].RampFailures != 2 || told[5].Failures != 0 || told[0].Recent.Answered > told[0].Recent.Offered-1 {
			t.Errorf("told %d times: %+v", len(told), told)
		}
	})
}

func TestRun_EndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		s := &service{t: t, answer: func(int, time.Duration) (int, time.Duration) { return http.StatusCreated, 0 }}
		began := time.Now()
		r, err := Run(ctx, Options{
			Address: Address{URL: &url.URL{Host: "service"}, Token: "t", Path: "/sensor-data"}, Patience: time.Minute, Dial: s.dial,
			Pace: Pace{Users: 10, Measured: time.Hour, PauseMin: time.Second, PauseMax: 3 * time.Second},
		}, nil)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 6*time.Second || r.Total.Accepted.Count() < 10 {
			t.Errorf("after %v: error %v, %d answers", time.Since(began), err, r.Total.Accepted.Count())
		}
		s.work.Wait()
	})
}
