package deployment_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/sensorflow/sensorflow/runtime/local/child"
)

const (
	// account is whose templates are synthesized and created.
	account = "111122223333"
	// motoHome is where `make test` installs the emulator, below the root of the checkout.
	motoHome = ".local/moto"

	// quietly runs moto without a line for each request, and without one for each resource that its CloudFormation does not know:
	// those are in the table of adaptations.
	quietly = `import logging, sys
from moto.server import main
for name in ("werkzeug", "moto"):
    logging.getLogger(name).setLevel(logging.ERROR)
main(sys.argv[1:])`

	callTimeout = 30 * time.Second
	stopWithin  = 3 * time.Second
)

// emulator is AWS as moto plays it, all regions in one process. The services whose SDK the library does without are called by
// their protocols.
type emulator struct {
	endpoint string
	process  *child.Process
}

// needPython leaves a test out where there is no Python to run moto, which `make test` says at its end, and fails it in the gate.
func needPython(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("python3"); err == nil {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("this test cannot be left out here, and needs Python")
	}
	t.Skip("left out: it needs Python")
}

// startEmulator runs moto on a free port and returns once it answers.
func startEmulator(ctx context.Context, root string, output io.Writer) (*emulator, error) {
	python := filepath.Join(root, motoHome, "bin", "python")
	if _, err := os.Stat(python); err != nil {
		return nil, fmt.Errorf("moto is not in %s: run `make setup` first (%w)", motoHome, err)
	}
	port, err := child.FreePort(ctx, 0)
	if err != nil {
		return nil, err
	}
	process, err := child.Start(child.Program{
		Path: python, Args: []string{"-c", quietly, "-H", "127.0.0.1", "-p", strconv.Itoa(port)}, Output: output,
		Env: []string{
			"PATH=" + os.Getenv("PATH"), "HOME=" + os.TempDir(), "MOTO_ACCOUNT_ID=" + account, "MOTO_PORT=" + strconv.Itoa(port),
			"PYTHONWARNINGS=ignore",
			"MOTO_EC2_LOAD_DEFAULT_AMIS=false", // reading the list takes a second
		},
	})
	if err != nil {
		return nil, fmt.Errorf("start moto: %w", err)
	}
	e := &emulator{endpoint: "http://127.0.0.1:" + strconv.Itoa(port), process: process}
	if err := process.WaitServing(ctx, e.endpoint+"/moto-api/"); err != nil {
		e.stop()
		return nil, fmt.Errorf("start moto: %w", err)
	}
	return e, nil
}

func (e *emulator) stop() { _ = e.process.Stop(stopWithin) } // it keeps nothing

// reset takes everything away that was made.
func (e *emulator) reset(ctx context.Context) error {
	return e.rest(ctx, "us-east-1", "moto-api", http.MethodPost, "/moto-api/reset", nil, nil)
}

// config is what the SDK's clients of a region need.
func (e *emulator) config(region string) aws.Config {
	return aws.Config{
		Region: region, BaseEndpoint: &e.endpoint, Credentials: credentials.NewStaticCredentialsProvider("deployer", "secret", ""),
	}
}

// refused is an answer that says no.
type refused struct {
	Call   string
	Status int
	Body   string
}

func (e *refused) Error() string {
	return fmt.Sprintf("%s: status %d: %.2000s", e.Call, e.Status, e.Body)
}

// query makes a call of the older protocol, of CloudFormation, EC2 and IAM, and decodes its XML.
func (e *emulator) query(ctx context.Context, region, service, version, action string, parameters map[string]string, into any) error {
	form := url.Values{"Action": {action}, "Version": {version}}
	for name, value := range parameters {
		form.Set(name, value)
	}
	answer, err := e.send(ctx, region, service, http.MethodPost, "/", []byte(form.Encode()), http.Header{
		"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"},
	})
	if err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	if into == nil {
		return nil
	}
	if err := xml.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("%s: decode the answer: %w", action, err)
	}
	return nil
}

// json makes a call of the JSON protocol, such as AmazonEC2ContainerServiceV20141113.DescribeTaskDefinition.
func (e *emulator) json(ctx context.Context, region, service, target string, in, into any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("%s: %w", target, err)
	}
	answer, err := e.send(ctx, region, service, http.MethodPost, "/", body, http.Header{
		"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {target},
	})
	if err != nil {
		return fmt.Errorf("%s: %w", target, err)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("%s: decode the answer: %w", target, err)
	}
	return nil
}

// rest makes a call of a service whose calls are addresses, such as Lambda.
func (e *emulator) rest(ctx context.Context, region, service, method, path string, in, into any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
	}
	answer, err := e.send(ctx, region, service, method, path, body, http.Header{"Content-Type": {"application/json"}})
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("%s %s: decode the answer: %w", method, path, err)
	}
	return nil
}

// send signs a request, which tells the emulator service and region, and returns the answer's body.
func (e *emulator) send(ctx context.Context, region, service, method, path string, body []byte, header http.Header) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, e.endpoint+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	r.Header = header
	r.Host = service + "." + region + ".amazonaws.com"
	keys := aws.Credentials{AccessKeyID: "deployer", SecretAccessKey: "secret"}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, keys, r, hex.EncodeToString(sum[:]), service, region, time.Now()); err != nil {
		return nil, fmt.Errorf("sign the request: %w", err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, fmt.Errorf("call: %w", err)
	}
	answer, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return nil, &refused{method + " " + path, response.StatusCode, string(answer)}
	}
	return answer, nil
}
