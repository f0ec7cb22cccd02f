package main

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sensorflow/sensorflow/runtime/aggregate"
	"github.com/sensorflow/sensorflow/runtime/auth"
	"github.com/sensorflow/sensorflow/runtime/cognito"
	"github.com/sensorflow/sensorflow/runtime/config"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/deletion"
	"github.com/sensorflow/sensorflow/runtime/dynamo"
	"github.com/sensorflow/sensorflow/runtime/equipment"
	"github.com/sensorflow/sensorflow/runtime/httpapi"
	"github.com/sensorflow/sensorflow/runtime/ingest"
	"github.com/sensorflow/sensorflow/runtime/memory"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/s3store"
)

// The adapters fit the interfaces of the packages that use them.
var (
	_ ingest.Store          = (*dynamo.Readings)(nil)
	_ httpapi.Pager         = (*dynamo.Readings)(nil)
	_ aggregate.WindowTable = (*dynamo.Aggregates)(nil)
	_ csvfile.UploadTable   = (*dynamo.Uploads)(nil)
	_ deletion.Readings     = (*dynamo.Readings)(nil)
	_ deletion.Table        = (*dynamo.Deletions)(nil)
	_ csvfile.UploadBucket  = (*s3store.Bucket)(nil)
	_ auth.Revocations      = (*dynamo.Revocations)(nil)
	_ auth.Directory        = (*cognito.UserPool)(nil)
	_ auth.Keys             = (*cognito.KeySet)(nil)

	_ httpapi.Saver         = (*ingest.Coalescer)(nil)
	_ httpapi.BatchWriter   = (*ingest.Writer)(nil)
	_ httpapi.Deleter       = (*deletion.Service)(nil)
	_ httpapi.UploadCreator = (*csvfile.Uploads)(nil)
	_ httpapi.UploadParts   = (*csvfile.Uploads)(nil)
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
	// start looks whether the tables can be used and begins what runs beside the requests. Its error is for good.
	start func(context.Context) error
	// close waits for the readings that were accepted and ends what runs beside the requests.
	close func(context.Context) error
}

// assembly is the service's own pieces, before the HTTP layer.
type assembly struct {
	readings  *dynamo.Readings
	rows      *dynamo.Aggregates
	uploads   *dynamo.Uploads
	bucket    *s3store.Bucket
	keys      *cognito.KeySet
	people    *auth.Service
	coalescer *ingest.Coalescer
	deletions *deletion.Service
}

// wire assembles the service. It calls nobody, so that a dependency that is down shows in readiness and not in a task that
// cannot start; what it returns an error for is wrong for good.
func wire(ctx context.Context, cfg config.API, plan memory.Plan, log *slog.Logger) (parts, error) {
	awsConfig, err := config.AWS()
	if err != nil {
		return parts{}, fmt.Errorf("configure AWS: %w", err)
	}
	awsConfig.Region = cfg.Region
	tables := dynamo.NewClient(awsConfig)
	a := assembly{
		readings: dynamo.NewReadings(tables, cfg.ReadingsTable, cfg.Region, cfg.Retention),
		rows:     dynamo.NewAggregates(tables, cfg.ReadingsTable, cfg.AggregatesTable, cfg.IndexShards),
		uploads:  dynamo.NewUploads(tables, cfg.UploadsTable),
		bucket:   s3store.New(s3store.NewClient(awsConfig), cfg.UploadsBucket),
		keys:     cognito.NewKeySet(cfg.UserPoolJWKSURL, &http.Client{Timeout: keysTimeout}, time.Now, log),
	}
	if a.people, err = authentication(cfg, awsConfig, a.keys, log); err != nil {
		return parts{}, fmt.Errorf("configure sign-in: %w", err)
	}
	a.coalescer = ingest.NewCoalescer(a.readings, ingest.Options{}, pacing.Pacer{})
	a.deletions = deletion.NewService(a.readings, a.readings, dynamo.NewDeletions(tables, cfg.UploadsTable), deletion.Options{
		Retention: cfg.Retention, Log: log,
	})
	api, err := a.api(ctx, cfg, plan, log)
	if err != nil {
		return parts{}, err
	}
	followed, stop := context.WithCancel(context.WithoutCancel(ctx))
	var following sync.WaitGroup
	return parts{
		api: api,
		start: func(ctx context.Context) error {
			if err := awaitRights(ctx, []func(context.Context) error{
				a.probeReadings, a.probeAggregates, a.probeUploads, a.refreshLogouts,
			}); err != nil {
				return fmt.Errorf("the tables refuse this service: %w", err)
			}
			following.Go(func() { a.people.FollowLogouts(followed) })
			following.Go(func() { a.deletions.Follow(followed) })
			return nil
		},
		close: func(ctx context.Context) error {
			stop()
			err := a.coalescer.Close(ctx)
			a.keys.Close()
			following.Wait()
			if err != nil {
				return fmt.Errorf("store the readings in flight: %w", err)
			}
			return nil
		},
	}, nil
}

