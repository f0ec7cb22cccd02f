package image_test

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/sensorflow/sensorflow/infra/operate/image"
)

const arm = "linux/arm64"

// like is a Dockerfile with every instruction that there is.
const like = `# the one of the library, and more
FROM scratch
COPY certificates.crt /etc/ssl/certs/certificates.crt
COPY app \
  /app
COPY static folder /srv/
ENV MODE=plain NAME="two words"
LABEL org.example.title="An app"
USER 65532:65532
EXPOSE 8080 9090/udp
HEALTHCHECK --interval=10s --timeout=2s --start-period=1m --retries=4 CMD ["/app", "-check"]
ENTRYPOINT ["/app"]
cmd ["-serve"]
`

// folder writes the files of an image; a name that ends with * is a program.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		name, isProgram := strings.CutSuffix(name, "*")
		path := filepath.Join(dir, name)
		mode := os.FileMode(0o644)
		if isProgram {
			mode = 0o755
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func whole(t *testing.T) string {
	t.Helper()
	return folder(t, map[string]string{
		"Dockerfile": like, "certificates.crt": strings.Repeat("a root\n", 1000), "app*": "\x7fELF of a kind",
		"static/index.html": "<p>", "static/deep/a.css": "b{}", "folder/readme": "read",
	})
}

func build(t *testing.T, dir, platform string) v1.Image {
	t.Helper()
	built, err := image.Build(dir, "Dockerfile", platform)
	if err != nil {
		t.Fatal(err)
	}
	return built
}

// list tells what the layers hold.
func list(t *testing.T, of v1.Image) (all []string) {
	t.Helper()
	layers, err := of.Layers()
	if err != nil {
		t.Fatal(err)
	}
	for number, layer := range layers {
		content, err := layer.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		defer content.Close()
		for files := tar.NewReader(content); ; {
			h, err := files.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if h.Uid != 0 || h.Gid != 0 || h.Uname != "" || !h.ModTime.Equal(time.Unix(0, 0)) {
				t.Errorf("%s tells of this machine: %+v", h.Name, h)
			}
			all = append(all, fmt.Sprintf("%d %s %o %d", number, h.Name, h.Mode, h.Size))
		}
	}
	return all
}

func TestBuild_HoldsWhatTheDockerfileSays(t *testing.T) {
	built := build(t, whole(t), arm)
	want := []string{
		"0 etc/ 755 0", "0 etc/ssl/ 755 0", "0 etc/ssl/certs/ 755 0", "0 etc/ssl/certs/certificates.crt 644 7000",
		"1 app 755 14",
		"2 srv/ 755 0", "2 srv/deep/ 755 0", "2 srv/deep/a.css 644 3", "2 srv/index.html 644 3", "2 srv/readme 644 4",
	}
	if got := list(t, built); !slices.Equal(got, want) {
		t.Errorf("the layers hold\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	config, err := built.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	health := config.Config.Healthcheck
	config.Config.Healthcheck = nil
	got := fmt.Sprintf("%s/%s %+v", config.OS, config.Architecture, config.Config)
	for _, part := range []string{
		"linux/arm64 ", "Entrypoint:[/app]", "Cmd:[-serve]", "Env:[MODE=plain NAME=two words]", "Labels:map[org.example.title:An app]",
		"User:65532:65532", "ExposedPorts:map[8080/tcp:{} 9090/udp:{}]",
	} {
		if !strings.Contains(got, part) {
			t.Errorf("%s is missing in %s", part, got)
		}
	}
	if fmt.Sprintf("%+v", *health) != "{Test:[CMD /app -check] Interval:10s Timeout:2s StartPeriod:1m0s Retries:4}" {
		t.Errorf("health check %+v", *health)
	}
	if media, err := built.MediaType(); err != nil || media != "application/vnd.docker.distribution.manifest.v2+json" {
		t.Errorf("the manifest is %s, error %v", media, err)
	}
}

// TestBuild_GivesTheSameDigestEverywhere holds the digest of fixed files to the one that was written down. It changes with the
// Dockerfile's text, and where the library that compresses is replaced by one that does it otherwise.
func TestBuild_GivesTheSameDigestEverywhere(t *testing.T) {
	const want = "sha256:5d37c894ccf3584746975448adceff8bc520c785e5989c64e5f359cb8d86e684"
	first := whole(t)
	second := whole(t)
	err := filepath.WalkDir(second, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if err := os.Chmod(path, info.Mode()&^0o077); err != nil { // as another umask leaves them
			return err
		}
		long := time.Date(2001, 2, 3, 4, 5, 6, 7, time.UTC)
		return os.Chtimes(path, long, long)
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{"new files": first, "old files, closed to others": second} {
		if digest, err := build(t, dir, arm).Digest(); err != nil || digest.String() != want {
			t.Errorf("%s: digest %s, want %s; error %v", name, digest, want, err)
		}
	}
	if digest, err := build(t, first, "linux/amd64").Digest(); err != nil || digest.String() == want {
		t.Errorf("the platform is not in the digest; error %v", err)
	}
}

// TestBuild_RefusesWhatItCannotDo holds that nothing is left out in silence.
func TestBuild_RefusesWhatItCannotDo(t *testing.T) {
	const app = "FROM scratch\nCOPY app /app\n"
	for name, c := range map[string]struct{ dockerfile, want string }{
		"rejects a base image":         {"FROM alpine:3\nCOPY app /app\n", `"FROM alpine:3": the first instruction must be FROM scratch`},
		"rejects a named stage":        {"FROM scratch AS x\n", `"FROM scratch AS x": the first instruction must be FROM scratch`},
		"rejects a second stage":       {app + "FROM scratch\n", `"FROM scratch": FROM is not supported; without Docker there are FROM scratch, COPY,`},
		"rejects RUN":                  {app + "RUN [\"/app\"]\n", `"RUN [\"/app\"]": RUN is not supported; `},
		"rejects ADD":                  {app + "add app /b\n", `"ADD app /b": ADD is not supported; `},
		"rejects ARG":                  {"ARG A=1\n" + app, `"ARG A=1": the first instruction must be FROM scratch`},
		"rejects WORKDIR":              {app + "WORKDIR /x\n", `"WORKDIR /x": WORKDIR is not supported; `},
		"rejects a shell form":         {app + "ENTRYPOINT /app\n", `"ENTRYPOINT /app": ENTRYPOINT must be a list such as ["/app"]`},
		"rejects options of COPY":      {"FROM scratch\nCOPY --chown=1 app /app\n", `COPY takes no options here`},
		"rejects a pattern":            {"FROM scratch\nCOPY a* /app\n", `COPY takes files and folders by their names`},
		"rejects a variable":           {"FROM scratch\nCOPY app /$NAME\n", `variables, quotes and lists are not supported here`},
		"rejects a relative place":     {"FROM scratch\nCOPY app app\n", `the place must be absolute`},
		"rejects a place above":        {"FROM scratch\nCOPY app /a/../../b\n", `the place must not have ..`},
		"rejects a source outside":     {"FROM scratch\nCOPY ../app /app\n", `../app is not in the folder of the image`},
		"rejects a missing source":     {"FROM scratch\nCOPY none /app\n", `look at none: `},
		"rejects a link":               {"FROM scratch\nCOPY link /app\n", `link is neither a file nor a folder`},
		"rejects several into a file":  {"FROM scratch\nCOPY app link /app\n", `the place must end with a slash`},
		"rejects the old form of ENV":  {app + "ENV A b\n", `ENV must be KEY=value`},
		"rejects a variable in ENV":    {app + "ENV A=$B\n", `variables, escapes and single quotes are not supported`},
		"rejects an open quote":        {app + "ENV A=\"b\n", `a quote is not closed`},
		"rejects a port that is none":  {app + "EXPOSE 70000\n", `"70000" is no port such as 8080`},
		"rejects an unknown protocol":  {app + "EXPOSE 80/http\n", `"80/http" is no port such as 8080`},
		"rejects a check by shell":     {app + "HEALTHCHECK CMD curl x\n", `HEALTHCHECK must be a list such as`},
		"rejects an option of a check": {app + "HEALTHCHECK --start-interval=1s CMD [\"/app\"]\n", `"--start-interval=1s" is not an option`},
		"rejects two users":            {app + "USER a b\n", `USER takes one word`},
		"rejects another escape":       {"# escape=`\n" + app, "another escape character is not supported"},
		"rejects an empty file":        {"# nothing\n", "the Dockerfile has no instruction"},
		"rejects what starts nothing":  {app, "the image starts nothing"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t, map[string]string{"Dockerfile": c.dockerfile, "app*": "x"})
			if err := os.Symlink("/etc/passwd", filepath.Join(dir, "link")); err != nil {
				t.Fatal(err)
			}
			if _, err := image.Build(dir, "Dockerfile", arm); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %s", err, c.want)
			}
		})
	}
}

func TestBuild_RefusesOtherFoldersAndPlatforms(t *testing.T) {
	good := map[string]string{"Dockerfile": "FROM scratch\nCOPY app /app\nENTRYPOINT [\"/app\"]\n", "app*": "x"}
	for _, platform := range []string{"", "linux", "linux/arm", "windows/amd64"} {
		if _, err := image.Build(folder(t, good), "Dockerfile", platform); err == nil || !strings.Contains(err.Error(), "the platform must be") {
			t.Errorf("platform %q: error %v", platform, err)
		}
	}
	good[".dockerignore"] = "app"
	if _, err := image.Build(folder(t, good), "Dockerfile", arm); err == nil || !strings.Contains(err.Error(), ".dockerignore is not supported") {
		t.Errorf("error %v", err)
	}
}
