package publish_test

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/sensorflow/sensorflow/infra/operate/publish"
)

const username, password = "AWS", "a-password-that-nobody-may-see"

// guardedRegistry is a registry that takes one password, as ECR does.
func guardedRegistry(t *testing.T) (host string, requests *atomic.Int64, breakUploads *atomic.Bool) {
	t.Helper()
	inner := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	requests, breakUploads = &atomic.Int64{}, &atomic.Bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u != username || p != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if r.Method == http.MethodPatch || r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/blobs/") {
			requests.Add(1)
			if breakUploads.Load() {
				_, _ = io.CopyN(io.Discard, r.Body, 1000)
				panic(http.ErrAbortHandler) // the connection breaks off
			}
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://"), requests, breakUploads
}

// client is a Client with a folder of its own; it returns what one verb says.
type client struct {
	dir string
	now time.Time
	// transport is http.DefaultTransport where it is nil.
	transport http.RoundTripper
}

func newClient(t *testing.T) *client {
	t.Helper()
	return &client{dir: filepath.Join(t.TempDir(), "state"), now: time.Date(2026, 11, 26, 4, 0, 0, 0, time.UTC)}
}

func (c *client) run(t *testing.T, input string, arguments ...string) (said string, status int, err error) {
	t.Helper()
	var out bytes.Buffer
	transport := c.transport
	if transport == nil {
		transport = http.DefaultTransport
	}
	status, err = publish.Client{
		Dir: c.dir, Transport: transport, Now: func() time.Time { return c.now }, In: strings.NewReader(input), Out: &out,
	}.Run(t.Context(), arguments)
	if err != nil && strings.Contains(err.Error(), password) || strings.Contains(out.String(), password) {
		t.Errorf("%q tells the password: %s, %v", arguments, out.String(), err)
	}
	return out.String(), status, err
}

func (c *client) must(t *testing.T, input string, arguments ...string) string {
	t.Helper()
	said, status, err := c.run(t, input, arguments...)
	if err != nil || status != publish.StatusOK {
		t.Fatalf("%q: status %d, error %v", arguments, status, err)
	}
	return said
}

// contextFolder is a folder as goasset makes it, with a program for this machine.
func contextFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	source := filepath.Join(dir, "main.go")
	files := map[string]string{
		source:                           "package main\n\nfunc main() { println(\"it runs\") }\n",
		filepath.Join(dir, "Dockerfile"): "FROM scratch\nCOPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt\nCOPY app /app\nUSER 65532:65532\nEXPOSE 8080\nENTRYPOINT [\"/app\"]\n",
		filepath.Join(dir, "ca-certificates.crt"): "roots",
	}
	for file, content := range files {
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", filepath.Join(dir, "app"), source)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the program: %v\n%s", err, out)
	}
	return dir
}

func pull(t *testing.T, tag string) v1.Image {
	t.Helper()
	reference, err := name.NewTag(tag)
	if err != nil {
		t.Fatal(err)
	}
	pulled, err := remote.Image(reference, remote.WithTransport(signed{}))
	if err != nil {
		t.Fatal(err)
	}
	return pulled
}

// signed is a transport that knows the password.
type signed struct{}

func (signed) RoundTrip(r *http.Request) (*http.Response, error) {
	r.SetBasicAuth(username, password)
	return http.DefaultTransport.RoundTrip(r)
}

// file returns a file of an image.
func file(t *testing.T, of v1.Image, name string) ([]byte, fs.FileMode) {
	t.Helper()
	content := mutate.Extract(of)
	defer content.Close()
	for files := tar.NewReader(content); ; {
		h, err := files.Next()
		if err != nil {
			t.Fatalf("look for %s: %v", name, err)
		}
		if h.Name == name {
			all, err := io.ReadAll(files)
			if err != nil {
				t.Fatal(err)
			}
			return all, h.FileInfo().Mode()
		}
	}
}

