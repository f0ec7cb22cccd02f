package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/infra/operate/internal/awstest"
)

// TestDeploy_PublishesByThisProgram runs what `make deploy` runs, with a program in place of Node.js that tells what it was given.
func TestDeploy_PublishesByThisProgram(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", "..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(root, ".make", "cdk.sh")
	if _, err := os.ReadFile(script); err != nil { // which lets the Go command run this test again once it has changed
		t.Fatal(err)
	}
	programs, work := t.TempDir(), t.TempDir()
	node := "#!/bin/sh\necho \"docker=${CDK_DOCKER:-docker}\"\nls -d \"${SENSORFLOW_PUBLISHER_DIR:-/}\"\n"
	if err := os.WriteFile(filepath.Join(programs, "node"), []byte(node), 0o755); err != nil {
		t.Fatal(err)
	}
	account := awstest.New(t)
	account.Bootstrapped = []string{"eu-west-1", "eu-central-1"}
	own := filepath.Join(root, ".local", "bin", "publisher")
	for name, c := range map[string]struct{ variable, want string }{
		"by default":      {"", own},
		"with Docker":     {"DOCKER=yes", "docker"},
		"another program": {"CDK_DOCKER=podman", "podman"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command("sh", script, "deploy")
			cmd.Env = []string{
				"PATH=" + programs + ":" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TMPDIR=" + work, "ENV=dev",
				"AWS_ACCESS_KEY_ID=A", "AWS_SECRET_ACCESS_KEY=a", "AWS_ENDPOINT_URL=" + account.URL, c.variable,
			}
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), "docker="+c.want+"\n") {
				t.Errorf("want docker=%s, error %v\n%s", c.want, err, out)
			}
			if left, err := os.ReadDir(work); err != nil || len(left) != 0 {
				t.Errorf("%d folders are left, error %v", len(left), err)
			}
		})
	}
	if out, err := exec.Command(own, "inspect", "nothing:1").CombinedOutput(); exitCode(err) != 1 || !strings.Contains(string(out), "there is no such image here") {
		t.Errorf("the program that was built says %q, error %v", out, err)
	}
}

// TestPublisher_IsBuiltFromAClone runs what constructs/README.md tells people who have no checkout, with a program in place of the
// CDK's that lets the publisher look for an image.
func TestPublisher_IsBuiltFromAClone(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", "..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, ".git")); err != nil {
		t.Skip("this is no clone: nothing can be cloned from it")
	}
	page, err := os.ReadFile(filepath.Join(root, "constructs", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	const address = "https://github.com/sensorflow/sensorflow"
	_, rest, _ := strings.Cut(string(page), "```sh\ngit clone ")
	told, _, found := strings.Cut(rest, "```")
	if !found || !strings.Contains(told, address) {
		t.Fatal("the page does not tell how the publisher is built")
	}
	programs, work := t.TempDir(), t.TempDir()
	cdk := "#!/bin/sh\n[ \"$1\" = deploy ] && exec \"$CDK_DOCKER\" inspect nothing:1\n"
	if err := os.WriteFile(filepath.Join(programs, "cdk"), []byte(cdk), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-ec", "git clone "+strings.Replace(told, address, "file://"+root+" sensorflow", 1))
	cmd.Dir = work
	cmd.Env = append(os.Environ(), "PATH="+programs+":"+os.Getenv("PATH"), "SENSORFLOW_PUBLISHER_DIR="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if exitCode(err) != 1 || !strings.Contains(string(out), "there is no such image here") {
		t.Errorf("error %v\n%s", err, out)
	}
}

func exitCode(err error) int {
	if e, isExit := err.(*exec.ExitError); isExit {
		return e.ExitCode()
	}
	return 0
}
