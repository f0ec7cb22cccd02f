package main_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestPreflight_EndsWithStatusOneWithoutCredentials runs what `make preflight` runs, on a machine that knows nothing of AWS.
func TestPreflight_EndsWithStatusOneWithoutCredentials(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", "..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(root, ".make", "cdk.sh")
	if _, err := os.ReadFile(script); err != nil { // which lets the Go command run this test again once it has changed
		t.Fatal(err)
	}
	cmd := exec.Command("sh", script, "preflight")
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "GOCACHE=" + goEnv(t, "GOCACHE"), "GOMODCACHE=" + goEnv(t, "GOMODCACHE"),
		"ENV=dev", "AWS_EC2_METADATA_DISABLED=true",
	}
	out, err := cmd.Output()
	var ended *exec.ExitError
	if !errors.As(err, &ended) || ended.ExitCode() != 1 {
		t.Errorf("error %v, want status 1", err)
	}
	for _, want := range []string{"Preflight of dev in eu-west-1, eu-central-1\n", "  MISSING  credentials  there are none: ", "\nNot ready. "} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	value, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(value))
}
