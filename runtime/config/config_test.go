package config_test

import (
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/sensorflow/sensorflow/runtime/config"
	"github.com/sensorflow/sensorflow/runtime/contract"
)

func environment(changes ...string) []string {
	return append([]string{
		"AWS_REGION=eu-west-1", "READINGS_TABLE=r", "AGGREGATES_TABLE=a", "UPLOADS_TABLE=u", "REVOCATIONS_TABLE=v",
		"UPLOADS_BUCKET=b", "CSV_QUEUE_URL=https://queue.example/q", "USER_POOL_ID=p", "USER_POOL_ISSUER=https://issuer.example/p",
		"USER_POOL_CLIENT_ID=c", "USER_POOL_CLIENT_SECRET=very-secret",
	}, changes...)
}

func TestLoadAPI_AppliesTheDocumentedDefaults(t *testing.T) {
	c, err := config.LoadAPI(environment())
	if err != nil {
		t.Fatal(err)
	}
	if c.DrainTimeout != contract.DrainTimeoutDefault || c.IndexShards != contract.IndexShardsDefault ||
		c.FleetBuckets != contract.FleetBucketsDefault || c.AggregateCacheTTL != contract.AggregateCacheTTLMax ||
		c.Retention != 0 || c.ListenAddress != ":8080" || c.LogLevel != slog.LevelInfo {
		t.Errorf("defaults: %+v", c)
	}
	if c.UserPoolRegion != c.Region {
		t.Errorf("people sign in in %q, want the region served, %q", c.UserPoolRegion, c.Region)
	}
	if want := "https://issuer.example/p/.well-known/jwks.json"; c.UserPoolJWKSURL != want {
		t.Errorf("JWKS address %s, want %s", c.UserPoolJWKSURL, want)
	}
}

