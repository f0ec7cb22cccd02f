package main

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/runtime/client/localsystem"
	"github.com/sensorflow/sensorflow/runtime/local/datadir"
	"github.com/sensorflow/sensorflow/runtime/local/replicator"
	"github.com/sensorflow/sensorflow/runtime/local/stack"
	"github.com/sensorflow/sensorflow/runtime/pacing"
)

const (
	// controlFile says where a system of several regions takes cut and heal, beside stack.json, for its owner alone.
	controlFile = "control.json"
	// tellEvery is how often heal tells what is still to travel.
	tellEvery = time.Second
	// headerTimeout bounds how long the control waits for a request's head.
	headerTimeout = 10 * time.Second
)

// control is the content of controlFile.
type control struct {
	URL string `json:"url"`
	// Key must come with each request: pages of a browser can reach the address too.
	Key string `json:"key"`
}

// spoken is a line of what the control says, the last one of which may be an error.
type spoken struct {
	Said  string `json:"said,omitempty"`
	Error string `json:"error,omitempty"`
}

// newControl answers POST /cut/{region} and POST /heal/{region} with lines that come as there is something to say.
func newControl(r *replicator.Replicator) http.Handler {
	mux := http.NewServeMux()
	handle := func(command string, do func(ctx context.Context, region string, say func(format string, args ...any)) error) {
		mux.HandleFunc("POST /"+command+"/{region}", func(w http.ResponseWriter, request *http.Request) {
			lines := json.NewEncoder(w)
			flush := http.NewResponseController(w)
			say := func(format string, args ...any) {
				_ = lines.Encode(spoken{Said: fmt.Sprintf(format, args...)}) // who has gone needs no answer
				_ = flush.Flush()
			}
			if err := do(request.Context(), request.PathValue("region"), say); err != nil {
				_ = lines.Encode(spoken{Error: err.Error()})
			}
		})
	}
	handle(commandCut, func(ctx context.Context, region string, say func(format string, args ...any)) error {
		was := r.IsCut(region)
		if err := r.Cut(ctx, region); err != nil {
			return err
		}
		if was {
			say("%[1]s is cut off already; make heal REGION=%[1]s brings it back", region)
			return nil
		}
		say("%[1]s is cut off; make heal REGION=%[1]s brings it back", region)
		return nil
	})
	handle(commandHeal, func(ctx context.Context, region string, say func(format string, args ...any)) error {
		back := "is back"
		if was := r.IsCut(region); !was {
			back = "was not cut off"
		}
		if err := r.Heal(ctx, region); err != nil {
			return err
		}
		return watch(ctx, r, region, back, say)
	})
	return mux
}

// watch tells what is still to travel until it has arrived, as far as it can.
func watch(ctx context.Context, r *replicator.Replicator, region, back string, say func(format string, args ...any)) error {
	began := time.Now()
	backlog, err := r.Backlog(ctx, region)
	if err != nil {
		return fmt.Errorf("%s %s: %w", region, back, err)
	}
	for next := began; ; {
		travelling, waiting := 0, []string{}
		for _, w := range backlog.Waiting() {
			if w.Parted {
				waiting = append(waiting, fmt.Sprintf("%s (%s)", w.Region, items(w.Items)))
			} else {
				travelling += w.Items
			}
		}
		switch {
		case r.IsCut(region):
			return fmt.Errorf("%s was cut off again meanwhile; what had waited has not arrived", region)
		case travelling == 0 && len(waiting) == 0:
			say("%s %s; what had waited arrived in %.1f s", region, back, time.Since(began).Seconds())
			return nil
		case travelling == 0:
			say("%s %s; what lies between it and %s goes on waiting, until that region is back too", region, back, strings.Join(waiting, ", "))
			return nil
		case !time.Now().Before(next):
			say("%s %s; still to travel: %s", region, back, items(travelling))
			next = next.Add(tellEvery)
		}
		const look = 50 * time.Millisecond
		if err := pacing.Sleep(ctx, look); err != nil {
			return fmt.Errorf("%s %s; what had waited goes on travelling: %w", region, back, err)
		}
	}
}

func items(n int) string {
	if n == 1 {
		return "1 item"
	}
	return fmt.Sprintf("%d items", n)
}

// serveControl listens on a free port of this machine until end is called.
func serveControl(ctx context.Context, dir string, handler http.Handler) (end func(), err error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("serve the control: %w", err)
	}
	c := control{URL: "http://" + listener.Addr().String(), Key: rand.Text()}
	content, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", controlFile, err)
	}
	path := filepath.Join(dir, controlFile)
	if err := datadir.WriteFile(path, content); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	server := &http.Server{ReadHeaderTimeout: headerTimeout, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+c.Key)) != 1 {
			http.Error(w, "the key is missing", http.StatusUnauthorized)
			return
		}
		handler.ServeHTTP(w, r)
	})}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // it ends when it is closed
	}()
	return func() {
		_ = server.Close() // what is being said to it now has nobody left to be done by
		<-served
		_ = os.Remove(path) // a file that stays does no harm: nobody listens at its address
	}, nil
}

func readControl(dir string) (control, error) {
	var c control
	content, err := os.ReadFile(filepath.Join(dir, controlFile))
	if err != nil {
		return c, fmt.Errorf("read %s: %w", controlFile, err)
	}
	if err := json.Unmarshal(content, &c); err != nil {
		return c, fmt.Errorf("read %s: %w", controlFile, err)
	}
	return c, nil
}

var errOneRegion = errors.New("one region runs here, which has nothing to be cut off from; start it with make run REGIONS=2")

// tell has the system that runs cut a region off, or bring it back, and prints what it says.
func tell(ctx context.Context, s settings, out printer) error {
	if s.region == "" {
		return fmt.Errorf("say which region: make %s REGION=%s", s.command, stack.RegionNames()[1])
	}
	info, err := localsystem.Find(s.state)
	if err != nil {
		return err
	}
	if len(info.Regions) == 0 {
		return errOneRegion
	}
	c, err := readControl(s.state)
	if err != nil {
		return localsystem.ErrStarting
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+"/"+s.command+"/"+url.PathEscape(s.region), nil)
	if err != nil {
		return fmt.Errorf("%s %s: %w", s.command, s.region, err)
	}
	request.Header.Set("Authorization", "Bearer "+c.Key)
	response, err := http.DefaultClient.Do(request) // heal takes as long as it takes
	if err != nil {
		return ended(s, err)
	}
	defer func() { _ = response.Body.Close() }() // it was read
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: status %d", s.command, s.region, response.StatusCode)
	}
	for lines := json.NewDecoder(response.Body); ; {
		var line spoken
		switch err := lines.Decode(&line); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return ended(s, err)
		case line.Error != "":
			return errors.New(line.Error)
		}
		out.printf("%s\n", line.Said)
	}
}

// ended says why there is no answer, or only a part of one.
func ended(s settings, err error) error {
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s %s was interrupted; what has begun goes on", s.command, s.region)
	}
	return fmt.Errorf("%s %s: the system has ended meanwhile: %w", s.command, s.region, err)
}
