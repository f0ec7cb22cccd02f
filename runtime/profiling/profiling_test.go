package profiling_test

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/runtime/profiling"
	"github.com/sensorflow/sensorflow/test/capture"
)

func TestServe_ShowsTheGoroutinesOfTheProcess(t *testing.T) {
	var log capture.Buffer
	stop, err := profiling.Serve(t.Context(), "127.0.0.1:0", slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	_, address, told := strings.Cut(strings.TrimSpace(log.String()), "pprof_address=")
	if !told {
		t.Fatalf("the log does not tell the address: %s", log.String())
	}
	url := "http://" + address + "/debug/pprof/goroutine?debug=1"
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if !strings.HasPrefix(string(text), "goroutine profile: total ") || !strings.Contains(string(text), "profiling_test") {
		t.Errorf("this test is not among the goroutines:\n%s", text)
	}
	stop()
	if response, err := http.Get(url); err == nil {
		_ = response.Body.Close()
		t.Error("it still answers after the end")
	}
}

func TestServe_IsOffUnlessAskedFor(t *testing.T) {
	var log capture.Buffer
	stop, err := profiling.Serve(t.Context(), "", slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil || log.String() != "" {
		t.Errorf("error %v, log %s", err, log.String())
	}
	stop()
}

func TestServe_RefusesWhatOthersCanReach(t *testing.T) {
	for _, address := range []string{":6060", "0.0.0.0:6060", "10.0.0.1:6060", "example.com:6060"} {
		_, err := profiling.Serve(t.Context(), address, slog.New(slog.DiscardHandler))
		if err == nil || !strings.HasPrefix(err.Error(), "PPROF_ADDRESS must be an address of this machine alone") {
			t.Errorf("%s: error %v", address, err)
		}
	}
}
