package main

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/local/child"
	"github.com/sensorflow/sensorflow/runtime/local/cognitolocal"
	"github.com/sensorflow/sensorflow/runtime/local/dynamolocal"
	"github.com/sensorflow/sensorflow/runtime/local/s3local"
	"github.com/sensorflow/sensorflow/runtime/s3store"
	"github.com/sensorflow/sensorflow/test/await"
	"github.com/sensorflow/sensorflow/test/capture"
)

const (
	accessKey, secretKey, region = "local", "not-so-secret", "eu-west-1"
	username, password           = "ada@example.com", "pass:wörd-1"
	browserID, browserSecret     = "browser", "browser-secret"
	machineID, machineSecret     = "machine", "machine-secret"
)

// The stand-ins that all tests of this package share.
var dynamoEndpoint, s3Endpoint string

func TestMain(m *testing.M) {
	code, err := withStandIns(m.Run)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(code)
}

func withStandIns(run func() int) (code int, err error) {
	database, err := dynamolocal.Start(context.Background(), dynamolocal.Options{})
	if err != nil {
		return 0, err
	}
	defer database.Stop()
	dynamoEndpoint = database.Endpoint
	dir, err := os.MkdirTemp("", "api")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	files, err := s3local.Start(context.Background(), s3local.Options{
		Dir: filepath.Join(dir, "buckets"), AccessKey: accessKey, SecretKey: secretKey, Region: region,
	})
	if err != nil {
		return 0, err
	}
	defer files.Stop()
	s3Endpoint = files.Endpoint
	return run(), nil
}

// instance is a run of the program with tables, a bucket and a user pool of its own.
type instance struct {
	t        *testing.T
	environ  []string
	pool     *cognitolocal.Pool
	readings string // the name of the table
	url      string
	stop     context.CancelFunc
	ended    chan struct{}
	err      error // of run; read it once ended is closed
	log      *capture.Buffer
}

func awsConfig(endpoint string) aws.Config {
	return aws.Config{
		Region: region, BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider(accessKey, secretKey, ""),
	}
}

// prepared counts the calls of prepare.
var prepared atomic.Int64

// prepare makes what the program depends on and the environment that leads to it.
func prepare(t *testing.T) *instance {
	t.Helper()
	for key, value := range map[string]string{
		"AWS_REGION": region, "AWS_ACCESS_KEY_ID": accessKey, "AWS_SECRET_ACCESS_KEY": secretKey, "AWS_CONFIG_FILE": "none",
		"AWS_ENDPOINT_URL_DYNAMODB": dynamoEndpoint, "AWS_ENDPOINT_URL_S3": s3Endpoint,
	} {
		t.Setenv(key, value)
	}
	i := &instance{t: t}
	i.startPool()
	name := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(t.Name(), "TestRun_"), "_", "-"))
	name = fmt.Sprintf("%.40s-%d", name, prepared.Add(1)) // a test that runs again finds nothing of the time before
	tables := dynamo.NewClient(awsConfig(dynamoEndpoint))
	for _, table := range contract.Tables() {
		if err := dynamolocal.CreateTable(t.Context(), tables, name+"-"+table.Name, table); err != nil {
			t.Fatal(err)
		}
		i.environ = append(i.environ, table.EnvKey+"="+name+"-"+table.Name)
	}
	i.readings = name + "-" + contract.ReadingsTable().Name
	if _, err := s3store.NewClient(awsConfig(s3Endpoint)).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
	i.environ = append(i.environ,
		"AWS_REGION="+region, "UPLOADS_BUCKET="+name, "DRAIN_TIMEOUT=5s", "LOG_LEVEL=debug",
		"USER_POOL_ID="+cognitolocal.PoolID, "USER_POOL_ISSUER="+i.pool.Issuer(), "USER_POOL_CLIENT_ID="+browserID,
		"USER_POOL_CLIENT_SECRET="+browserSecret, "MACHINE_CLIENT_IDS="+machineID, "TOKEN_URL="+i.pool.TokenURL())
	return i
}

func (i *instance) startPool() {
	i.t.Helper()
	server := httptest.NewUnstartedServer(nil)
	base := "http://" + server.Listener.Addr().String()
	var err error
	if i.pool, err = cognitolocal.New(cognitolocal.Options{
		BaseURL: base, Users: []cognitolocal.User{{Username: username, Password: password, Email: username}},
		Browser:  cognitolocal.Client{ID: browserID, Secret: browserSecret},
		Machines: []cognitolocal.Client{{ID: machineID, Secret: machineSecret}}, Scopes: contract.Scopes(),
	}); err != nil {
		i.t.Fatal(err)
	}
	server.Config.Handler = i.pool
	server.Start()
	i.t.Cleanup(server.Close)
	i.t.Setenv("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", base)
}

// run starts the program and waits until it listens.
func (i *instance) run(changes ...string) {
	i.t.Helper()
	port, err := child.FreePort(i.t.Context(), 0)
	if err != nil {
		i.t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	ctx, stop := context.WithCancel(i.t.Context())
	i.stop, i.ended, i.log = stop, make(chan struct{}), new(capture.Buffer)
	go func() {
		defer close(i.ended)
		i.err = run(ctx, nil, slices.Concat(i.environ, []string{"LISTEN_ADDRESS=" + address}, changes), i.log)
	}()
	i.t.Cleanup(func() { stop(); <-i.ended })
	i.url = "http://" + address
	await.True(i.t, time.Minute, "the program says that it listens, as LOG_LEVEL lets it", func() bool {
		select {
		case <-i.ended:
			i.t.Fatalf("the program ended: %v", i.err)
		default:
		}
		return strings.Contains(i.log.String(), `"msg":"listening"`)
	})
}
