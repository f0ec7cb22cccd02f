package main_test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

const accessKey, secretKey, region = "local", "not-so-secret", "eu-west-1"

func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "s3gateway")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return binary
}

// freePort finds a port below those that the system hands out itself: a connection could take one of these meanwhile.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 15000 + rand.IntN(17000)
		if l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port)); err == nil {
			_ = l.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// start runs the binary until the test ends or the returned function stops it, which gives its error.
func start(t *testing.T, binary string, args ...string) (endpoint string, stop func() error) {
	t.Helper()
	port := freePort(t)
	var output bytes.Buffer
	cmd := exec.Command(binary, append(args, "-port", strconv.Itoa(port), "-access", accessKey, "-region", region)...)
	cmd.Env = append(os.Environ(), "S3GATEWAY_SECRET="+secretKey)
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	endpoint = "http://127.0.0.1:" + strconv.Itoa(port)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if res, err := http.Get(endpoint + "/healthz"); err == nil {
			_ = res.Body.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("not serving: %s", output.String())
		}
	}
	return endpoint, func() error {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		return cmd.Wait()
	}
}

func client(endpoint, secret string) *s3.Client {
	return s3.New(s3.Options{
		Region: region, BaseEndpoint: &endpoint, UsePathStyle: true, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(accessKey, secret, ""),
	})
}

func TestGateway_KeepsObjectsAcrossARestartAndTellsTheWebhook(t *testing.T) {
	events := make(chan string, 10)
	webhook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		events <- string(body)
	}))
	defer webhook.Close()
	binary, dir := build(t), filepath.Join(t.TempDir(), "buckets")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()

	endpoint, stop := start(t, binary, "-dir", dir, "-webhook", webhook.URL)
	c := client(endpoint, secretKey)
	if _, err := c.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("uploads")}); err != nil {
		t.Fatal(err)
	}
	put := func(c *s3.Client) error {
		_, err := c.PutObject(ctx, &s3.PutObjectInput{
			Bucket: aws.String("uploads"), Key: aws.String("uploads/a.csv"), Body: strings.NewReader("body"),
		})
		return err
	}
	if err := put(client(endpoint, "another")); err == nil {
		t.Error("a request signed with another secret was accepted")
	}
	if err := put(c); err != nil {
		t.Fatal(err)
	}
	for event := ""; !strings.Contains(event, "ObjectCreated:Put"); {
		select {
		case event = <-events:
		case <-ctx.Done():
			t.Fatal("no event of the new object")
		}
	}
	if err := stop(); err != nil {
		t.Fatalf("SIGTERM: %v, want exit status 0", err)
	}

	endpoint, stop = start(t, binary, "-dir", dir)
	out, err := client(endpoint, secretKey).GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("uploads"), Key: aws.String("uploads/a.csv")})
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(out.Body); string(body) != "body" {
		t.Errorf("after a restart the object is %q", body)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestGateway_NamesAMissingFlag(t *testing.T) {
	out, err := exec.Command(build(t), "-port", "9000", "-access", "a", "-secret", "b").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "-dir is required") {
		t.Errorf("got %v, %s", err, out)
	}
}
