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

	"github.com/sensorflow/sensorflow/runtime/local/datadir"
	"github.com/sensorflow/sensorflow/runtime/local/replicator"
)

const (
	// controlFile says where a system of several regions takes cut and heal, beside stack.json, for its owner alone.
	controlFile = "control.json"
	// healWithin bounds how long heal waits for what the region has missed; it goes on arriving afterwards.
	healWithin = 5 * time.Minute
	// headerTimeout bounds how long the control waits for a request's head.
	headerTimeout = 10 * time.Second
)

// control is the content of controlFile.
type control struct {
	URL string `json:"url"`
	// Key must come with each request: pages of a browser can reach the address too.
	Key string `json:"key"`
}

// newControl answers POST /cut/{region} and POST /heal/{region} with one sentence.
func newControl(r *replicator.Replicator) http.Handler {
	mux := http.NewServeMux()
	handle := func(command string, do func(ctx context.Context, region string) (string, error)) {
		mux.HandleFunc("POST /"+command+"/{region}", func(w http.ResponseWriter, request *http.Request) {
			said, err := do(request.Context(), request.PathValue("region"))
			if err != nil {
				w.WriteHeader(http.StatusConflict)
				said = err.Error()
			}
			_, _ = io.WriteString(w, said) // who has gone needs no answer
		})
	}
	handle(commandCut, func(ctx context.Context, region string) (string, error) {
		if err := r.Cut(ctx, region); err != nil {
			return "", err
		}
		return fmt.Sprintf("%[1]s is cut off; make heal REGION=%[1]s brings it back", region), nil
	})
	handle(commandHeal, func(ctx context.Context, region string) (string, error) {
		began := time.Now()
		if err := r.Heal(ctx, region); err != nil {
			return "", err
		}
		settling, cancel := context.WithTimeout(ctx, healWithin)
		defer cancel()
		if err := r.Settled(settling); err != nil {
			return "", fmt.Errorf("%s is back, and not everything has arrived yet: %w", region, err)
		}
		return fmt.Sprintf("%s is back; what had waited arrived in %.1f s", region, time.Since(began).Seconds()), nil
	})
	return mux
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
		if now, err := readControl(dir); err == nil && now == c {
			_ = os.Remove(path) // a file that stays does no harm: nobody listens at its address
		}
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

var (
	errNothingRuns = errors.New("nothing runs here; start it with make run REGIONS=2")
	errOneRegion   = errors.New("one region runs here, which has nothing to be cut off from; start it with make run REGIONS=2")
)

// tell has the system that runs cut a region off, or bring it back, and prints what it says.
func tell(ctx context.Context, s settings, out printer) error {
	if s.region == "" {
		return fmt.Errorf("say which region: make %s REGION=eu-central-1", s.command)
	}
	c, err := readControl(s.state)
	if err != nil {
		info, err := readState(s.state)
		if err != nil || len(info.Regions) > 0 {
			return errNothingRuns
		}
		return errOneRegion
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+"/"+s.command+"/"+url.PathEscape(s.region), nil)
	if err != nil {
		return fmt.Errorf("%s %s: %w", s.command, s.region, err)
	}
	request.Header.Set("Authorization", "Bearer "+c.Key)
	response, err := (&http.Client{Timeout: healWithin + callTimeout}).Do(request)
	if err != nil {
		return errNothingRuns
	}
	defer func() { _ = response.Body.Close() }() // it was read
	said, err := io.ReadAll(io.LimitReader(response.Body, answerMax))
	switch sentence := strings.TrimSpace(string(said)); {
	case err != nil:
		return fmt.Errorf("read the answer: %w", err)
	case response.StatusCode == http.StatusOK:
		out.printf("%s\n", sentence)
		return nil
	case response.StatusCode == http.StatusConflict:
		return errors.New(sentence)
	default:
		return fmt.Errorf("%s %s: status %d: %s", s.command, s.region, response.StatusCode, sentence)
	}
}
