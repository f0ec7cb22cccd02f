package gobuild_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/constructs/goasset/gobuild"
)

func imageDir(t *testing.T) string {
	t.Helper()
	dir, err := gobuild.Image("api", runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestImage_HoldsTheProgramAndCertificatesOnly(t *testing.T) {
	dir := imageDir(t)
	var names []string
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, e.Name()+" "+info.Mode().String())
	}
	want := []string{"Dockerfile -rw-r--r--", "app -rwxr-xr-x", "ca-certificates.crt -rw-r--r--"}
	if !slices.Equal(names, want) {
		t.Errorf("the folder holds %q", names)
	}
	function, err := gobuild.Function("api", runtime.GOARCH)
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(filepath.Join(dir, "app"))
	if err != nil {
		t.Fatal(err)
	}
	built, err := os.ReadFile(filepath.Join(function, gobuild.FunctionBinary))
	if err != nil {
		t.Fatal(err)
	}
	if string(program) != string(built) {
		t.Error("app is not what was built")
	}
}

// TestImage_RunsWithoutRights builds the image and runs it as Fargate does: as a user without rights, on a root file
// system that cannot be written to. The API says then which keys its environment lacks.
func TestImage_RunsWithoutRights(t *testing.T) {
	for _, tool := range []string{"buildah", "podman", "runc"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("the image was not built and run: %s is not installed (apt-get install buildah podman runc)", tool)
		}
	}
	store := []string{"--root", t.TempDir(), "--runroot", t.TempDir(), "--storage-driver", "vfs"}
	output := func(tool string, args ...string) (string, error) {
		out, err := exec.Command(tool, append(slices.Clone(store), args...)...).CombinedOutput()
		return string(out), err
	}
	out, err := output("buildah", "bud", "--isolation", "chroot", "--tag", "sensorflow-test", imageDir(t))
	if err != nil {
		t.Fatalf("build the image: %v\n%s", err, out)
	}
	out, err = output("podman", "image", "inspect", "sensorflow-test", "--format",
		"{{.Config.User}} {{.Config.ExposedPorts}} {{.Config.Entrypoint}}")
	if want := "65532:65532 map[8080/tcp:{}] [/app]"; err != nil || strings.TrimSpace(out) != want {
		t.Errorf("the image is %s, %v, want %s", out, err, want)
	}
	out, err = output("podman", "--runtime", "runc", "--cgroup-manager", "cgroupfs", "run", "--rm", "--network", "host",
		"--read-only",
		"--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "sensorflow-test")
	if err == nil || !strings.Contains(out, "AWS_REGION must be set") {
		t.Errorf("run the image: %v\n%s", err, out)
	}
}
