package stack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/sync/errgroup"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/local/checkout"
	"github.com/sensorflow/sensorflow/runtime/local/child"
	"github.com/sensorflow/sensorflow/runtime/local/datadir"
	"github.com/sensorflow/sensorflow/runtime/local/dynamolocal"
	"github.com/sensorflow/sensorflow/runtime/local/lambdalocal"
	"github.com/sensorflow/sensorflow/runtime/local/s3local"
	"github.com/sensorflow/sensorflow/runtime/local/sqslocal"
)

// The parts, as logs and failures name them.
const (
	PartAPI          = "api"
	PartDynamoDB     = "dynamodb"
	PartS3           = "s3"
	PartEvents       = "events"
	PartAggregator   = "aggregator"
	PartCSVProcessor = "csvprocessor"
	PartRepairer     = "repairer"
	// PartHost is the process that called Start; PIDs knows it.
	PartHost = "host"

	// partOperator is somebody outside, whose calls are not the stack's.
	partOperator = ""
)

// stopWithin bounds Stop: the API drains for 5 s at most while the pollers finish, then the servers get 3 s.
const stopWithin = 8 * time.Second

// Stack is a running system. Its fields are set by Start and not to be changed.
type Stack struct {
	Info   Info
	Region string
	// DynamoDBEndpoint is DynamoDB's own address, past any proxy.
	DynamoDBEndpoint string
	// Tables are the physical names by contract.Table.Name.
	Tables map[string]string
	Bucket string

	Aggregator, CSVProcessor, Repairer *lambdalocal.Function
	// Queue feeds the CSV processor. DeadLetters has what it failed five times.
	Queue, DeadLetters *sqslocal.Queue
	// StreamFailures gets a message for each batch of stream records that was given up, and feeds the repairer. StreamDeadLetters
	// has what that could not repair.
	StreamFailures, StreamDeadLetters *sqslocal.Queue

	options   Options
	bin       string
	folder    *datadir.Dir
	secrets   secrets
	endpoints *endpoints
	config    aws.Config
	pool      *identity
	dynamo    *dynamolocal.Server // nil where the environment gives another one, or several regions share one
	s3        *s3local.Server     // likewise
	stream    *streamWatch
	proxyURL  string // empty without a proxy
	queueURL  string
	ownQueues string // where the stack's own queues are served, also if the CSV processor has another one
	webhook   string // where the local S3 sends its events
	servers   []*http.Server
	// observers are the addresses at which parts are observed, by part and the address behind.
	observing sync.Mutex
	observers map[string]string
	adopted   []string // regions that have left for good and whose rows this one keeps
	// following is the poller of the stream.
	following *poller

	// halt ends the pollers and what watches the children, which are in work; halted is closed with it.
	halt   context.CancelFunc
	halted <-chan struct{}
	// follow starts a poller of the stream that lasts until then.
	follow func()
	work   sync.WaitGroup
	failed chan error

	mu       sync.Mutex
	api      *child.Process
	stopping bool
	stopOnce sync.Once
	stopped  error
}

// PartError is a part that did not start, or ended by itself.
type PartError struct {
	Part string
	Err  error
}

func (e *PartError) Error() string { return fmt.Sprintf("part %s: %v", e.Part, e.Err) }

func (e *PartError) Unwrap() error { return e.Err }

// Start returns once the API is ready. The stack runs until Stop; ctx bounds the start alone.
func Start(ctx context.Context, o Options) (*Stack, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("start the local stack: %w", err)
	}
	s := &Stack{options: o, failed: make(chan error, 1), observers: map[string]string{}}
	running, halt := context.WithCancel(context.WithoutCancel(ctx))
	s.halt, s.halted = halt, running.Done()
	s.follow = func() { s.followStream(running) }
	if err := s.start(ctx); err != nil {
		err = fmt.Errorf("start the local stack: %w", err)
		return nil, errors.Join(err, s.Stop()) //nolint:contextcheck // stopping has a time of its own
	}
	s.startPollers(running)
	return s, nil
}

