package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/auth"
	"github.com/sensorflow/sensorflow/runtime/cognito"
	"github.com/sensorflow/sensorflow/runtime/config"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/httpapi"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/s3store"
)

// The adapters fit the interfaces of the packages that use them.
var (
	_ ingest.Store          = (*dynamo.Readings)(nil)
	_ httpapi.Pager         = (*dynamo.Readings)(nil)
	_ aggregate.WindowTable = (*dynamo.Aggregates)(nil)
	_ csvfile.UploadTable   = (*dynamo.Uploads)(nil)
	_ csvfile.UploadBucket  = (*s3store.Bucket)(nil)
	_ auth.Revocations      = (*dynamo.Revocations)(nil)
	_ auth.Directory        = (*cognito.UserPool)(nil)
	_ auth.Keys             = (*cognito.KeySet)(nil)

	_ httpapi.Saver         = (*ingest.Coalescer)(nil)
	_ httpapi.BatchWriter   = (*ingest.Writer)(nil)
	_ httpapi.UploadCreator = (*csvfile.Uploads)(nil)
	_ httpapi.UploadReader  = (*csvfile.Uploads)(nil)
	_ httpapi.Windows       = (*aggregate.Windows)(nil)
	_ httpapi.Authenticator = (*auth.Service)(nil)
)

// The API sets aside for a file in transit what the bucket's adapter holds of it. A negative number does not compile.
const _ = uint(httpapi.FileMemoryBytes - s3store.PartBytes)

const (
	// batchesInFlightMax bounds the concurrent writes of all batch requests together. 32 of 25 readings in 10 ms each are
	// 80,000 readings a second, more than a task takes in.
	batchesInFlightMax = 32
	// keysTimeout bounds fetching the user pool's keys.
	keysTimeout = 5 * time.Second
)

// parts are what run needs of the assembled service.
type parts struct {
	api *httpapi.Server
	// close waits for the readings that were accepted and ends what runs beside the requests.
	close func(context.Context) error
}

// wire assembles the service. It calls nobody, so that a dependency that is down shows in readiness and not in a task that
// cannot start; what it returns an error for is wrong for good.
func wire(ctx context.Context, cfg config.API, log *slog.Logger) (parts, error) {
	awsConfig, err := config.AWS(ctx)
	if err != nil {
		return parts{}, fmt.Errorf("configure AWS: %w", err)
	}
	awsConfig.Region = cfg.Region
	tables := dynamo.NewClient(awsConfig)
	bucket := s3store.New(s3store.NewClient(awsConfig), cfg.UploadsBucket)
	uploadOrigin, err := bucket.Origin(ctx)
	if err != nil {
		return parts{}, fmt.Errorf("configure the bucket: %w", err)
	}
	keys := cognito.NewKeySet(cfg.UserPoolJWKSURL, &http.Client{Timeout: keysTimeout}, time.Now, log)
	people, err := authentication(cfg, awsConfig, tables, keys, log)
	if err != nil {
		return parts{}, fmt.Errorf("configure sign-in: %w", err)
	}
	readings := dynamo.NewReadings(tables, cfg.ReadingsTable, cfg.Region, cfg.Retention)
	coalescer := ingest.NewCoalescer(readings, ingest.Options{}, ingest.Environment{})
	uploads := csvfile.NewUploads(dynamo.NewUploads(tables, cfg.UploadsTable), bucket, time.Now)
	api, err := httpapi.New(httpapi.Dependencies{
		Saver: coalescer, Batches: ingest.NewWriter(readings, batchesInFlightMax, ingest.Environment{}), Pager: readings,
		Uploads: uploads, UploadStatus: uploads, Windows: windows(cfg, tables), Authenticator: people,
		Checks: checks(cfg, tables, bucket, keys), Logger: log, Now: time.Now,
	}, httpapi.Options{
		Retention: cfg.Retention, AllowedOrigins: cfg.AllowedOrigins, PublicURL: cfg.PublicURL, TokenURL: cfg.TokenURL,
		UploadOrigin: uploadOrigin, TrustedProxies: cfg.TrustedProxies,
	})
	if err != nil {
		return parts{}, fmt.Errorf("make the API: %w", err)
	}
	return parts{api: api, close: func(ctx context.Context) error {
		err := coalescer.Close(ctx)
		keys.Close()
		if err != nil {
			return fmt.Errorf("store the readings in flight: %w", err)
		}
		return nil
	}}, nil
}

func authentication(cfg config.API, awsConfig aws.Config, tables *dynamodb.Client, keys *cognito.KeySet, log *slog.Logger) (*auth.Service, error) {
	awsConfig.Region = cfg.UserPoolRegion // a region without a replica of the pool signs people in through another
	pool := cognito.NewUserPool(cognito.NewClient(awsConfig), cfg.UserPoolClientID, cfg.UserPoolClientSecret)
	return auth.NewService(pool, dynamo.NewRevocations(tables, cfg.RevocationsTable), keys, auth.Options{
		Issuer: cfg.UserPoolIssuer, ClientID: cfg.UserPoolClientID, MachineClientIDs: cfg.MachineClientIDs, Logger: log,
	})
}

func windows(cfg config.API, tables *dynamodb.Client) *aggregate.Windows {
	rows := dynamo.NewAggregates(tables, cfg.ReadingsTable, cfg.AggregatesTable, cfg.IndexShards)
	return aggregate.NewWindows(rows, time.Now, cfg.AggregateCacheTTL, aggregate.WindowsOptions{
		IndexShards: cfg.IndexShards, FleetBuckets: cfg.FleetBuckets,
	})
}

// checks are the conditions of readiness. Clients see their names.
func checks(cfg config.API, tables *dynamodb.Client, bucket *s3store.Bucket, keys *cognito.KeySet) []httpapi.Check {
	table := func(name, table string) httpapi.Check {
		return httpapi.Check{Name: name, Run: func(ctx context.Context) error { return dynamo.Ready(ctx, tables, table) }}
	}
	return []httpapi.Check{
		table("readings table", cfg.ReadingsTable), table("aggregates table", cfg.AggregatesTable),
		table("uploads table", cfg.UploadsTable), table("revocations table", cfg.RevocationsTable),
		{Name: "upload bucket", Run: bucket.Ready}, {Name: "token keys", Run: keys.Ready},
	}
}
