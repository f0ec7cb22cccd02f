package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// stubLocust stands for the package, as far as the file is about figures and not about sending.
const stubLocust = `
class Hook:
    def add_listener(self, f): return f
class events: quitting = report_to_master = worker_report = Hook()
class FastHttpUser: pass
class LoadTestShape: pass
def between(*_): pass
def task(f): return f
`

// try loads the file, sets what Locust has seen, and prints the figures.
const try = `
import sys, types
import locustfile
total, stored, last, requests, missing = (float(x) for x in sys.argv[1:])
class Entry:
    num_requests, total_rps = int(stored), stored / last
    def get_response_time_percentile(self, _): return 5
stats = types.SimpleNamespace(get=lambda *_: Entry(), total=types.SimpleNamespace(num_requests=int(total), num_failures=int(total - stored)))
workers = [types.SimpleNamespace(id=str(n)) for n in range(int(missing))]
locustfile.note_requests("w", {"requests": int(requests)})
environment = types.SimpleNamespace(stats=stats, runner=types.SimpleNamespace(clients=types.SimpleNamespace(missing=workers)), process_exit_code=None)
locustfile.print_figures(environment)
sys.exit(environment.process_exit_code)
`

// runWithin runs a program to its end, and returns its status with what it printed.
func runWithin(t *testing.T, folder string, environ []string, name string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, name, args...)
	var out, wrong strings.Builder
	command.Dir, command.Env, command.Stdout, command.Stderr = folder, append(os.Environ(), environ...), &out, &wrong
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return command.ProcessState.ExitCode(), out.String(), wrong.String()
}

// put writes files below a folder.
func put(t *testing.T, folder string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		name = filepath.Join(folder, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o700), os.WriteFile(name, []byte(content), 0o700)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLocustfile_BlamesTheServiceForWhatItDidAlone(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil && os.Getenv("CI") != "true" {
		t.Skip("it needs Python")
	}
	folder := t.TempDir()
	file, err := os.ReadFile("locustfile.py")
	if err != nil {
		t.Fatal(err)
	}
	put(t, folder, map[string]string{
		"locustfile.py": string(file), "try.py": try,
		"locust/__init__.py": stubLocust, "locust/runners.py": "class WorkerRunner: pass\nHEARTBEAT_LIVENESS = 3\n",
	})
	for _, test := range []struct {
		name, seen     string // finished, stored, until the last, begun, workers missing
		status         int
		figures, wrong string
	}{
		{"all is well", "100 90 4 120 0", 0, "locust_failed 10 requests\nlocust_rps 22.5 requests/s\nlocust_p50_ms 5 ms\nlocust_p99_ms 5 ms\n", ""},
		{"it refuses", "100 0 4 120 0", 1, "locust_failed 100 requests\nlocust_rps 0.0 requests/s\n", "nothing was stored: the service did not answer, or refused everything"},
		{"it does not answer", "0 0 4 120 0", 1, "locust_failed 0 requests\nlocust_rps 0.0 requests/s\n", "nothing was stored: the service did not answer"},
		{"nothing was sent", "0 0 4 0 0", 1, "locust_failed 0 requests\nlocust_rps 0.0 requests/s\n", "no request was sent, which says nothing about the service"},
		{"no worker is left", "0 0 4 120 2", 1, "locust_failed 0 requests\nlocust_rps 0.0 requests/s\n", "2 of Locust's workers gave no sign of life for 30 s"},
		{"one worker is lost", "100 100 4 120 1", 0, "locust_rps 25.0 requests/s", "1 of Locust's workers gave no sign of life for 30 s"},
	} {
		status, figures, wrong := runWithin(t, folder, []string{"TOKEN=t", "USERS=100", "DURATION=60s"}, "python3", append([]string{"try.py"}, strings.Fields(test.seen)...)...)
		if status != test.status || !strings.Contains(figures, test.figures) {
			t.Errorf("%s: status %d with %s", test.name, status, figures)
		}
		if test.wrong == "" && wrong != "" || !strings.HasPrefix(wrong, "locustfile: "+test.wrong) && test.wrong != "" || strings.Count(wrong, "\n") > 1 {
			t.Errorf("%s: %q, want %q", test.name, wrong, test.wrong)
		}
	}
}

// What may be refused is refused before Locust is brought, which takes minutes.
func TestLocustCommand_JudgesBeforeItBringsLocust(t *testing.T) {
	script, err := os.ReadFile("../../.make/locust.sh")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	put(t, folder, map[string]string{
		".make/locust.sh": string(script), ".make/prerequisites.sh": "",
		".make/python.sh":          "echo brought >>brought\n",
		".local/bin/load":          "#!/bin/sh\n[ $USERS = 7 ] || { echo 'load: USERS must be' >&2; exit 2; }\nprintf 'URL=http://a\\nTOKEN=t\\nDURATION=60s\\n'; exec sleep 60\n",
		".local/locust/bin/locust": "#!/bin/sh\n[ -f brought ] && echo \"$USERS users with $TOKEN for $DURATION: $*\"\n",
	})
	status, _, wrong := runWithin(t, folder, []string{"USERS=abc"}, "sh", ".make/locust.sh")
	if _, err := os.Stat(filepath.Join(folder, "brought")); status != 2 || wrong != "load: USERS must be\n" || err == nil {
		t.Errorf("status %d with %q, and Locust was looked for: %v", status, wrong, err == nil)
	}
	status, out, wrong := runWithin(t, folder, []string{"USERS=7"}, "sh", ".make/locust.sh")
	if status != 0 || !strings.HasPrefix(out, "7 users with t for 60s: ") || !strings.Contains(out, "--host http://a ") {
		t.Errorf("status %d with %q, %q", status, out, wrong)
	}
}
