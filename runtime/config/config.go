package config

import (
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/contract/rule"
)

// API configures runtime/cmd/api. Package contract describes each key.
type API struct {
	Region           string `env:"AWS_REGION" validate:"required"`
	ReadingsTable    string `env:"READINGS_TABLE" validate:"required"`
	AggregatesTable  string `env:"AGGREGATES_TABLE" validate:"required"`
	UploadsTable     string `env:"UPLOADS_TABLE" validate:"required"`
	RevocationsTable string `env:"REVOCATIONS_TABLE" validate:"required"`
	UploadsBucket    string `env:"UPLOADS_BUCKET" validate:"required"`

	Retention         time.Duration `env:"RETENTION" envDefault:"0s" validate:"retention"`
	IndexShards       int           `env:"AGGREGATE_INDEX_SHARDS" envDefault:"8" validate:"shards"`
	FleetBuckets      int           `env:"AGGREGATE_FLEET_BUCKETS" envDefault:"8" validate:"shards"`
	AggregateCacheTTL time.Duration `env:"AGGREGATE_CACHE_TTL" envDefault:"2s" validate:"cachettl"`

	UserPoolID           string   `env:"USER_POOL_ID" validate:"required"`
	UserPoolRegion       string   `env:"USER_POOL_REGION" validate:"omitempty,region"`
	UserPoolIssuer       string   `env:"USER_POOL_ISSUER" validate:"required,endpoint"`
	UserPoolJWKSURL      string   `env:"USER_POOL_JWKS_URL" validate:"omitempty,endpoint"`
	UserPoolClientID     string   `env:"USER_POOL_CLIENT_ID" validate:"required"`
	UserPoolClientSecret string   `env:"USER_POOL_CLIENT_SECRET" validate:"required"`
	MachineClientIDs     []string `env:"MACHINE_CLIENT_IDS" validate:"clientids"`
	TokenURL             string   `env:"TOKEN_URL" validate:"omitempty,endpoint"`

	ListenAddress  string   `env:"LISTEN_ADDRESS" envDefault:":8080" validate:"listen"`
	AllowedOrigins []string `env:"ALLOWED_ORIGINS" validate:"origins"`
	PublicURL      string   `env:"PUBLIC_URL" validate:"omitempty,origin"`
	// TrustedProxies is 0 when clients connect directly, 1 behind a load balancer, 2 behind CloudFront and a load balancer.
	TrustedProxies int `env:"TRUSTED_PROXIES" envDefault:"0" validate:"proxies"`
	// MemoryLimitMiB is 0 where the control group alone tells.
	MemoryLimitMiB int           `env:"MEMORY_LIMIT_MIB" envDefault:"0" validate:"omitempty,min=256"`
	DrainTimeout   time.Duration `env:"DRAIN_TIMEOUT" envDefault:"20s" validate:"drain"`
	LogLevel       slog.Level    `env:"LOG_LEVEL" envDefault:"info"`
}

// LogValue leaves the client secret out.
func (c API) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("region", c.Region), slog.String("listen_address", c.ListenAddress),
		slog.String("issuer", c.UserPoolIssuer), slog.Duration("retention", c.Retention),
		slog.Int("index_shards", c.IndexShards), slog.Int("fleet_buckets", c.FleetBuckets),
		slog.String("public_url", c.PublicURL), slog.Any("allowed_origins", c.AllowedOrigins),
		slog.Int("trusted_proxies", c.TrustedProxies), slog.Duration("drain_timeout", c.DrainTimeout),
	)
}

// CSVProcessor configures runtime/cmd/csvprocessor.
type CSVProcessor struct {
	Region        string        `env:"AWS_REGION" validate:"required"`
	ReadingsTable string        `env:"READINGS_TABLE" validate:"required"`
	UploadsTable  string        `env:"UPLOADS_TABLE" validate:"required"`
	UploadsBucket string        `env:"UPLOADS_BUCKET" validate:"required"`
	QueueURL      string        `env:"CSV_QUEUE_URL" validate:"required,endpoint"`
	Retention     time.Duration `env:"RETENTION" envDefault:"0s" validate:"retention"`
	LogLevel      slog.Level    `env:"LOG_LEVEL" envDefault:"info"`
}