func (s *Stack) start(ctx context.Context) error {
	if err := s.prepare(ctx); err != nil {
		return err
	}
	group, starting := errgroup.WithContext(ctx)
	group.Go(func() error { return s.build(starting) })
	group.Go(func() error { return s.startDynamoDB(starting) })
	group.Go(func() error { return s.startS3(starting) })
	if err := group.Wait(); err != nil {
		return err
	}
	if err := s.startFunctions(ctx); err != nil {
		return err
	}
	s.options.Progress("api")
	return s.startAPI(ctx)
}

// prepare makes everything that needs no child.
func (s *Stack) prepare(ctx context.Context) (err error) {
	if s.options.Port, err = child.FreePort(ctx, s.options.Port); err != nil {
		return err
	}
	if s.endpoints, err = newEndpoints(s.options.Environ); err != nil {
		return err
	}
	if err := s.openFolder(); err != nil {
		return err
	}
	if s.config, err = s.endpoints.aws(ctx, s.secrets.S3Secret); err != nil {
		return err
	}
	bucket, prefix := "sensorflow-uploads", "SensorFlow-"
	if s.options.of != nil {
		s.config.Region = s.options.of.region
		bucket, prefix = bucket+"-"+s.config.Region, prefix+s.config.Region+"-"
	}
	s.Region = s.config.Region
	s.Bucket = s.endpoints.name(serviceS3, contract.EnvUploadsBucket, bucket)
	s.Tables = map[string]string{}
	for _, t := range contract.Tables() {
		s.Tables[t.Name] = s.endpoints.name(serviceDynamoDB, t.EnvKey, prefix+t.Name)
	}
	if err := s.startIdentity(ctx); err != nil {
		return err
	}
	if err := s.startQueues(ctx); err != nil {
		return err
	}
	if err := s.keepSecrets(); err != nil {
		return err
	}
	s.describe()
	return nil
}

// openFolder takes the folder, with the secrets that it has kept, or those that regions share.
func (s *Stack) openFolder() (err error) {
	if s.folder, err = datadir.Open(s.options.DataDir); err != nil {
		return err
	}
	if s.options.of != nil {
		s.secrets = s.options.of.secrets
		return nil
	}
	if err := claim(s.folder, nil); err != nil {
		return err
	}
	s.secrets, err = loadSecrets(s.folder)
	return err
}

func (s *Stack) describe() {
	api := fmt.Sprintf("http://127.0.0.1:%d", s.options.Port)
	s.Info = Info{
		APIURL: api, ConsoleURL: api + "/console", DocsURL: api + "/docs", TokenURL: s.pool.tokenURL,
		Username: s.pool.username, Password: s.pool.password, ClientID: s.pool.machineID, ClientSecret: s.pool.machineSecret,
		Scopes: contract.Scopes(),
	}
}

// build brings the programs that are deployed up to date.
func (s *Stack) build(ctx context.Context) (err error) {
	s.options.Progress("programs")
	if s.options.of != nil {
		s.bin, err = s.options.of.build()
		return err
	}
	s.bin, err = checkout.Build(ctx, s.options.Root, ".", "./runtime/cmd/...")
	return err
}

// Failed gives an error, usually a *PartError, when a part ends by itself. The stack is to be stopped then.
func (s *Stack) Failed() <-chan error { return s.failed }

// fail tells of the first failure.
func (s *Stack) fail(part string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return
	}
	select {
	case s.failed <- &PartError{part, err}:
	default:
	}
}

// watch reports the end of a part's process, unless expected says that somebody asked for it.
func (s *Stack) watch(part string, exited <-chan struct{}, expected func() bool) {
	s.work.Go(func() {
		select {
		case <-s.halted:
		case <-exited:
			if !expected() {
				s.fail(part, child.ErrEnded)
			}
		}
	})
}

// Stop ends the stack: the API answers what is in flight, the pollers finish what is at work, the children end. It returns
// within 8 s, and may be called again.
func (s *Stack) Stop() error {
	s.stopOnce.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
		defer cancel()
		s.stopped = s.stop(ctx)
	})
	return s.stopped
}

