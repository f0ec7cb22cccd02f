package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"github.com/sensorflow/sensorflow/test/simulation/storagesuite"
)

const (
	// awsParallel is how many cases are tried at a time on AWS, where making a table takes longest. An emulator gets one at a time:
	// what it does under load is not what is asked.
	awsParallel = 8
	// awsSettle is after which time reads see a write that may lag. AWS gives no bound; usually they do within a second.
	awsSettle = 3 * time.Second
	// credentialsWithin bounds the search for credentials, which looks for a metadata service that may not be there.
	credentialsWithin = 10 * time.Second
	// answerWithin bounds the first call.
	answerWithin = 20 * time.Second

	kindAWS, kindOther = "AWS", "another implementation"
)

// target is what the cases are tried against.
type target struct {
	cfg      aws.Config
	name     string // for people
	kind     string // kindAWS, kindOther or storagesuite.DynamoDBLocal
	parallel int
	settle   time.Duration
	calls    atomic.Int64 // that were made
}

var errNoTarget = errors.New("say ENDPOINT=http://host:port for an emulator, or, for AWS, give a region (AWS_REGION) and credentials in the environment")

// findTarget takes the endpoint of the environment, and AWS where it names none.
func findTarget(ctx context.Context, getenv func(string) string) (*target, error) {
	endpoint := cmp.Or(getenv("ENDPOINT"), getenv("AWS_ENDPOINT_URL_DYNAMODB"), getenv("AWS_ENDPOINT_URL")) // as for the other programs
	if endpoint == "" {
		return awsTarget(ctx, "")
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("ENDPOINT must be http://host:port or https://host, got %q", endpoint)
	}
	if strings.HasSuffix(u.Hostname(), ".amazonaws.com") {
		return awsTarget(ctx, endpoint)
	}
	t := &target{name: endpoint, kind: kindOther, parallel: 1}
	t.cfg = aws.Config{
		// Emulators ask for some credentials and look at none. Those of the environment are not shown to them.
		Region: "eu-west-1", Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""), BaseEndpoint: &endpoint,
	}
	t.count()
	return t, nil
}

// awsTarget is AWS, by one of its endpoints or by that of the region.
func awsTarget(ctx context.Context, endpoint string) (*target, error) {
	ctx, cancel := context.WithTimeout(ctx, credentialsWithin)
	defer cancel()
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the AWS configuration of the environment: %w", err)
	}
	if cfg.Region == "" {
		return nil, errNoTarget
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return nil, errNoTarget
	}
	t := &target{cfg: cfg, name: "AWS", kind: kindAWS, parallel: awsParallel, settle: awsSettle}
	if endpoint != "" {
		t.cfg.BaseEndpoint = &endpoint
	}
	t.count()
	return t, nil
}

// count makes the target count its calls.
func (t *target) count() {
	t.cfg.APIOptions = append(t.cfg.APIOptions, func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("count", func(
			ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
		) (middleware.InitializeOutput, middleware.Metadata, error) {
			t.calls.Add(1)
			return next.HandleInitialize(ctx, in)
		}), middleware.Before)
	})
}

// identify finds out who answers, by a table that it makes for that. The error says in a sentence that nobody does.
func (t *target) identify(ctx context.Context, endpoint *storagesuite.Endpoint) error {
	if err := t.answers(ctx, endpoint); err != nil {
		return err
	}
	text, err := endpoint.Describe(ctx)
	if err != nil {
		return fmt.Errorf("%s makes no table: %w", t.name, err)
	}
	of, err := arn.Parse(text)
	switch {
	case err != nil:
		t.name += ", whose tables have no ARN"
	case of.Region == "ddblocal": // DynamoDB Local's tables are in no region
		t.kind, t.name = storagesuite.DynamoDBLocal, storagesuite.DynamoDBLocal+" at "+t.name
	case t.kind == kindAWS:
		t.name = fmt.Sprintf("AWS, account %s, region %s", of.AccountID, of.Region)
	default:
		t.name = fmt.Sprintf("%s at %s", kindOther, t.name)
	}
	return nil
}

// answers asks for a table that is not there.
func (t *target) answers(ctx context.Context, endpoint *storagesuite.Endpoint) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	err := endpoint.Ask(ctx)
	var api smithy.APIError
	var unreachable *net.OpError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &unreachable):
		return fmt.Errorf("nothing answers at %s: %w", t.name, unreachable)
	case errors.As(err, &api) && api.ErrorCode() != "UnknownError":
		return fmt.Errorf("%s refuses to be asked: %s: %s", t.name, api.ErrorCode(), api.ErrorMessage())
	default:
		return fmt.Errorf("what answers at %s does not speak DynamoDB's protocol: %w", t.name, err)
	}
}
