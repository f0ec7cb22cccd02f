package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Faults that met the start would fail it: no table is made, and no token is taken.
func TestFaulty_FailsNothingBeforeItBegins(t *testing.T) {
	f := &faulty{percent: 100}
	proxy := f.wrap(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	status := func() int {
		answer := httptest.NewRecorder()
		proxy.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/", nil))
		return answer.Code
	}
	for range 100 {
		if got := status(); got != http.StatusOK {
			t.Fatalf("status %d before it begins", got)
		}
	}
	f.begin()
	for range 100 {
		if got := status(); got != http.StatusInternalServerError {
			t.Fatalf("status %d once it has begun", got)
		}
	}
}

// A folder that cannot be written is found before anything is loaded: here nothing answers, which would be said otherwise.
func TestRun_LooksFirstWhetherReportsCanBeWritten(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	values := map[string]string{"URL": closed.URL, "TOKEN": "given", "REPORTS": filepath.Join(file, "reports")}
	err := run(t.Context(), func(key string) string { return values[key] }, io.Discard, io.Discard)
	if err == nil || !strings.HasPrefix(err.Error(), "make the folder of the reports: ") {
		t.Errorf("error %v", err)
	}
	folder := filepath.Join(t.TempDir(), "new", "reports")
	if err := writable(folder); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("%d files are left, error %v", len(left), err)
	}
}