// Aggregator configures runtime/cmd/aggregator.
type Aggregator struct {
	Region          string        `env:"AWS_REGION" validate:"required"`
	ReadingsTable   string        `env:"READINGS_TABLE" validate:"required"`
	AggregatesTable string        `env:"AGGREGATES_TABLE" validate:"required"`
	Retention       time.Duration `env:"RETENTION" envDefault:"0s" validate:"retention"`
	IndexShards     int           `env:"AGGREGATE_INDEX_SHARDS" envDefault:"8" validate:"shards"`
	FleetBuckets    int           `env:"AGGREGATE_FLEET_BUCKETS" envDefault:"8" validate:"shards"`
	Adopted         []string      `env:"ADOPTED_REGIONS" validate:"adopted"`
	LogLevel        slog.Level    `env:"LOG_LEVEL" envDefault:"info"`
}

// Repairer configures runtime/cmd/repairer.
type Repairer struct {
	Region          string        `env:"AWS_REGION" validate:"required"`
	ReadingsTable   string        `env:"READINGS_TABLE" validate:"required"`
	AggregatesTable string        `env:"AGGREGATES_TABLE" validate:"required"`
	FailuresURL     string        `env:"STREAM_FAILURES_QUEUE_URL" validate:"required,endpoint"`
	DeadLettersURL  string        `env:"STREAM_DEAD_LETTERS_QUEUE_URL" validate:"required,endpoint"`
	Retention       time.Duration `env:"RETENTION" envDefault:"0s" validate:"retention"`
	IndexShards     int           `env:"AGGREGATE_INDEX_SHARDS" envDefault:"8" validate:"shards"`
	FleetBuckets    int           `env:"AGGREGATE_FLEET_BUCKETS" envDefault:"8" validate:"shards"`
	Adopted         []string      `env:"ADOPTED_REGIONS" validate:"adopted"`
	LogLevel        slog.Level    `env:"LOG_LEVEL" envDefault:"info"`
}

// SmokeTest configures runtime/cmd/smoketest.
type SmokeTest struct {
	Region           string     `env:"AWS_REGION" validate:"required"`
	APIURL           string     `env:"API_URL" validate:"required,endpoint"`
	MachineClientARN string     `env:"MACHINE_CLIENT_ARN" validate:"required"`
	LogLevel         slog.Level `env:"LOG_LEVEL" envDefault:"info"`
}

// Profiling configures what every binary lets its operators see of itself.
type Profiling struct {
	// PprofAddress is empty where no profiles are served.
	PprofAddress string `env:"PPROF_ADDRESS" validate:"omitempty,loopback"`
}

// LoadProfiling is LoadAPI for what all binaries have in common.
func LoadProfiling(environ []string) (Profiling, error) { return load[Profiling](environ) }

// LoadSmokeTest is LoadAPI for the smoke test.
func LoadSmokeTest(environ []string) (SmokeTest, error) { return load[SmokeTest](environ) }

// LoadAPI reads the API's configuration from environ, which has the form of os.Environ. The error has one line for each
// key that is wrong.
func LoadAPI(environ []string) (API, error) {
	c, err := load[API](environ)
	if err != nil {
		return API{}, err
	}
	if c.UserPoolRegion == "" {
		c.UserPoolRegion = c.Region
	}
	if c.UserPoolJWKSURL == "" {
		c.UserPoolJWKSURL = strings.TrimSuffix(c.UserPoolIssuer, "/") + "/.well-known/jwks.json"
	}
	return c, nil
}

// LoadCSVProcessor is LoadAPI for the CSV processor.
func LoadCSVProcessor(environ []string) (CSVProcessor, error) { return load[CSVProcessor](environ) }

// LoadRepairer is LoadAPI for the repairer of what the stream has given up.
func LoadRepairer(environ []string) (Repairer, error) {
	c, err := load[Repairer](environ)
	if err == nil {
		err = adopting(c.Region, c.Adopted)
	}
	return c, err
}

// LoadAggregator is LoadAPI for the aggregator, and for all that goes through its rows: the auditor and the command aggregates.
func LoadAggregator(environ []string) (Aggregator, error) {
	c, err := load[Aggregator](environ)
	if err == nil {
		err = adopting(c.Region, c.Adopted)
	}
	return c, err
}

// adopting refuses that a region adopts itself, as it would count its readings twice then.
func adopting(region string, adopted []string) error {
	return rule.Adopted(contract.EnvAdoptedRegions, adopted, region).Err()
}

// NewLogger returns a logger that writes JSON lines.
func NewLogger(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
}