// api puts the HTTP layer on the assembled pieces.
func (a assembly) api(ctx context.Context, cfg config.API, plan memory.Plan, log *slog.Logger) (*httpapi.Server, error) {
	uploadOrigin, err := a.bucket.Origin(ctx)
	if err != nil {
		return nil, fmt.Errorf("configure the bucket: %w", err)
	}
	key, err := cursorKey(cfg)
	if err != nil {
		return nil, err
	}
	uploads := csvfile.NewUploads(a.uploads, a.bucket, time.Now, csvfile.UploadsOptions{})
	api, err := httpapi.New(httpapi.Dependencies{
		Saver: a.coalescer, Batches: ingest.NewWriter(a.readings, batchesInFlightMax, pacing.Pacer{}), Pager: a.readings,
		Deletions: a.deletions, Equipment: equipment.NewCatalog(a.rows, a.readings),
		Uploads: uploads, UploadParts: uploads, UploadStatus: uploads, Authenticator: a.people,
		Windows: aggregate.NewWindows(a.rows, time.Now, cfg.AggregateCacheTTL, aggregate.WindowsOptions{
			IndexShards: cfg.IndexShards, FleetBuckets: cfg.FleetBuckets,
			ReadsInFlightMax: plan.TableReads, RowsInFlightMax: plan.RowsRead, CacheItemsMax: plan.RowsKept,
		}),
		Checks: a.checks(), Logger: log, Now: time.Now,
	}, httpapi.Options{
		Region: cfg.Region, Retention: cfg.Retention, AllowedOrigins: cfg.AllowedOrigins, PublicURL: cfg.PublicURL, TokenURL: cfg.TokenURL,
		UploadOrigin: uploadOrigin, TrustedProxies: cfg.TrustedProxies,
		CursorKey: key, Memory: plan,
	})
	if err != nil {
		return nil, fmt.Errorf("make the API: %w", err)
	}
	return api, nil
}

// cursorKey derives the key that signs cursors from the one secret that all processes of a deployment have, in all regions: the
// user pool's client is the same in each. A new secret ends the listings that are under way.
func cursorKey(cfg config.API) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, []byte(cfg.UserPoolClientSecret), nil, "sensor-flow cursors", sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("derive the key of cursors: %w", err)
	}
	return key, nil
}

func authentication(cfg config.API, awsConfig aws.Config, keys *cognito.KeySet, log *slog.Logger) (*auth.Service, error) {
	// The list of logouts must be read whatever the readings do, since no token is accepted without it: it waits for no connection
	// of theirs, and the attempts that the SDK allows it are its own.
	logouts := dynamo.NewRevocations(dynamo.NewClient(awsConfig), cfg.RevocationsTable)
	awsConfig.Region = cfg.UserPoolRegion // a region without a replica of the pool signs people in through another
	pool := cognito.NewUserPool(cognito.NewClient(awsConfig), cfg.UserPoolClientID, cfg.UserPoolClientSecret)
	return auth.NewService(pool, logouts, keys, auth.Options{
		Issuer: cfg.UserPoolIssuer, ClientID: cfg.UserPoolClientID, MachineClientIDs: cfg.MachineClientIDs, Logger: log,
	})
}
