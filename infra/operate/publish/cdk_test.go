package publish_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/sensorflow/sensorflow/constructs/goasset/gobuild"
)

// standIn answers as AWS does when the CDK publishes an image, and remembers what it was asked.
type standIn struct {
	registry string
	images   func(repository, tag string) bool
	mu       sync.Mutex
	asked    []string
}

func (s *standIn) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if operation == "" {
		_ = r.ParseForm()
		for pair := range strings.SplitSeq(string(body), "&") {
			if action, found := strings.CutPrefix(pair, "Action="); found {
				operation = action
			}
		}
	}
	s.mu.Lock()
	s.asked = append(s.asked, operation)
	s.mu.Unlock()
	var input struct {
		RepositoryName  string   `json:"repositoryName"`
		RepositoryNames []string `json:"repositoryNames"`
		ImageIDs        []struct {
			ImageTag string `json:"imageTag"`
		} `json:"imageIds"`
	}
	_ = json.Unmarshal(body, &input)
	switch operation {
	case "GetCallerIdentity":
		_, _ = io.WriteString(w, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>`+
			`<Arn>arn:aws:iam::111122223333:user/test</Arn><UserId>U</UserId><Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`)
	case "AssumeRole":
		_, _ = io.WriteString(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>B</AccessKeyId>`+
			`<SecretAccessKey>b</SecretAccessKey><SessionToken>s</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`)
	case "DescribeRepositories":
		_, _ = fmt.Fprintf(w, `{"repositories":[{"repositoryUri":"%s/%s"}]}`, s.registry, input.RepositoryNames[0])
	case "DescribeImages":
		if s.images(input.RepositoryName, input.ImageIDs[0].ImageTag) {
			_, _ = io.WriteString(w, `{"imageDetails":[{}]}`)
			return
		}
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"__type":"ImageNotFoundException","message":"no such image"}`)
	case "GetAuthorizationToken":
		_, _ = fmt.Fprintf(w, `{"authorizationData":[{"authorizationToken":"%s","proxyEndpoint":"http://%s"}]}`,
			base64.StdEncoding.EncodeToString([]byte(username+":"+password)), s.registry)
	default:
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"__type":"UnknownOperation"}`)
	}
}

// assembly writes what the CDK synthesizes of an app with one image and a stack in each of two regions.
func assembly(t *testing.T, version, image, hash string) string {
	t.Helper()
	dir := t.TempDir()
	artifacts := map[string]any{}
	for _, region := range []string{"eu-west-1", "eu-central-1"} {
		write(t, filepath.Join(dir, region+".template.json"), map[string]any{"Resources": map[string]any{}})
		write(t, filepath.Join(dir, region+".assets.json"), map[string]any{
			"version": version,
			"dockerImages": map[string]any{hash: map[string]any{
				"displayName": "Api", "source": map[string]any{"directory": image, "platform": "linux/arm64"},
				"destinations": map[string]any{"there": map[string]any{
					"repositoryName": "cdk-assets-" + region, "imageTag": hash, "region": region,
					"assumeRoleArn": "arn:${AWS::Partition}:iam::111122223333:role/publishing-" + region,
				}},
			}},
		})
		artifacts[region+".assets"] = map[string]any{
			"type": "cdk:asset-manifest", "properties": map[string]any{"file": region + ".assets.json"},
		}
		artifacts[region] = map[string]any{
			"type": "aws:cloudformation:stack", "environment": "aws://111122223333/" + region,
			"properties": map[string]any{"templateFile": region + ".template.json"}, "dependencies": []string{region + ".assets"},
		}
	}
	write(t, filepath.Join(dir, "manifest.json"), map[string]any{"version": "55.0.0", "artifacts": artifacts})
	return dir
}

func write(t *testing.T, file string, content any) {
	t.Helper()
	text, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// programs are those that the steps of the delivery pipeline run. `make pipeline-programs` brings them, here beside an assembly without
// templates.
func programs(t *testing.T) (folder string) {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"cdk.sh", "cdk-cli.sh", "npm.sh"} {
		if _, err := os.ReadFile(filepath.Join(root, ".make", file)); err != nil { // so that a change lets this test run again
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "manifest.json"), map[string]any{})
	cmd := exec.Command("make", "-C", root, "pipeline-programs")
	cmd.Env = append(os.Environ(), "ASSEMBLY="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("bring the programs: %v\n%s", err, out)
	}
	return filepath.Join(dir, "programs")
}