func TestClient_PublishesAnImageThatRuns(t *testing.T) {
	host, _, _ := guardedRegistry(t)
	dir, c := contextFolder(t), newClient(t)
	const local = "cdkasset-0123"
	tag := host + "/cdk-assets-111122223333-eu-west-1:0123"

	if _, status, err := c.run(t, "", "inspect", local); status != publish.StatusAbsent || err == nil {
		t.Errorf("an image that is not there: status %d, error %v", status, err)
	}
	c.must(t, password, "login", "--username", username, "--password-stdin", host)
	built := c.must(t, "", "--config", "/nowhere", "build", "--tag", local, "--platform", "linux/"+runtime.GOARCH, dir)
	c.must(t, "", "inspect", local)
	c.must(t, "", "tag", local, tag)
	if found := c.must(t, "", "images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference=*/*:0123"); found != tag+"\n" {
		t.Errorf("images lists %q, want %q", found, tag)
	}
	pushed := c.must(t, "", "push", tag)
	if strings.TrimPrefix(built, "built "+local) != strings.TrimPrefix(pushed, "pushed "+tag) {
		t.Errorf("built and pushed differ: %s%s", built, pushed)
	}

	pulled := pull(t, tag)
	if digest, err := pulled.Digest(); err != nil || !strings.Contains(pushed, digest.String()) {
		t.Errorf("digest %s is not in %q; error %v", digest, pushed, err)
	}
	app, mode := file(t, pulled, "app")
	want, err := os.ReadFile(filepath.Join(dir, "app"))
	if err != nil || !bytes.Equal(app, want) || mode.Perm() != 0o755 {
		t.Fatalf("the program has other bytes, or the mode %v; error %v", mode, err)
	}
	program := filepath.Join(t.TempDir(), "app")
	if err := os.WriteFile(program, app, mode.Perm()); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(program).CombinedOutput(); err != nil || string(out) != "it runs\n" {
		t.Errorf("the program of the layer says %q, error %v", out, err)
	}
	if config, err := pulled.ConfigFile(); err != nil || config.Architecture != runtime.GOARCH || config.Config.User != "65532:65532" {
		t.Errorf("config %+v, error %v", config, err)
	}
}

func TestLogin_RefusesAWrongPassword(t *testing.T) {
	host, _, _ := guardedRegistry(t)
	c := newClient(t)
	_, status, err := c.run(t, "another\n", "login", "--username", username, "--password-stdin", host)
	if want := "sign in: " + host + " refused the user name or the password"; err == nil || err.Error() != want || status != publish.StatusFailure {
		t.Errorf("status %d, error %v, want %s", status, err, want)
	}
	c.must(t, "", "build", "--tag", host+"/a:1", "--platform", "linux/arm64", contextFolder(t))
	_, _, err = c.run(t, "", "push", host+"/a:1")
	if want := "push: nobody has signed in to " + host + ", and it takes nothing from strangers"; err == nil || err.Error() != want {
		t.Errorf("push: error %v, want %s", err, want)
	}
}

// TestLogin_KeepsThePasswordToItself also holds that a password is forgotten once it is no longer good.
func TestLogin_KeepsThePasswordToItself(t *testing.T) {
	host, _, _ := guardedRegistry(t)
	c := newClient(t)
	c.must(t, password+"\n", "login", "--username", username, "--password-stdin", host)
	found := kept(t, c.dir)
	if len(found) != 1 {
		t.Fatalf("the password is in %q", found)
	}
	for _, path := range append(found, filepath.Dir(found[0]), c.dir) {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has the mode %v, error %v", path, info.Mode(), err)
		}
	}
	c.must(t, "", "build", "--tag", host+"/a:1", "--platform", "linux/arm64", contextFolder(t))
	c.now = c.now.Add(13 * time.Hour)
	if _, _, err := c.run(t, "", "push", host+"/a:1"); err == nil || !strings.Contains(err.Error(), "nobody has signed in") {
		t.Errorf("with an old password: error %v", err)
	}
	if found := kept(t, c.dir); len(found) != 0 {
		t.Errorf("an old password is still in %q", found)
	}
}

