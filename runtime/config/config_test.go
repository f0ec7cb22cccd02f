package config_test

import (
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

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
		{"DRAIN_TIMEOUT=5m", "DRAIN_TIMEOUT must be at most 25s, got 5m0s"},
		{"DRAIN_TIMEOUT=soon", `DRAIN_TIMEOUT must be a duration such as 20s or 720h, got "soon"`},
		{"AGGREGATE_INDEX_SHARDS=0", "AGGREGATE_INDEX_SHARDS must be at least 1, got 0"},
		{"AGGREGATE_FLEET_BUCKETS=257", "AGGREGATE_FLEET_BUCKETS must be at most 256, got 257"},
		{"AGGREGATE_CACHE_TTL=3s", "AGGREGATE_CACHE_TTL must be at most 2s, got 3s"},
		{"RETENTION=23h", "RETENTION must be 0 (keep readings for ever) or at least 24h, got 23h0m0s"},
		{"ALLOWED_ORIGINS=*", "ALLOWED_ORIGINS must list origins such as https://app.example.com, or http://localhost:3000 for this machine, got *"},
		{"ALLOWED_ORIGINS=http://app.example.com", "ALLOWED_ORIGINS must list"},
		{"ALLOWED_ORIGINS=https://APP.example.com", "ALLOWED_ORIGINS must list"},
		{"ALLOWED_ORIGINS=https://app.example.com:443", "ALLOWED_ORIGINS must list"},
		{"ALLOWED_ORIGINS=https://*.example.com", "ALLOWED_ORIGINS must list"},
		{"MACHINE_CLIENT_IDS=a, b", "MACHINE_CLIENT_IDS must list client ids"},
		{"MACHINE_CLIENT_IDS=a,,b", "MACHINE_CLIENT_IDS must list client ids separated by commas"},
		{"MACHINE_CLIENT_IDS=a,", "MACHINE_CLIENT_IDS must list client ids separated by commas"},
		{"LISTEN_ADDRESS=8080", "LISTEN_ADDRESS must be an address such as :8080 or 127.0.0.1:8080, got 8080"},
		{"TRUSTED_PROXIES=-1", "TRUSTED_PROXIES must be at least 0, got -1"},
		{"PUBLIC_URL=https://x.example/path", "PUBLIC_URL must be an origin such as"},
		{"READINGS_TABLE=", "READINGS_TABLE must be set"},
		{"LOG_LEVEL=loud", `LOG_LEVEL must be debug, info, warn or error, got "loud"`},
		{"USER_POOL_REGION=eu_west", "USER_POOL_REGION must be a region such as eu-west-1, got eu_west"},
		{"USER_POOL_ISSUER=nowhere", "USER_POOL_ISSUER must be an absolute https URL, or an http one on this machine, got nowhere"},
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
		"ALLOWED_ORIGINS=https://a.example,http://localhost:3000", "PUBLIC_URL=https://x.example", "LISTEN_ADDRESS=127.0.0.1:9000",
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
	want := "DRAIN_TIMEOUT must be a duration such as 20s or 720h, got \"soon\"\nRETENTION must be 0 (keep readings for ever) or at least 24h, got 1h0m0s"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want a value that does not parse beside one that breaks a rule:\n%s", err, want)
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
	if _, err := config.AWS(t.Context()); err == nil || err.Error() != "AWS_REGION must be set" {
		t.Errorf("error %v, want one that names the key", err)
	}
	t.Setenv("AWS_REGION", "eu-west-1")
	if cfg, err := config.AWS(t.Context()); err != nil || cfg.Region != "eu-west-1" {
		t.Errorf("region %q, error %v", cfg.Region, err)
	}
}

// Struct tags cannot refer to constants, so this holds them to the contract.
func TestTags_AreTheContractsKeysAndLimits(t *testing.T) {
	keys := map[string]string{
		"Region": contract.EnvRegion, "ReadingsTable": contract.EnvReadingsTable, "AggregatesTable": contract.EnvAggregatesTable,
		"UploadsTable": contract.EnvUploadsTable, "RevocationsTable": contract.EnvRevocationsTable, "UploadsBucket": contract.EnvUploadsBucket,
		"QueueURL": contract.EnvCSVQueueURL, "Retention": contract.EnvRetention, "IndexShards": contract.EnvIndexShards,
		"FleetBuckets": contract.EnvFleetBuckets, "AggregateCacheTTL": contract.EnvAggregateCacheTTL, "UserPoolID": contract.EnvUserPoolID,
		"UserPoolRegion": contract.EnvUserPoolRegion,
		"UserPoolIssuer": contract.EnvUserPoolIssuer, "UserPoolJWKSURL": contract.EnvUserPoolJWKSURL,
		"UserPoolClientID": contract.EnvUserPoolClientID, "UserPoolClientSecret": contract.EnvUserPoolClientSecret,
		"MachineClientIDs": contract.EnvMachineClientIDs, "TokenURL": contract.EnvTokenURL, "ListenAddress": contract.EnvListenAddress,
		"AllowedOrigins": contract.EnvAllowedOrigins, "PublicURL": contract.EnvPublicURL, "TrustedProxies": contract.EnvTrustedProxies,
		"DrainTimeout": contract.EnvDrainTimeout, "LogLevel": contract.EnvLogLevel,
	}
	for _, of := range []reflect.Type{reflect.TypeFor[config.API](), reflect.TypeFor[config.CSVProcessor](), reflect.TypeFor[config.Aggregator]()} {
		for i := range of.NumField() {
			field := of.Field(i)
			if got := field.Tag.Get("env"); got != keys[field.Name] {
				t.Errorf("%s.%s: key %s, want %s", of.Name(), field.Name, got, keys[field.Name])
			}
		}
	}
	if contract.DrainTimeoutMax != 25*time.Second || contract.ShardsMax != 256 || contract.RetentionMin != 24*time.Hour {
		t.Error("a limit of the contract changed: change the validate tags of package config with it")
	}
}