// TestCDK_PublishesWithoutDocker lets the CDK's own command line publish the API's image, as the library builds it for AWS, and its
// publisher of assets, which pipelines run.
func TestCDK_PublishesWithoutDocker(t *testing.T) {
	brought := programs(t)
	publisher := filepath.Join(brought, "publisher", "bin", "publisher")
	image, err := gobuild.Image("api", gobuild.ARM64)
	if err != nil {
		t.Fatal(err)
	}
	const hash = "28e17f9b644d493d220f3c58a367369bb2c27181e7a94ebbfb41451cf5d4a231"
	host, _, _ := guardedRegistry(t)
	pushed := map[string]bool{}
	aws := &standIn{registry: host, images: func(repository, _ string) bool { return pushed[repository] }}
	server := httptest.NewServer(aws)
	t.Cleanup(server.Close)
	state := t.TempDir()
	run := func(program string, arguments ...string) string {
		cmd := exec.Command("node", append([]string{filepath.Join(brought, program, "bin", program)}, arguments...)...)
		cmd.Dir = t.TempDir()
		cmd.Env = []string{
			"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "CDK_DISABLE_CLI_TELEMETRY=true", "AWS_EC2_METADATA_DISABLED=true",
			"AWS_ACCESS_KEY_ID=A", "AWS_SECRET_ACCESS_KEY=a", "AWS_REGION=eu-west-1", "AWS_ENDPOINT_URL=" + server.URL,
			"CDK_DOCKER=" + publisher, "SENSORFLOW_PUBLISHER_DIR=" + state,
		}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("publish: %v\n%s", err, out)
		}
		if strings.Contains(string(out), password) {
			t.Errorf("the password is in what the CDK prints")
		}
		return string(out)
	}
	app := assembly(t, "55.0.0", image, hash)
	publishAssets := func() string {
		return run("cdk", "publish-assets", "--unstable=publish-assets", "--all", "--app", app, "--no-notices", "--verbose")
	}
	said := publishAssets()
	for _, verb := range []string{"inspect", "build", "tag", "login", "push"} {
		if !strings.Contains(said, publisher+" "+verb) {
			t.Errorf("the CDK did not run the verb %s:\n%s", verb, said)
		}
	}
	for _, operation := range []string{"AssumeRole", "DescribeImages", "GetAuthorizationToken"} {
		if !slices.Contains(aws.asked, operation) {
			t.Errorf("the CDK did not ask for %s: %q", operation, aws.asked)
		}
	}
	want, err := os.ReadFile(filepath.Join(image, "app"))
	if err != nil {
		t.Fatal(err)
	}
	digests := map[string]bool{}
	for _, region := range []string{"eu-west-1", "eu-central-1"} {
		pulled := pull(t, host+"/cdk-assets-"+region+":"+hash)
		if app, mode := file(t, pulled, "app"); !bytes.Equal(app, want) || mode.Perm() != 0o755 {
			t.Errorf("%s: the program has %d other bytes, or the mode %v", region, len(app), mode)
		}
		if config, err := pulled.ConfigFile(); err != nil || config.Architecture != "arm64" {
			t.Errorf("%s: config %+v, error %v", region, config, err)
		}
		digest, err := pulled.Digest()
		if err != nil {
			t.Fatal(err)
		}
		digests[digest.String()] = true
		layers, err := pulled.Layers()
		if err != nil {
			t.Fatal(err)
		}
		for _, layer := range layers {
			size, err := layer.Size()
			t.Logf("%s: %s has a layer of %d bytes, error %v", region, digest, size, err)
		}
	}
	lowered := assembly(t, "54.0.0", image, hash) // as the pipeline does before it runs this program
	said = run("cdk-assets", "--path", filepath.Join(lowered, "eu-west-1.assets.json"), "--verbose", "publish", hash+":there")
	if digest, err := pull(t, host+"/cdk-assets-eu-west-1:"+hash).Digest(); err != nil || !strings.Contains(said, "push") {
		t.Errorf("the publisher of assets does not push: %v\n%s", err, said)
	} else {
		digests[digest.String()] = true
	}
	pushed["cdk-assets-eu-west-1"], pushed["cdk-assets-eu-central-1"] = true, true
	if len(digests) != 1 {
		t.Errorf("the regions have different images: %v", digests)
	}
	if again := publishAssets(); !strings.Contains(again, "already published") {
		t.Errorf("what is there was published again:\n%s", again)
	}
}
