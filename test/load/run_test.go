package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/runtime/local/checkout"
)

// The command starts the service itself, and everything that its users send is stored.
func TestRun_LoadsTheServiceBesideTheStandIn(t *testing.T) {
	var out bytes.Buffer
	values := map[string]string{"USERS": "100", "RAMP": "1s", "DURATION": "2s"}
	if err := run(t.Context(), func(key string) string { return values[key] }, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`\nload_failed 0 requests\n`, `\nload_rps [3-6]\d\.\d requests/s\n`, `\nload_p50_ms [\d.]+ ms\n`, `\nload_p99_ms [\d.]+ ms\n$`} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("no %s in\n%s", want, &out)
		}
	}
	_, name, told := strings.Cut(out.String(), "page: ")
	name, _, _ = strings.Cut(name, "\n")
	root, err := checkout.Root()
	if err != nil || !told {
		t.Fatalf("%v, the page is not told of:\n%s", err, &out)
	}
	page := filepath.Join(root, name)
	content, err := os.ReadFile(page)
	if err != nil || !bytes.Contains(content, []byte("100 users")) {
		t.Errorf("page %.100s, error %v", content, err)
	}
	_ = os.Remove(page) // pages are for people
}
