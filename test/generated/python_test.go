package generated_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/runtime/local/checkout"
	"github.com/sensorflow/sensorflow/runtime/local/stack"
	"github.com/sensorflow/sensorflow/test/contract/probe"
	"github.com/sensorflow/sensorflow/test/system"
)

// home is the environment of Python that .make/python.sh makes.
const home = ".local/openapi-python-client"

func TestPython_AGeneratedClientSendsAndReads(t *testing.T) {
	root, err := checkout.Root()
	if err != nil {
		t.Fatal(err)
	}
	python := filepath.Join(root, home, "bin", "python")
	if _, err := os.Stat(python); err != nil {
		if _, missing := exec.LookPath("python3"); missing == nil || os.Getenv("CI") == "true" {
			t.Fatalf("the generator is not in %s; make setup gets it, and needs Python", home)
		}
		t.Skip("left out: it needs Python")
	}
	s := system.Start(t, stack.Options{})
	description, err := s.Client.Do(t.Context(), probe.Call{Path: "/openapi.json"})
	if err != nil {
		t.Fatal(err)
	}
	work := t.TempDir()
	file := filepath.Join(work, "openapi.json")
	if err := os.WriteFile(file, description.Body, 0o600); err != nil {
		t.Fatal(err)
	}
	// It says that it leaves lines of JSON out, and formats nothing where its formatter is missing; what it makes is whole all the same.
	generate := exec.CommandContext(t.Context(), python, "-m", "openapi_python_client", "generate", "--path", file,
		"--output-path", filepath.Join(work, "made"), "--meta", "none")
	if output, err := generate.CombinedOutput(); err != nil {
		t.Fatalf("make the client: %v\n%s", err, output)
	}
	script, err := filepath.Abs("send_and_read.py")
	if err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(t.Context(), python, script, "generated-1")
	run.Env = append(os.Environ(), "PYTHONPATH="+work, "PYTHONDONTWRITEBYTECODE=1", "API="+s.Info.APIURL, "TOKEN="+s.Client.Token)
	output, err := run.CombinedOutput()
	if want := "Data saved successfully [21.5] 200 True"; err != nil || strings.TrimSpace(string(output)) != want {
		t.Errorf("the client printed %s(%v), want %s", output, err, want)
	}
}
