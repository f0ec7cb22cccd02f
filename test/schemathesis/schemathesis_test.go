package schemathesis_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/runtime/local/checkout"
	"github.com/sensorflow/sensorflow/runtime/local/stack"
	"github.com/sensorflow/sensorflow/test/contract/probe"
	"github.com/sensorflow/sensorflow/test/system"
)

const (
	// home is the environment of Python that .make/python.sh makes.
	home = ".local/schemathesis"
	// seed is the same in each run, so that a failure comes again. make schemathesis takes another by SEED.
	seed = "1"
	// limit bounds a run within the other tests.
	limit = 30 * time.Minute
)

// cases is how many an operation gets, of each kind: those that keep to the description and those that do not.
func cases(t *testing.T) (n int, limited bool) {
	t.Helper()
	if text := os.Getenv("CASES"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			t.Fatalf("CASES must be a whole number above 0, got %q", text)
		}
		return n, false
	}
	if os.Getenv("CI") == "true" {
		return 300, true
	}
	return 100, true
}

func TestSchemathesis_FindsNothingButTheExceptions(t *testing.T) {
	if testing.Short() {
		t.Skip("left out: it takes minutes")
	}
	tool := needTool(t)
	n, limited := cases(t)
	ctx := t.Context()
	if limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	s := system.Start(t, stack.Options{})
	began := time.Now()
	output, err := run(ctx, t, tool, s, "--max-examples", strconv.Itoa(n))
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	made := regexp.MustCompile(`([0-9]+) generated, [0-9]+ passed`).FindSubmatch(output)
	operations := regexp.MustCompile(`Tested: ([0-9]+)`).FindSubmatch(output)
	if made == nil || operations == nil {
		t.Fatalf("there is no summary\n%s", output)
	}
	total, _ := strconv.Atoi(string(made[1]))
	tested, _ := strconv.Atoi(string(operations[1]))
	if tested < 20 || total < tested*min(n, 20) {
		t.Errorf("%d cases of %d operations are too few\n%s", total, tested, output)
	}
	t.Logf("%d cases of %d operations in %s", total, tested, time.Since(began).Round(time.Second))
}

// A tester that finds nothing may look at nothing: a description that promises what the service does not keep must be found out.
func TestSchemathesis_FindsAPromiseThatIsNotKept(t *testing.T) {
	if testing.Short() {
		t.Skip("left out: it takes minutes")
	}
	tool := needTool(t)
	s := system.Start(t, stack.Options{})
	text := describe(t, s)
	for name, c := range map[string]struct{ operation, is, promised string }{
		"an answer without a field": {"health", `"const": "ok"`, `"const": "fine"`},
		"a limit above the real one": {
			"listEquipment", `"maximum": 100,` + "\n" + `              "default": 100`, `"maximum": 1000,` + "\n" + `              "default": 100`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			wrong := bytes.ReplaceAll(text, []byte(c.is), []byte(c.promised))
			if bytes.Equal(wrong, text) {
				t.Fatalf("the description does not hold %s", c.is)
			}
			file := filepath.Join(t.TempDir(), "openapi.json")
			if err := os.WriteFile(file, wrong, 0o600); err != nil {
				t.Fatal(err)
			}
			output, err := runOn(t.Context(), t, tool, s, file, "--max-examples", "20", "--include-operation-id", c.operation)
			if failed := (*exec.ExitError)(nil); !errors.As(err, &failed) || failed.ExitCode() != 1 || !bytes.Contains(output, []byte("FAILURES")) {
				t.Errorf("it ended with %v\n%s", err, output)
			}
		})
	}
}

// needTool returns the program. Where there is no Python the test is left out, which `make test` says; in the gate it fails.
func needTool(t *testing.T) string {
	t.Helper()
	root, err := checkout.Root()
	if err != nil {
		t.Fatal(err)
	}
	tool := filepath.Join(root, home, "bin", "schemathesis")
	if _, err := os.Stat(tool); err == nil {
		return tool
	}
	if _, err := exec.LookPath("python3"); err == nil || os.Getenv("CI") == "true" {
		t.Fatalf("schemathesis is not in %s; make setup gets it, and needs Python", home)
	}
	t.Skip("left out: it needs Python")
	return ""
}

func describe(t *testing.T, s *system.System) []byte {
	t.Helper()
	r, err := s.Client.Do(t.Context(), probe.Call{Path: "/openapi.json"})
	if err != nil {
		t.Fatal(err)
	}
	return r.Body
}

func run(ctx context.Context, t *testing.T, tool string, s *system.System, more ...string) ([]byte, error) {
	t.Helper()
	return runOn(ctx, t, tool, s, s.Info.APIURL+"/openapi.json", more...)
}

// runOn runs the program on a description, in a folder of its own, since it leaves files behind.
func runOn(ctx context.Context, t *testing.T, tool string, s *system.System, description string, more ...string) ([]byte, error) {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	with := seed
	if own := os.Getenv("SEED"); own != "" {
		with = own
	}
	args := append([]string{
		"--config-file", filepath.Join(here, "schemathesis.toml"), "run", description, "--url", s.Info.APIURL, "--seed", with,
	}, more...)
	command := exec.CommandContext(ctx, tool, args...)
	command.Dir = t.TempDir()
	command.Env = append(os.Environ(),
		"PYTHONPATH="+here, "PYTHONDONTWRITEBYTECODE=1", "TOKEN="+s.Client.Token,
		"BASIC="+base64.StdEncoding.EncodeToString([]byte(s.Info.Username+":"+s.Info.Password)),
	)
	command.WaitDelay = 5 * time.Second
	out := &output{progress: os.Stdout}
	command.Stdout, command.Stderr = out, out
	began := time.Now()
	err = command.Run()
	// It tells it every five seconds; on a machine with much to do, somewhat less often.
	const often = 15 * time.Second
	if took := time.Since(began); out.told < int(took/often) {
		t.Errorf("in %s it told %d times how far it was", took.Round(time.Second), out.told)
	}
	return append(out.all.Bytes(), out.line...), err
}

// mark begins the lines of progress.py.
const mark = "progress: "

// output keeps what the program says, for the case that it finds something, but for how far it is: that it passes on at once.
type output struct {
	progress io.Writer
	all      bytes.Buffer
	line     []byte // the beginning of one
	told     int    // how often it has told how far it is
}

func (o *output) Write(text []byte) (int, error) {
	o.line = append(o.line, text...)
	for {
		line, rest, whole := bytes.Cut(o.line, []byte("\n"))
		if !whole {
			return len(text), nil
		}
		o.line = rest
		to := io.Writer(&o.all)
		if bytes.HasPrefix(line, []byte(mark)) {
			to = o.progress
			o.told++
		}
		if _, err := fmt.Fprintf(to, "%s\n", line); err != nil {
			return 0, err
		}
	}
}
