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

// sent is what each script prints in the end: the service's answer, the values that it reads back, and how a day's aggregates are answered.
const sent = "Data saved successfully [21.5] 200 true"

// describe writes the description of a running system to a file, as a consumer gets it.
func describe(t *testing.T, s *system.System, file string) {
	t.Helper()
	description, err := s.Client.Do(t.Context(), probe.Call{Path: "/openapi.json"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, description.Body, 0o600); err != nil {
		t.Fatal(err)
	}
}

// installed is a folder of .local in which a generator is, with the file that tells so.
func installed(t *testing.T, home, file string) string {
	t.Helper()
	root, err := checkout.Root()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, home, file)); err != nil {
		t.Fatalf("the generator is not in %s; make setup gets it", home)
	}
	return filepath.Join(root, home)
}

// in runs a command in a folder, and ends the test where it fails.
func in(t *testing.T, folder string, environment []string, name string, arguments ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), name, arguments...)
	command.Dir, command.Env = folder, append(os.Environ(), environment...)
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(command.Args, " "), err, output)
	}
	return strings.TrimSpace(string(output))
}

func TestPython_AGeneratedClientSendsAndReads(t *testing.T) {
	if _, err := exec.LookPath("python3"); err != nil && os.Getenv("CI") != "true" {
		t.Skip("left out: it needs Python")
	}
	python := filepath.Join(installed(t, ".local/openapi-python-client", "bin/python"), "bin", "python")
	script, err := filepath.Abs("send_and_read.py")
	if err != nil {
		t.Fatal(err)
	}
	s, work := system.Start(t, stack.Options{}), t.TempDir()
	describe(t, s, filepath.Join(work, "openapi.json"))
	// It says that it leaves lines of JSON out, and formats nothing where its formatter is missing; what it makes is whole all the same.
	in(t, work, nil, python, "-m", "openapi_python_client", "generate", "--path", "openapi.json", "--output-path", "made", "--meta", "none")
	environment := []string{"PYTHONPATH=" + work, "PYTHONDONTWRITEBYTECODE=1", "API=" + s.Info.APIURL, "TOKEN=" + s.Client.Token}
	if got := in(t, work, environment, python, script, "generated-py"); got != sent {
		t.Errorf("the client printed %s, want %s", got, sent)
	}
}

func TestTypeScript_AGeneratedClientSendsAndReads(t *testing.T) {
	packages := filepath.Join(installed(t, ".local/openapi-typescript", "node_modules/typescript/bin/tsc"), "node_modules")
	script, err := os.ReadFile("send_and_read.ts")
	if err != nil {
		t.Fatal(err)
	}
	s, work := system.Start(t, stack.Options{}), t.TempDir()
	describe(t, s, filepath.Join(work, "openapi.json"))
	for name, content := range map[string][]byte{"send_and_read.ts": script, "package.json": []byte(`{"type":"module"}`)} {
		if err := os.WriteFile(filepath.Join(work, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(packages, filepath.Join(work, "node_modules")); err != nil {
		t.Fatal(err)
	}
	in(t, work, nil, "node", filepath.Join(packages, "openapi-typescript", "bin", "cli.js"), "openapi.json", "--output", "made.d.ts")
	in(t, work, nil, "node", filepath.Join(packages, "typescript", "bin", "tsc"), "--strict", "--target", "es2022", "--module", "nodenext",
		"--lib", "es2022,dom", "send_and_read.ts")
	environment := []string{"API=" + s.Info.APIURL, "TOKEN=" + s.Client.Token}
	if got := in(t, work, environment, "node", "send_and_read.js", "generated-ts"); got != sent {
		t.Errorf("the client printed %s, want %s", got, sent)
	}
}
