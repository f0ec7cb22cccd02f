package stack

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"golang.org/x/sync/errgroup"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/local/checkout"
	"github.com/sensorflow/sensorflow/runtime/local/child"
	"github.com/sensorflow/sensorflow/runtime/local/cognitolocal"
	"github.com/sensorflow/sensorflow/runtime/local/datadir"
	"github.com/sensorflow/sensorflow/runtime/local/dynamolocal"
	"github.com/sensorflow/sensorflow/runtime/local/lambdalocal"
	"github.com/sensorflow/sensorflow/runtime/local/replicator"
	"github.com/sensorflow/sensorflow/runtime/local/s3local"
)

// PartReplicator is what brings writes from region to region.
const PartReplicator = "replicator"

// RegionsMax is how many regions run on one machine at most.
const RegionsMax = 4

// RegionNames are those of the regions, in their order.
func RegionNames() [RegionsMax]string {
	return [RegionsMax]string{RegionLocal, "eu-central-1", "eu-north-1", "us-east-1"}
}

// RegionsOptions configure Regions.
type RegionsOptions struct {
	// Options are those of each region. Port is the first one's; the others take free ones.
	Options
	// Count is how many regions there are, 2 to RegionsMax.
	Count int
	// Delay is how old a write is at least when it reaches another region.
	Delay time.Duration
	// Each changes the options of one region, for tests that inject faults. Default: all are alike.
	Each func(region string, o *Options)
}

// Regions are several regions that replicate to each other. They share one process of DynamoDB Local, in which each has tables of
// its own, and the key with which their user pools sign; everything else is each region's own. Its fields are set by
// StartRegions and not to be changed.
type Regions struct {
	Info Info
	// Stacks are the regions in the order of their names.
	Stacks     []*Stack
	Replicator *replicator.Replicator

	options RegionsOptions
	folder  *datadir.Dir
	dynamo  *dynamolocal.Server
	halt    context.CancelFunc
	work    sync.WaitGroup
	failed  chan error
	stopped sync.Once
	problem error
}

// shared is what a region has in common with others.
type shared struct {
	region string
	first  bool
	// dynamo gives each region the address once.
	dynamo chan string
	// build brings all programs up to date, once, and returns their folder.
	build   func() (bin string, err error)
	secrets secrets
	key     *rsa.PrivateKey
}

// StartRegions returns once every region's API is ready. They run until Stop; ctx bounds the start alone.
func StartRegions(ctx context.Context, o RegionsOptions) (*Regions, error) {
	r := &Regions{options: o, failed: make(chan error, 1)}
	var err error
	if r.options.Options, err = o.withDefaults(); err == nil {
		err = r.check()
	}
	if err != nil {
		return nil, fmt.Errorf("start the regions: %w", err)
	}
	running, halt := context.WithCancel(context.WithoutCancel(ctx))
	r.halt = halt
	if err := r.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("start the regions: %w", err), r.Stop()) //nolint:contextcheck // stopping has a time of its own
	}
	r.work.Go(func() { r.Replicator.Run(running) })
	r.watch(running)
	return r, nil
}

func (r *Regions) check() error {
	o := r.options
	if o.Count < 2 || o.Count > RegionsMax {
		return fmt.Errorf("the number of regions must be 2 to %d, got %d", RegionsMax, o.Count)
	}
	if o.Delay < 0 || o.Delay > replicator.DelayMax {
		return fmt.Errorf("the delay between regions must be 0s to %v, got %v", replicator.DelayMax, o.Delay)
	}
	given, err := newEndpoints(o.Environ)
	if err != nil {
		return err
	}
	for service := range given.given {
		return fmt.Errorf("several regions run on the parts of this machine; leave %s out, or run one region", endpointKey(service))
	}
	return nil
}

