package consumertest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// consumer is a copy of the app with its own environment.
type consumer struct {
	dir string
	env []string
}

// newest tells whether the app is to use the newest CDK that there is, in place of the one that this module was built
// with. `make consumer CDK=latest` wants it; what tests do must not depend on the day.
func newest() bool { return os.Getenv("CONSUMER_CDK") == "latest" }

// newConsumer copies the app, lets it require the published version and does what its team does: go mod tidy.
func newConsumer(t *testing.T, p *published) *consumer {
	t.Helper()
	c := &consumer{dir: t.TempDir()}
	for _, pattern := range []string{"*.go", "*.json", "go.mod"} {
		paths, err := filepath.Glob(filepath.Join("..", "consumer", pattern))
		if err != nil || len(paths) == 0 {
			t.Fatalf("there is no %s: %v", pattern, err)
		}
		for _, path := range paths {
			c.copy(t, path)
		}
	}
	elsewhere := setting(t, "GOPROXY")
	c.env = append(os.Environ(),
		"GOPROXY=file://"+p.proxy+",file://"+filepath.Join(p.cache, "cache", "download")+","+elsewhere,
		"GONOSUMDB="+modulePath, "GOWORK=off", "GOFLAGS=", "GOMODCACHE="+p.cache,
		"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20", "CDK_DOCKER=/nowhere/docker")
	c.run(t, "go", "mod", "edit", "-dropreplace="+modulePath, "-require="+modulePath+"@"+p.version)
	if newest() {
		c.run(t, "go", "get", "github.com/aws/aws-cdk-go/awscdk/v2@latest",
			"github.com/aws/constructs-go/constructs/v10@latest",
			"github.com/aws/jsii-runtime-go@latest")
		c.run(t, "go", "mod", "tidy")
		t.Log(c.run(t, "go", "list", "-m", "github.com/aws/aws-cdk-go/awscdk/v2"))
		return c
	}
	c.env = append(c.env, "GOSUMDB=off", "CDK_VALIDATION=false")
	c.run(t, "go", "mod", "tidy")
	c.checkSums(t, p)
	return c
}

func (c *consumer) copy(t *testing.T, path string) {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(c.dir, filepath.Base(path)), body, 0o644); err != nil {
		t.Fatal(err)
	}
}

// checkSums takes the place of the sum database, for which there may be no network. It refuses third-party modules that
// are not in go.sum of this module.
func (c *consumer) checkSums(t *testing.T, p *published) {
	t.Helper()
	reviewed, err := os.ReadFile(filepath.Join("..", "..", "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	known := strings.Split(string(reviewed), "\n")
	sums, err := os.ReadFile(filepath.Join(c.dir, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(sums)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, modulePath+" "+p.version) && !slices.Contains(known, line) {
			t.Errorf("go mod tidy brings what go.sum of this module does not have: %s", line)
		}
	}
}

func (c *consumer) run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = c.dir, c.env
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s%s", filepath.Base(name), args, err, out, said.Bytes())
	}
	return strings.TrimSpace(string(out))
}

func setting(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// snapshot describes every file below a folder, so that any write shows. Permissions would not show it, since root may
// write everywhere.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	seen := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		seen[path] = fmt.Sprint(info.Mode(), info.Size(), info.ModTime().UnixNano())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

func TestConsumer_SynthesizesFromTheModuleCache(t *testing.T) {
	p := publish(t, setting(t, "GOMODCACHE"))
	c := newConsumer(t, p)
	began := time.Now()
	c.run(t, "go", "build", "-o", "app", ".")
	t.Logf("the app took %.1f s to build", time.Since(began).Seconds())
	if dir := c.run(t, "go", "list", "-m", "-f", "{{.Dir}}", modulePath); dir != p.dir() {
		t.Fatalf("the module is used from %s, not from %s", dir, p.dir())
	}
	before := snapshot(t, p.dir())
	for path, is := range before {
		if strings.Contains(strings.Fields(is)[0], "w") {
			t.Errorf("%s can be written: %s", path, is)
		}
	}
	out := filepath.Join(c.dir, "cdk.out")
	c.env = append(c.env, "CDK_OUTDIR="+out)
	began = time.Now()
	c.run(t, filepath.Join(c.dir, "app"))
	t.Logf("its assembly took %.1f s", time.Since(began).Seconds())
	if after := snapshot(t, p.dir()); !maps.Equal(before, after) {
		t.Error("the module in the cache is not what it was before")
	}

	a := readAssembly(t, out)
	t.Run("has all stacks", func(t *testing.T) {
		want := []string{
			"Existing", "Everything", "People", "Plain", "Prod/Coldchain-prod-eu-central-1", "Prod/Coldchain-prod-eu-west-1",
			"Prod/Coldchain-prod-keys-eu-central-1", "Prod/Coldchain-prod-keys-eu-west-1", "Prod/Coldchain-prod-state",
			"Staging/Coldchain-staging-eu-north-1", "Staging/Coldchain-staging-eu-west-1",
			"Staging/Coldchain-staging-keys-eu-north-1",
			"Staging/Coldchain-staging-keys-eu-west-1", "Staging/Coldchain-staging-state",
		}
		if got := slices.Sorted(maps.Keys(a.stacks)); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
			t.Errorf("the stacks are %q", got)
		}
		for name, errors := range a.errors {
			t.Errorf("%s: %v", name, errors)
		}
	})
	t.Run("passes the CDK's own check", func(t *testing.T) { checkReport(t, out) })
	t.Run("has the programs", func(t *testing.T) { a.checkPrograms(t) })
	t.Run("uses what exists", func(t *testing.T) { checkExisting(t, a.stacks["Existing"]) })
	t.Run("signs people in by a pool that exists", func(t *testing.T) { checkPeople(t, a.stacks["People"]) })
	t.Run("is what README.md shows", func(t *testing.T) { c.checkReadme(t) })
}