func (s *Stack) stop(ctx context.Context) error {
	s.mu.Lock()
	s.stopping = true
	api := s.api
	s.mu.Unlock()

	var problems []error
	s.halt()
	if api != nil {
		if err := api.Stop(apiStopWithin); err != nil {
			problems = append(problems, fmt.Errorf("stop the API: %w", err))
		}
	}
	s.work.Wait()
	s.following.stop()
	for _, f := range []*lambdalocal.Function{s.Aggregator, s.CSVProcessor, s.Repairer} {
		if f != nil {
			f.Close()
		}
	}
	// The webhook stays until the local S3 has ended, so that the event of the last object is kept.
	var servers sync.WaitGroup
	if s.s3 != nil {
		servers.Go(s.s3.Stop)
	}
	if s.dynamo != nil {
		servers.Go(s.dynamo.Stop)
	}
	servers.Wait()
	for _, server := range s.servers {
		problems = append(problems, server.Shutdown(ctx))
	}
	for _, q := range []*sqslocal.Queue{s.Queue, s.DeadLetters, s.StreamFailures, s.StreamDeadLetters} {
		if q != nil {
			problems = append(problems, q.Close())
		}
	}
	if s.folder != nil {
		problems = append(problems, s.folder.Close())
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("stop the local stack: %w", err)
	}
	return nil
}

// AWSConfig is for clients of the tables, the bucket and the queues, made by the SDK's NewFromConfig: it knows where each
// service is.
func (s *Stack) AWSConfig() aws.Config { return s.config.Copy() }

// PIDs are the process ids of all parts, to measure memory by.
func (s *Stack) PIDs() map[string][]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	pids := map[string][]int{
		PartHost: {os.Getpid()}, PartAggregator: s.Aggregator.PIDs(), PartCSVProcessor: s.CSVProcessor.PIDs(),
		PartRepairer: s.Repairer.PIDs(),
	}
	if s.api != nil {
		pids[PartAPI] = []int{s.api.PID()}
	}
	if s.s3 != nil {
		pids[PartS3] = []int{s.s3.PID()}
	}
	if s.dynamo != nil {
		pids[PartDynamoDB] = []int{s.dynamo.PID()}
	}
	return pids
}

// environment is what the child that is a part gets, and nothing else. It reads no file of the user's.
func (s *Stack) environment(ctx context.Context, part string, more map[string]string) ([]string, error) {
	keys, err := s.config.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("find the credentials: %w", err)
	}
	values := map[string]string{
		contract.EnvRegion: s.Region, contract.EnvUploadsBucket: s.Bucket, contract.EnvAdoptedRegions: strings.Join(s.adopted, ","),
		"AWS_ACCESS_KEY_ID": keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY": keys.SecretAccessKey, "AWS_SESSION_TOKEN": keys.SessionToken,
		"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	}
	maps.Copy(values, s.endpoints.environment())
	values[endpointKey(serviceDynamoDB)] = s.proxied()
	for _, t := range contract.Tables() {
		values[t.EnvKey] = s.Tables[t.Name]
	}
	if s.options.Retention != 0 {
		values[contract.EnvRetention] = s.options.Retention.String()
	}
	if s.options.Profiles {
		values[contract.EnvPprofAddress] = "127.0.0.1:0"
	}
	maps.Copy(values, more)
	if part != partOperator {
		if err := s.observe(ctx, part, values); err != nil {
			return nil, err
		}
	}
	environ := make([]string, 0, len(values))
	for key, value := range values {
		if value != "" {
			environ = append(environ, key+"="+value)
		}
	}
	slices.Sort(environ)
	return environ, nil
}

// ProgramEnvironment is what programs of operators need to reach the tables of the stack, as AWS would give it to them.
func (s *Stack) ProgramEnvironment(ctx context.Context) ([]string, error) {
	return s.environment(ctx, partOperator, nil)
}

// logger is for what this process does: bringing events.
func (s *Stack) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(s.options.Logs(PartEvents), nil))
}