func (r *Regions) start(ctx context.Context) error {
	o := r.options
	port, err := child.FreePort(ctx, o.Port)
	if err != nil {
		return err
	}
	if r.folder, err = datadir.Open(o.DataDir); err != nil {
		return err
	}
	names := RegionNames()
	if err := claim(r.folder, names[:o.Count]); err != nil {
		return err
	}
	common, err := r.share(ctx)
	if err != nil {
		return err
	}
	r.Stacks = make([]*Stack, o.Count)
	group, starting := errgroup.WithContext(ctx)
	common.build = sync.OnceValues(func() (string, error) { return buildAll(starting, o.Root) })
	group.Go(func() error {
		var err error
		if r.dynamo, err = runDynamoDB(starting, o.Options, r.folder); err != nil {
			return err
		}
		for range o.Count {
			common.dynamo <- r.dynamo.Endpoint
		}
		return nil
	})
	for i, name := range names[:o.Count] {
		of := common
		of.region, of.first = name, i == 0
		one := r.optionsOf(of)
		if of.first {
			one.Port = port
		}
		group.Go(func() error {
			var err error
			r.Stacks[i], err = Start(starting, one)
			return inRegion(name, err)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	r.describe()
	return r.connect(ctx)
}

// share makes what all regions have in common, or finds it in the folder.
func (r *Regions) share(ctx context.Context) (common shared, err error) {
	common.dynamo = make(chan string, r.options.Count)
	if common.secrets, err = loadSecrets(r.folder); err != nil {
		return common, err
	}
	if common.key, err = cognitolocal.LoadKey(r.folder.File(signingKeyFile)); err != nil {
		return common, fmt.Errorf("make the user pool: %w", err)
	}
	if common.secrets.PoolURL == "" {
		if common.secrets.PoolURL, err = freeAddress(ctx); err != nil {
			return common, fmt.Errorf("make the user pool: %w", err)
		}
	}
	return common, common.secrets.save(r.folder)
}

// buildAll builds what is deployed, and the local S3.
func buildAll(ctx context.Context, root string) (bin string, err error) {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		bin, err = checkout.Build(ctx, root, ".", "./runtime/cmd/...")
		return err
	})
	group.Go(func() error {
		_, err := s3local.Build(ctx, root)
		return err
	})
	err = group.Wait()
	return bin, err
}

// freeAddress is where the first region's user pool will be: all tokens name it.
func freeAddress(ctx context.Context) (string, error) {
	listener, err := listen(ctx, "")
	if err != nil {
		return "", err
	}
	return "http://" + listener.Addr().String(), listener.Close()
}

func (r *Regions) optionsOf(of shared) Options {
	o := r.options.Options
	o.of, o.Port = &of, 0
	if o.DataDir != "" {
		o.DataDir = filepath.Join(o.DataDir, of.region)
	}
	logs, progress := o.Logs, o.Progress
	o.Logs = func(part string) io.Writer { return logs(of.region + "-" + part) }
	o.Progress = func(step string) { progress(of.region + ": " + step) }
	if r.options.Each != nil {
		r.options.Each(of.region, &o)
	}
	return o
}

// inRegion names the region of a part that failed.
func inRegion(name string, err error) error {
	var part *PartError
	if errors.As(err, &part) {
		return &PartError{name + "-" + part.Part, part.Err}
	}
	return err
}

func (r *Regions) describe() {
	r.Info = r.Stacks[0].Info
	for _, s := range r.Stacks {
		r.Info.Regions = append(r.Info.Regions, RegionInfo{
			Name: s.Region, APIURL: s.Info.APIURL, TokenURL: s.Info.TokenURL, ConsoleURL: s.Info.ConsoleURL,
		})
	}
}

// connect makes the replicator of all global tables.
func (r *Regions) connect(ctx context.Context) error {
	config := r.Stacks[0].AWSConfig()
	client := dynamo.NewClient(config)
	o := replicator.Options{
		Tables: client, Streams: dynamodbstreams.NewFromConfig(config), Delay: r.options.Delay,
		Log: slog.New(slog.NewTextHandler(r.options.Logs(PartReplicator), nil)), Dir: r.folder.Kept("replicator"),
	}
	for _, t := range contract.Tables() {
		if !t.Global {
			continue
		}
		for _, s := range r.Stacks {
			name := s.Tables[t.Name]
			out, err := client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name})
			if err != nil {
				return fmt.Errorf("find the stream of table %s: %w", name, err)
			}
			o.Replicas = append(o.Replicas, replicator.Replica{
				Region: s.Region, Definition: t, Name: name, StreamARN: aws.ToString(out.Table.LatestStreamArn),
			})
		}
	}
	var err error
	r.Replicator, err = replicator.New(o)
	return err
}

