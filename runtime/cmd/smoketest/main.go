package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"github.com/sensorflow/sensorflow/runtime/config"
	"github.com/sensorflow/sensorflow/runtime/function"
	"github.com/sensorflow/sensorflow/runtime/smoketest"
)

func main() { function.Start(config.LoadSmokeTest, build) }

const (
	// lookEvery is how often the aggregate is asked for.
	lookEvery = time.Second
	// secretTimeout bounds the reading of the secret, with the attempts of the SDK.
	secretTimeout = 10 * time.Second
)

func build(c config.SmokeTest, cfg aws.Config, logs io.Writer) function.Handler[event, answer] {
	client := secretsmanager.NewFromConfig(cfg)
	h := &handler{
		region: c.Region, api: c.APIURL, client: &http.Client{}, every: lookEvery, now: time.Now,
		log: config.NewLogger(logs, c.LogLevel),
	}
	// The secret is read each time, so that a new one is known at once.
	h.credentials = func(ctx context.Context) (smoketest.Credentials, error) {
		ctx, cancel := context.WithTimeout(ctx, secretTimeout)
		defer cancel()
		got, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &c.MachineClientARN})
		if err != nil {
			return smoketest.Credentials{}, fmt.Errorf("read the secret of the machine client: %w", err)
		}
		return credentialsOf(aws.ToString(got.SecretString))
	}
	return h.handle
}