// checkReadme builds the program that README.md shows, as it stands there, and has it make its stack.
func (c *consumer) checkReadme(t *testing.T) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, program, found := strings.Cut(string(page), "\n```go\npackage main\n")
	program, _, ended := strings.Cut(program, "\n```\n")
	if !found || !ended {
		t.Fatal("README.md shows no program")
	}
	dir := filepath.Join(c.dir, "readme")
	out := filepath.Join(dir, "cdk.out")
	if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(filepath.Join(dir, "main.go"), []byte("package main\n"+program+"\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
	c.run(t, "go", "vet", "./readme")
	c.run(t, "go", "build", "-o", filepath.Join(dir, "app"), "./readme")
	// The CDK's command line names the place for the assembly by CDK_OUTDIR.
	shown := consumer{dir: dir, env: append(slices.Clone(c.env), "CDK_OUTDIR="+out)}
	shown.run(t, filepath.Join(dir, "app"))
	a := readAssembly(t, out)
	if got := slices.Sorted(maps.Keys(a.stacks)); !slices.Equal(got, []string{"Telemetry"}) || a.stacks["Telemetry"].count("AWS::ECS::Service") != 1 {
		t.Errorf("the stacks are %q", got)
	}
	for name, problems := range a.errors {
		t.Errorf("%s: %v", name, problems)
	}
}

// checkReport wants no finding of the CDK about the templates, where the app has them checked, as apps do by
// themselves.
func checkReport(t *testing.T, dir string) {
	t.Helper()
	if !newest() {
		t.Skip("make consumer CDK=latest has them checked: it takes many seconds")
	}
	var report struct {
		PluginReports []struct{ Violations []json.RawMessage }
	}
	readJSON(t, filepath.Join(dir, "validation-report.json"), &report)
	for _, plugin := range report.PluginReports {
		for _, violation := range plugin.Violations {
			t.Errorf("the CDK finds %s", violation)
		}
	}
}

// checkPeople fails where the stack makes a user pool or an address of one, or no clients in the one that exists.
func checkPeople(t *testing.T, s stack) {
	t.Helper()
	for made, want := range map[string]int{
		"AWS::Cognito::UserPool": 0, "AWS::Cognito::UserPoolDomain": 0, "AWS::Cognito::UserPoolClient": 3, // that of the smoke test among them
	} {
		if n := s.count(made); n != want {
			t.Errorf("it makes %d of %s, want %d", n, made, want)
		}
	}
}

// checkExisting fails where the stack makes something that was passed in.
func checkExisting(t *testing.T, s stack) {
	t.Helper()
	for _, made := range []string{
		"AWS::EC2::VPC", "AWS::EC2::Subnet", "AWS::EC2::NatGateway", "AWS::KMS::Key", "AWS::DynamoDB::GlobalTable",
		"AWS::Cognito::UserPool",
		"AWS::SecretsManager::Secret",
	} {
		// One table is of the region: that of the uploads.
		if n := s.count(made); n > 0 && (made != "AWS::DynamoDB::GlobalTable" || n != 1) {
			t.Errorf("it makes %d of %s", n, made)
		}
	}
}