// watch reports the end of what the regions share, and what a region reports.
func (r *Regions) watch(ctx context.Context) {
	r.work.Go(func() {
		select {
		case <-ctx.Done():
		case <-r.dynamo.Exited():
			r.fail(&PartError{PartDynamoDB, child.ErrEnded})
		}
	})
	for _, s := range r.Stacks {
		r.work.Go(func() {
			select {
			case <-ctx.Done():
			case err := <-s.Failed():
				r.fail(inRegion(s.Region, err))
			}
		})
	}
}

func (r *Regions) fail(err error) {
	select {
	case r.failed <- err:
	default: // the first failure is told
	}
}

// Failed gives an error, usually a *PartError, when a part ends by itself. The regions are to be stopped then.
func (r *Regions) Failed() <-chan error { return r.failed }

// Stop ends all regions, as Stack.Stop does. What is still to travel travels after a restart, where there is a DataDir. It may be
// called again.
func (r *Regions) Stop() error {
	r.stopped.Do(func() {
		var stopping sync.WaitGroup
		problems := make([]error, len(r.Stacks))
		for i, s := range r.Stacks {
			if s != nil {
				stopping.Go(func() { problems[i] = inRegion(s.Region, s.Stop()) })
			}
		}
		stopping.Wait()
		r.halt() // the replicator has a last look, now that nobody writes any more
		r.work.Wait()
		if r.dynamo != nil {
			r.dynamo.Stop()
		}
		r.problem = errors.Join(problems...)
		if r.folder != nil {
			r.problem = errors.Join(r.problem, r.folder.Close())
		}
	})
	return r.problem
}

// Region is the region of a name.
func (r *Regions) Region(name string) (*Stack, error) {
	for _, s := range r.Stacks {
		if s.Region == name {
			return s, nil
		}
	}
	return nil, fmt.Errorf("%w: %q", replicator.ErrUnknownRegion, name)
}

// ProgramEnvironment is what programs of operators need to reach the first region's tables.
func (r *Regions) ProgramEnvironment(ctx context.Context) ([]string, error) {
	return r.Stacks[0].ProgramEnvironment(ctx)
}

// PIDs are the process ids of all parts, as Stack.PIDs gives them, each part's behind its region's name.
func (r *Regions) PIDs() map[string][]int {
	pids := map[string][]int{PartDynamoDB: {r.dynamo.PID()}}
	for _, s := range r.Stacks {
		for part, ids := range s.PIDs() {
			if part == PartHost { // all regions' stand-ins are in this process
				pids[PartHost] = ids
				continue
			}
			pids[s.Region+"-"+part] = ids
		}
	}
	return pids
}

// Lose ends a region for good, as a fire would: nothing of it goes on, nothing that has not left it arrives anywhere. A restart with
// the same DataDir knows nothing of that.
func (r *Regions) Lose(ctx context.Context, name string) error {
	s, err := r.Region(name)
	if err != nil {
		return err
	}
	if err := r.Replicator.Lose(ctx, name); err != nil {
		return fmt.Errorf("lose %s: %w", name, err)
	}
	s.KillAPI()
	for _, f := range []*lambdalocal.Function{s.Aggregator, s.CSVProcessor, s.Repairer} {
		f.Close()
	}
	if err := s.Stop(); err != nil { //nolint:contextcheck // stopping has a time of its own
		return fmt.Errorf("lose %s: %w", name, err)
	}
	return nil
}

// Adopt has a region keep the rows of one that was lost, as a deployment that names it in ADOPTED_REGIONS does: when Adopt returns,
// every invocation of the functions has the new configuration. What the lost one's rows must still be set to is the work of
// `aggregates adopt`, with Stack.ProgramEnvironment.
func (r *Regions) Adopt(ctx context.Context, by, lost string) error {
	s, err := r.Region(by)
	if err != nil {
		return err
	}
	s.following.stop()
	s.Aggregator.Close()
	s.Repairer.Close()
	s.adopted = append(s.adopted, lost)
	if err := s.startAggregating(ctx); err != nil {
		return fmt.Errorf("adopt %s: %w", lost, err)
	}
	s.follow()
	return nil
}
