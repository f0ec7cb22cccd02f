package config

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/contract/rule"
)

// Environment keys of AWS's own, by which Lambda, Fargate and the local stack hand out credentials and addresses
// (https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html).
const (
	keyAccessKey     = "AWS_ACCESS_KEY_ID"
	keySigningKey    = "AWS_SECRET_ACCESS_KEY"
	keySession       = "AWS_SESSION_TOKEN"
	keyContainerPath = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"
	keyContainerURL  = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
	keyContainerAuth = "AWS_CONTAINER_AUTHORIZATION_TOKEN"
	keyEndpoint      = "AWS_ENDPOINT_URL"
	// containerHost hands out the credentials of a task's role.
	containerHost = "http://169.254.170.2"
)

// AWS makes the SDK's configuration of the environment: AWS_REGION, the credentials that Lambda and Fargate hand out, and
// AWS_ENDPOINT_URL with AWS_ENDPOINT_URL_<SERVICE>.
//
// The SDK's own loader is not used. It also reads profiles, signs on through browsers and asks instance metadata, none of which
// a deployed binary does: it made the binaries twice as large and their start twice as long.
func AWS() (aws.Config, error) {
	region := os.Getenv(contract.EnvRegion)
	if region == "" {
		return aws.Config{}, fmt.Errorf("%s must be set", contract.EnvRegion)
	}
	provider, err := credentialsOf(os.Getenv)
	if err != nil {
		return aws.Config{}, err
	}
	cfg := aws.Config{Region: region, Credentials: aws.NewCredentialsCache(provider), ConfigSources: []any{endpoints{os.Getenv}}}
	if address := os.Getenv(keyEndpoint); address != "" {
		cfg.BaseEndpoint = &address
	}
	return cfg, nil
}

// credentialsOf goes by the SDK's order: keys in the environment, then the container's address.
func credentialsOf(getenv func(string) string) (aws.CredentialsProvider, error) {
	if access := getenv(keyAccessKey); access != "" {
		return credentials.NewStaticCredentialsProvider(access, getenv(keySigningKey), getenv(keySession)), nil
	}
	address := getenv(keyContainerURL)
	if path := getenv(keyContainerPath); path != "" {
		address = containerHost + path
	}
	if address == "" {
		return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return aws.Credentials{}, errNoCredentials }), nil
	}
	if !mayHandOut(address) {
		return nil, fmt.Errorf("%s must be an https URL, or an http one of this machine or of the container agent, got %q", keyContainerURL, address)
	}
	return endpointcreds.New(address, func(o *endpointcreds.Options) { o.AuthorizationToken = getenv(keyContainerAuth) }), nil
}

var errNoCredentials = errors.New("no AWS credentials in the environment: set " + keyAccessKey + " and " + keySigningKey)

// mayHandOut accepts an address to ask for credentials: one where nobody on the way can change the answer.
func mayHandOut(address string) bool {
	if len(rule.Endpoint(keyContainerURL, address)) == 0 {
		return true
	}
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	agent := net.ParseIP(u.Hostname())
	return u.Scheme == "http" && agent != nil && agent.IsLinkLocalUnicast()
}

// endpoints tells the SDK's clients where to find a service, if not in AWS; they ask for the method by its name.
type endpoints struct{ getenv func(string) string }

// GetServiceBaseEndpoint returns the address of a service from AWS_ENDPOINT_URL_<SERVICE>, and whether there is one.
func (e endpoints) GetServiceBaseEndpoint(_ context.Context, service string) (string, bool, error) {
	address := e.getenv(keyEndpoint + "_" + strings.ToUpper(strings.ReplaceAll(service, " ", "_")))
	return address, address != "", nil
}
