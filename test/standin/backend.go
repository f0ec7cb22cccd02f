package standin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/checkout"
	"github.com/sensorflow/sensorflow/runtime/local/child"
	"github.com/sensorflow/sensorflow/runtime/local/cognitolocal"
	"github.com/sensorflow/sensorflow/test/contract/probe"
)

// Backend is a running stand-in. It is safe for concurrent use.
type Backend struct {
	// URL is the address of all its services.
	URL string
	Process
}

// Start builds the stand-in and starts it. The caller ends it with Kill; it never outlives the caller's process. ctx bounds
// the start alone.
func Start(ctx context.Context, o Options) (*Backend, error) {
	program, err := build(ctx, "standinserver")
	if err != nil {
		return nil, err
	}
	port, err := child.FreePort(ctx, 0)
	if err != nil {
		return nil, err
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	started, err := child.Start(child.Program{Path: program, Args: []string{address}, Output: os.Stderr})
	if err != nil {
		return nil, err
	}
	b := &Backend{URL: "http://" + address, Process: Process{child: started}}
	err = started.WaitServing(ctx, b.URL+PathCounts)
	if err == nil {
		err = b.Set(ctx, o)
	}
	if err != nil {
		b.Kill()
		return nil, fmt.Errorf("start the stand-in: %w", err)
	}
	return b, nil
}

// build makes a program of a folder beside this file.
func build(ctx context.Context, name string) (program string, err error) {
	root, err := checkout.Root()
	if err != nil {
		return "", err
	}
	// The Go command runs a test again once a file changed that it looked at.
	if _, err := os.ReadDir(filepath.Join(root, "test", "standin", name)); err != nil {
		return "", fmt.Errorf("build the stand-in: %w", err)
	}
	bin, err := checkout.Build(ctx, root, ".", "./test/standin/"+name)
	if err != nil {
		return "", err
	}
	return filepath.Join(bin, name), nil
}

// Set changes how the stand-in answers. Calls that are under way keep to what was set before.
func (b *Backend) Set(ctx context.Context, o Options) error {
	if o.Latency == 0 {
		o.Latency = LatencyDefault
	}
	body, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("set the stand-in's options: %w", err)
	}
	return b.control(ctx, http.MethodPut, PathOptions, body, nil)
}

// Counts tell what the stand-in was asked for so far.
func (b *Backend) Counts(ctx context.Context) (Counts, error) {
	var c Counts
	err := b.control(ctx, http.MethodGet, PathCounts, nil, &c)
	return c, err
}

// Reading returns what the stand-in remembers of a reading; the timestamp is as package reading formats it. It is zero where
// there is none.
func (b *Backend) Reading(ctx context.Context, equipmentID, timestamp string) (Reading, error) {
	var r Reading
	query := url.Values{contract.AttrEquipmentID: {equipmentID}, contract.AttrTimestamp: {timestamp}}
	err := b.control(ctx, http.MethodGet, PathReading+"?"+query.Encode(), nil, &r)
	return r, err
}

// Receive takes the next message off the queue; it is empty where there is none.
func (b *Backend) Receive(ctx context.Context) (body string, err error) {
	err = b.control(ctx, http.MethodPost, PathQueue, nil, &body)
	return body, err
}

// Config is that of the SDK's clients for the stand-in.
func (b *Backend) Config() aws.Config {
	return aws.Config{
		Region: Region, BaseEndpoint: &b.URL, Credentials: credentials.NewStaticCredentialsProvider("standin", "standin", ""),
	}
}

func (b *Backend) control(ctx context.Context, method, path string, body []byte, into any) error {
	r, err := http.NewRequestWithContext(ctx, method, b.URL+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("ask the stand-in: %w", err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("ask the stand-in: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("ask the stand-in: %s %s: status %d", method, path, response.StatusCode)
	}
	if into == nil {
		return nil
	}
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		return fmt.Errorf("ask the stand-in: %s %s: %w", method, path, err)
	}
	return nil
}

// Token returns a machine's access token with all scopes, valid for a day.
func (b *Backend) Token(ctx context.Context) (string, error) {
	return probe.MachineToken(ctx, b.URL+"/oauth2/token", MachineID, MachineSecret)
}

// QueueURL is the address of the queue of the CSV processor's ranges.
func (b *Backend) QueueURL() string { return b.URL + "/000000000000/csv" }

// Environment is what leads any of the service's programs to the stand-in, as KEY=value. It is a whole environment: nothing of
// this process's own is in it.
func (b *Backend) Environment() []string {
	issuer := b.URL + "/" + cognitolocal.PoolID
	env := []string{
		"AWS_ACCESS_KEY_ID=standin", "AWS_SECRET_ACCESS_KEY=standin", "AWS_EC2_METADATA_DISABLED=true", "AWS_ENDPOINT_URL=" + b.URL,
		contract.EnvRegion + "=" + Region, contract.EnvUploadsBucket + "=" + Bucket, contract.EnvCSVQueueURL + "=" + b.QueueURL(),
		contract.EnvUserPoolID + "=" + cognitolocal.PoolID, contract.EnvUserPoolIssuer + "=" + issuer,
		contract.EnvUserPoolClientID + "=" + BrowserID, contract.EnvUserPoolClientSecret + "=" + BrowserSecret,
		contract.EnvMachineClientIDs + "=" + MachineID, contract.EnvTokenURL + "=" + b.URL + "/oauth2/token",
	}
	for _, table := range contract.Tables() {
		env = append(env, table.EnvKey+"="+TableName(table))
	}
	return env
}

// TableName is the physical name of a table.
func TableName(t contract.Table) string { return "standin-" + strings.ToLower(t.Name) }
