package stack

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/sensorflow/sensorflow/runtime/client/localsystem"
	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/contract/rule"
	"github.com/sensorflow/sensorflow/runtime/local/checkout"
)

const (
	// CSVTimeoutDefault is Lambda's longest.
	CSVTimeoutDefault = 15 * time.Minute
	// AggregatorTimeoutDefault is what the infrastructure gives the function.
	AggregatorTimeoutDefault = 60 * time.Second
	// RepairerTimeoutDefault is Lambda's longest.
	RepairerTimeoutDefault = 15 * time.Minute
	// RegionLocal is the region that the local stack serves and writes as.
	RegionLocal = "eu-west-1"
)

// Options configure a Stack. The zero value of a field selects its default.
type Options struct {
	// Root is the module's root. Default: found upward from the working directory.
	Root string
	// Port is the API's on 127.0.0.1. Default: a free one.
	Port int
	// DataDir keeps everything over a restart, for one stack at a time: tables, files, queues, the position in the stream,
	// signing key and credentials, so that tokens stay valid too. Default: in memory and in a temporary folder.
	DataDir string
	// Retention is how long a raw reading is kept, at least 24 h. Default: for ever.
	Retention time.Duration
	// Log receives everything that the parts print. Default: discarded.
	Log io.Writer
	// Logs gives each part a log of its own instead, by the part's name. Default: Log for all.
	Logs func(part string) io.Writer
	// CSVTimeout bounds an invocation of the CSV processor. Default: CSVTimeoutDefault.
	CSVTimeout time.Duration
	// AggregatorTimeout bounds an invocation of the aggregator. Default: AggregatorTimeoutDefault.
	AggregatorTimeout time.Duration
	// RepairerTimeout bounds an invocation of the repairer; its messages come back 5 s later. Default: RepairerTimeoutDefault.
	RepairerTimeout time.Duration
	// Deliver stands between the stream's poller and the aggregator; see eventsource.StreamOptions.
	Deliver func(records []json.RawMessage, deliver func([]json.RawMessage) error) error
	// DynamoDBProxy wraps the handler through which the API and the functions reach DynamoDB, so that tests can inject
	// faults. Default: they reach it directly.
	DynamoDBProxy func(forward http.Handler) http.Handler
	// Observe is told of every call that the API and the functions make to DynamoDB, S3, the queues and the user pool, and of those
	// that Lambda makes to the stream, before the call goes on. It may read the body where it leaves another one. Default: nobody is
	// told, and nothing stands between.
	Observe func(part string, r *http.Request)
	// Profiles lets the API and each instance of a function serve profiles of themselves, at ports that they log as pprof_address.
	Profiles bool
	// AllowedOrigins are other origins whose pages may call the API with credentials. Default: none.
	AllowedOrigins []string
	// Progress tells what is being started. It is called from several goroutines, one at a time. Default: nobody is told.
	Progress func(step string)
	// Environ is where endpoints are looked up (see the package comment). Default: os.Environ.
	Environ []string

	// of is what the region shares with others, nil for one that is alone.
	of *shared
}

// What clients need to know, as the package that finds the system says it.
type (
	// Info tells clients how to reach the stack; its JSON is the content of .local/stack.json.
	Info = localsystem.Info
	// RegionInfo tells clients how to reach one region of several.
	RegionInfo = localsystem.RegionInfo
)

func (o Options) withDefaults() (Options, error) {
	if o.Root == "" {
		root, err := checkout.Root()
		if err != nil {
			return o, err
		}
		o.Root = root
	}
	if err := o.check(); err != nil {
		return o, err
	}
	if o.CSVTimeout == 0 {
		o.CSVTimeout = CSVTimeoutDefault
	}
	if o.AggregatorTimeout == 0 {
		o.AggregatorTimeout = AggregatorTimeoutDefault
	}
	if o.RepairerTimeout == 0 {
		o.RepairerTimeout = RepairerTimeoutDefault
	}
	if o.Logs == nil {
		log := io.Discard
		if o.Log != nil {
			log = &lockedWriter{writer: o.Log}
		}
		o.Logs = func(string) io.Writer { return log }
	}
	if o.Environ == nil {
		o.Environ = os.Environ()
	}
	tell, mu := o.Progress, new(sync.Mutex)
	o.Progress = func(step string) {
		if tell != nil {
			mu.Lock()
			defer mu.Unlock()
			tell(step)
		}
	}
	return o, nil
}

func (o Options) check() error {
	if err := rule.All(rule.Retention(contract.EnvRetention, o.Retention), rule.Origins(contract.EnvAllowedOrigins, o.AllowedOrigins)).Err(); err != nil {
		return err
	}
	if o.Port < 0 || o.Port > 65535 {
		return fmt.Errorf("the port must be 1 to 65535, got %d", o.Port)
	}
	return nil
}

// lockedWriter lets several parts print to one writer.
type lockedWriter struct {
	mu     sync.Mutex
	writer io.Writer
}

func (w *lockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.writer.Write(p)
}