func TestLoadAPI_NamesTheKeyOfEveryMistake(t *testing.T) {
	for _, test := range []struct{ change, want string }{
		{"DRAIN_TIMEOUT=5m", "DRAIN_TIMEOUT must be 1s to 25s, got 5m; leave it out for 20s"},
		{"DRAIN_TIMEOUT=soon", `DRAIN_TIMEOUT must be a duration such as 20s or 720h, got "soon"`},
		{"AGGREGATE_INDEX_SHARDS=0", "AGGREGATE_INDEX_SHARDS must be 1 to 256, got 0; leave it out for 8"},
		{"AGGREGATE_FLEET_BUCKETS=many", `AGGREGATE_FLEET_BUCKETS must be a whole number, got "many"`},
		{"AGGREGATE_FLEET_BUCKETS=257", "AGGREGATE_FLEET_BUCKETS must be 1 to 256, got 257; leave it out for 8"},
		{"AGGREGATE_CACHE_TTL=3s", "AGGREGATE_CACHE_TTL must be 0s to 2s, got 3s; leave it out for 2s"},
		{"RETENTION=23h", "RETENTION must be at least 24h, got 23h; leave it out to keep readings for ever"},
		{"ALLOWED_ORIGINS=https://a.example,*", `ALLOWED_ORIGINS must be an origin such as https://app.example.com, or http://localhost:3000 for this machine, got "*"; commas alone separate several`},
		{"ALLOWED_ORIGINS=https://a.example, https://b.example", `ALLOWED_ORIGINS must be an origin such as https://app.example.com, or http://localhost:3000 for this machine, got " https://b.example"`},
		{"ALLOWED_ORIGINS=https://a.example,https://a.example", `ALLOWED_ORIGINS must be given once, got "https://a.example" again`},
		{"MACHINE_CLIENT_IDS=a, b", `MACHINE_CLIENT_IDS must list client ids separated by commas, without spaces, got "a, b"`},
		{"MACHINE_CLIENT_IDS=a,,b", "MACHINE_CLIENT_IDS must list client ids separated by commas"},
		{"MACHINE_CLIENT_IDS=a,", "MACHINE_CLIENT_IDS must list client ids separated by commas"},
		{"LISTEN_ADDRESS=8080", `LISTEN_ADDRESS must be an address such as :8080 or 127.0.0.1:8080, got "8080"`},
		{"LISTEN_ADDRESS=:http", "LISTEN_ADDRESS must be an address such as"},
		{"LISTEN_ADDRESS=:65536", "LISTEN_ADDRESS must be an address such as"},
		{"TRUSTED_PROXIES=-1", "TRUSTED_PROXIES must be 0 to 5, got -1; leave it out for 0"},
		{"PUBLIC_URL=https://x.example/path", "PUBLIC_URL must be an origin such as"},
		{"READINGS_TABLE=", "READINGS_TABLE must be set"},
		{"LOG_LEVEL=loud", `LOG_LEVEL must be debug, info, warn or error, got "loud"`},
		{"USER_POOL_REGION=eu_west", "USER_POOL_REGION must be one of af-south-1, "},
		{"USER_POOL_ISSUER=nowhere", `USER_POOL_ISSUER must be an absolute https URL, or an http one of this machine, got "nowhere"`},
		{"USER_POOL_JWKS_URL=http://issuer.example/keys", "USER_POOL_JWKS_URL must be an absolute https URL"},
	} {
		t.Run(test.change, func(t *testing.T) {
			_, err := config.LoadAPI(environment(test.change))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

func TestLoadAPI_AcceptsTheNeighboursOfTheMistakes(t *testing.T) {
	for _, change := range []string{
		"DRAIN_TIMEOUT=25s", "AGGREGATE_INDEX_SHARDS=1", "AGGREGATE_FLEET_BUCKETS=256", "RETENTION=24h", "RETENTION=",
		"ALLOWED_ORIGINS=https://a.example,http://localhost:3000", "PUBLIC_URL=https://x.example", "LISTEN_ADDRESS=127.0.0.1:9000", "LISTEN_ADDRESS=:0", "LISTEN_ADDRESS=[::1]:65535",
		"AGGREGATE_CACHE_TTL=0s", "USER_POOL_REGION=eu-central-1",
		"USER_POOL_JWKS_URL=http://127.0.0.1:9000/keys", "MACHINE_CLIENT_IDS=a,b", "TRUSTED_PROXIES=2",
	} {
		if _, err := config.LoadAPI(environment(change)); err != nil {
			t.Errorf("%s: %v", change, err)
		}
	}
}

func TestLoadAPI_ReportsAllMistakesAtOnce(t *testing.T) {
	_, err := config.LoadAPI([]string{"AWS_REGION=eu-west-1"})
	if err == nil || strings.Count(err.Error(), "must be set") != 9 {
		t.Errorf("error %v, want a line for each of the nine missing keys", err)
	}
	_, err = config.LoadAPI(environment("DRAIN_TIMEOUT=soon", "RETENTION=1h"))
	want := "DRAIN_TIMEOUT must be a duration such as 20s or 720h, got \"soon\"\nRETENTION must be at least 24h, got 1h; leave it out to keep readings for ever"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want a value that does not parse beside one that breaks a rule:\n%s", err, want)
	}
}

func TestLoadProfiling_TakesLoopbackAlone(t *testing.T) {
	for _, address := range []string{"", "127.0.0.1:6060", "127.0.0.1:0", "[::1]:6060", "localhost:6060"} {
		if c, err := config.LoadProfiling([]string{"PPROF_ADDRESS=" + address}); err != nil || c.PprofAddress != address {
			t.Errorf("%q: address %q, error %v", address, c.PprofAddress, err)
		}
	}
	for _, address := range []string{":6060", "0.0.0.0:6060", "[::]:6060", "192.168.0.1:6060", "127.0.0.1", "127.0.0.1:http"} {
		want := fmt.Sprintf("PPROF_ADDRESS must be an address of this machine alone, such as 127.0.0.1:6060, got %q; leave it out to serve no profiles", address)
		if _, err := config.LoadProfiling([]string{"PPROF_ADDRESS=" + address}); err == nil || err.Error() != want {
			t.Errorf("%q: error %v, want %s", address, err, want)
		}
	}
}

func TestAPI_LogValueHoldsNoSecret(t *testing.T) {
	c, err := config.LoadAPI(environment())
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	slog.New(slog.NewJSONHandler(&b, nil)).Info("configured", "config", c)
	if strings.Contains(b.String(), "very-secret") {
		t.Errorf("the log holds the client secret: %s", b.String())
	}
}

func TestAWS_NeedsARegion(t *testing.T) {
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	t.Setenv("AWS_CONFIG_FILE", "none")
	if _, err := config.AWS(); err == nil || err.Error() != "AWS_REGION must be set" {
		t.Errorf("error %v, want one that names the key", err)
	}
	t.Setenv("AWS_REGION", "eu-west-1")
	if cfg, err := config.AWS(); err != nil || cfg.Region != "eu-west-1" {
		t.Errorf("region %q, error %v", cfg.Region, err)
	}
}

func TestLoadAggregator_AdoptsRegionsThatServeNoMore(t *testing.T) {
	environment := func(adopted string) []string {
		return []string{"AWS_REGION=eu-west-1", "READINGS_TABLE=r", "AGGREGATES_TABLE=a", "ADOPTED_REGIONS=" + adopted}
	}
	for adopted, want := range map[string][]string{"": nil, "eu-central-1": {"eu-central-1"}, "us-east-1,eu-central-1": {"us-east-1", "eu-central-1"}} {
		if c, err := config.LoadAggregator(environment(adopted)); err != nil || !slices.Equal(c.Adopted, want) {
			t.Errorf("%q: adopted %v, error %v", adopted, c.Adopted, err)
		}
	}
	for adopted, want := range map[string]string{
		"eu-west-1":                 `ADOPTED_REGIONS must not be one of the regions that serve, got "eu-west-1"; a region is adopted once its stack is gone`,
		"us-east-1,us-east-1":       `ADOPTED_REGIONS must be given once, got "us-east-1" again`,
		"mars":                      "ADOPTED_REGIONS must be one of af-south-1, ",
		"us-east-1, eu-central-1":   "ADOPTED_REGIONS must be one of af-south-1, ",
		"eu-central-1,us-east-1,us": "ADOPTED_REGIONS must be one of af-south-1, ",
	} {
		if c, err := config.LoadAggregator(environment(adopted)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: adopted %v, error %v, want %s", adopted, c.Adopted, err, want)
		}
	}
}

// Struct tags cannot refer to constants, so this holds them to the contract.
func TestTags_AreTheContractsKeys(t *testing.T) {
	keys := map[string]string{
		"Region": contract.EnvRegion, "ReadingsTable": contract.EnvReadingsTable, "AggregatesTable": contract.EnvAggregatesTable,
		"UploadsTable": contract.EnvUploadsTable, "RevocationsTable": contract.EnvRevocationsTable, "UploadsBucket": contract.EnvUploadsBucket,
		"QueueURL": contract.EnvCSVQueueURL, "Retention": contract.EnvRetention, "IndexShards": contract.EnvIndexShards,
		"FleetBuckets": contract.EnvFleetBuckets, "Adopted": contract.EnvAdoptedRegions, "AggregateCacheTTL": contract.EnvAggregateCacheTTL, "UserPoolID": contract.EnvUserPoolID,
		"UserPoolRegion": contract.EnvUserPoolRegion,
		"UserPoolIssuer": contract.EnvUserPoolIssuer, "UserPoolJWKSURL": contract.EnvUserPoolJWKSURL,
		"UserPoolClientID": contract.EnvUserPoolClientID, "UserPoolClientSecret": contract.EnvUserPoolClientSecret,
		"MachineClientIDs": contract.EnvMachineClientIDs, "TokenURL": contract.EnvTokenURL, "ListenAddress": contract.EnvListenAddress,
		"AllowedOrigins": contract.EnvAllowedOrigins, "PublicURL": contract.EnvPublicURL, "TrustedProxies": contract.EnvTrustedProxies,
		"FailuresURL": contract.EnvStreamFailuresURL, "DeadLettersURL": contract.EnvStreamDeadLettersURL,
		"DrainTimeout": contract.EnvDrainTimeout, "MemoryLimitMiB": contract.EnvMemoryLimit, "LogLevel": contract.EnvLogLevel,
		"PprofAddress": contract.EnvPprofAddress,
	}
	for _, of := range []reflect.Type{reflect.TypeFor[config.Profiling](), reflect.TypeFor[config.API](), reflect.TypeFor[config.CSVProcessor](), reflect.TypeFor[config.Aggregator](), reflect.TypeFor[config.Repairer]()} {
		for i := range of.NumField() {
			field := of.Field(i)
			if got := field.Tag.Get("env"); got != keys[field.Name] {
				t.Errorf("%s.%s: key %s, want %s", of.Name(), field.Name, got, keys[field.Name])
			}
		}
	}
}