// kept lists the files that hold the password.
func kept(t *testing.T, dir string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(password)) {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestPush_MayBeRepeated(t *testing.T) {
	host, uploads, broken := guardedRegistry(t)
	c, dir := newClient(t), contextFolder(t)
	noise := make([]byte, 2<<20) // which cannot be compressed
	_, _ = rand.Read(noise)
	if err := os.WriteFile(filepath.Join(dir, "app"), noise, 0o755); err != nil {
		t.Fatal(err)
	}
	tag := host + "/a:1"
	c.must(t, password, "login", "--username", username, "--password-stdin", host)
	c.must(t, "", "build", "--tag", tag, "--platform", "linux/arm64", dir)

	broken.Store(true)
	if _, status, err := c.run(t, "", "push", tag); status != publish.StatusFailure || err == nil {
		t.Fatalf("a broken push: status %d, error %v", status, err)
	}
	broken.Store(false)
	first := c.must(t, "", "push", tag)
	sent := uploads.Load()
	if again := c.must(t, "", "push", tag); again != first {
		t.Errorf("pushed again: %q, want %q", again, first)
	}
	if uploads.Load() != sent {
		t.Errorf("what was there was sent again")
	}
	if got, _ := file(t, pull(t, tag), "app"); !bytes.Equal(got, noise) {
		t.Error("the file has other bytes")
	}
}

// TestPush_EndsWithItsContext holds that a push ends with its process.
func TestPush_EndsWithItsContext(t *testing.T) {
	host, _, _ := guardedRegistry(t)
	c := newClient(t)
	c.must(t, password, "login", "--username", username, "--password-stdin", host)
	c.must(t, "", "build", "--tag", host+"/a:1", "--platform", "linux/arm64", contextFolder(t))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := publish.Client{Dir: c.dir, Transport: http.DefaultTransport, Now: func() time.Time { return c.now }, Out: io.Discard}.
		Run(ended, []string{"push", host + "/a:1"})
	if err == nil || !strings.Contains(err.Error(), "context canceled") {
		t.Errorf("error %v", err)
	}
}

// TestClient_SendsPasswordsOnlyEncryptedOrNowhere is about private networks, with which the library would speak plain HTTP.
func TestClient_SendsPasswordsOnlyEncryptedOrNowhere(t *testing.T) {
	c := newClient(t)
	for _, host := range []string{"10.0.0.1:5000", "192.168.1.2"} {
		_, _, err := c.run(t, password, "login", "--username", username, "--password-stdin", host)
		if err == nil || !strings.Contains(err.Error(), "is asked over plain HTTP, which only this machine may be") {
			t.Errorf("%s: error %v", host, err)
		}
	}
}

func TestClient_ForgetsOldImages(t *testing.T) {
	c, dir := newClient(t), contextFolder(t)
	c.now = time.Now()
	c.must(t, "", "build", "--tag", "old:1", "--platform", "linux/arm64", dir)
	c.now = c.now.Add(8 * 24 * time.Hour)
	c.must(t, "", "build", "--tag", "new:1", "--platform", "linux/amd64", dir)
	c.must(t, "", "inspect", "new:1")
	if _, status, err := c.run(t, "", "inspect", "old:1"); status != publish.StatusAbsent {
		t.Errorf("status %d, error %v", status, err)
	}
	if images, err := os.ReadDir(filepath.Join(c.dir, "images")); err != nil || len(images) != 1 {
		t.Errorf("%d images are kept, error %v", len(images), err)
	}
}

func TestClient_RefusesWhatTheCDKDoesNotAsk(t *testing.T) {
	for name, c := range map[string]struct {
		arguments []string
		want      string
	}{
		"rejects nothing":               {nil, "a verb is missing: inspect, images, build, tag, login or push"},
		"rejects another verb":          {[]string{"run", "x"}, `the verb "run" is not supported: there are inspect,`},
		"rejects build arguments":       {[]string{"build", "--build-arg", "A=b", "--tag", "x", "."}, "build: flag provided but not defined: -build-arg; DOCKER=yes"},
		"rejects a target":              {[]string{"build", "--tag", "x", "--target", "y", "."}, "build: flag provided but not defined: -target"},
		"rejects a build without a tag": {[]string{"build", "."}, "build needs --tag"},
		"rejects a password in sight":   {[]string{"login", "--username", "u", "-p", "secret", "h"}, "login: flag provided but not defined: -p"},
		"rejects a login without input": {[]string{"login", "--username", "u", "h"}, "login needs --username and --password-stdin"},
		"rejects an empty password":     {[]string{"login", "--username", "u", "--password-stdin", "h"}, "login got no password from its input"},
		"rejects another format":        {[]string{"images", "--format", "{{.ID}}", "--filter", "reference=a"}, "images takes --format"},
		"rejects one tag":               {[]string{"tag", "a"}, "tag takes 2 arguments"},
		"rejects what is no tag":        {[]string{"push", "a:1"}, "a:1: there is no such image here"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := newClient(t).run(t, "", c.arguments...); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %s", err, c.want)
			}
		})
	}
}

// TestClient_TellsAFailureFromAnAbsentImage holds what the CDK goes by: after status 1 it builds, after any other it stops.
func TestClient_TellsAFailureFromAnAbsentImage(t *testing.T) {
	c := newClient(t)
	c.must(t, "", "build", "--tag", "a:1", "--platform", "linux/arm64", contextFolder(t))
	tags := filepath.Join(c.dir, "tags")
	entries, err := os.ReadDir(tags)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%d tags, error %v", len(entries), err)
	}
	if err := os.WriteFile(filepath.Join(tags, entries[0].Name()), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, status, err := c.run(t, "", "inspect", "a:1"); status != publish.StatusFailure || err == nil {
		t.Errorf("a damaged tag: status %d, error %v", status, err)
	}
}
