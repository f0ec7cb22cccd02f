package storagesuite_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/sensorflow/sensorflow/runtime/local/dynamolocal"
	"github.com/sensorflow/sensorflow/test/simulation/storagesuite"
	"github.com/sensorflow/sensorflow/test/verdict"
)

// local is the DynamoDB Local that all tests share; each makes tables of its own.
var local aws.Config

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	server, err := dynamolocal.Start(context.Background(), dynamolocal.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer server.Stop()
	local = aws.Config{
		Region: "eu-west-1", BaseEndpoint: &server.Endpoint, Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	}
	return m.Run()
}

func TestModel_BehavesAsDynamoDB(t *testing.T) {
	for _, c := range storagesuite.Cases() {
		t.Run(c.Name, func(t *testing.T) { c.Run(t, storagesuite.Model()) })
	}
}

// TestDynamoDBLocal_BehavesAsDynamoDB also holds that what is said of DynamoDB Local's differences is so.
func TestDynamoDBLocal_BehavesAsDynamoDB(t *testing.T) {
	endpoint := storagesuite.NewEndpoint(local)
	t.Cleanup(func() {
		if err := endpoint.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	known := storagesuite.KnownDifferences(storagesuite.DynamoDBLocal)
	for _, c := range storagesuite.Cases() {
		t.Run(c.Name, func(t *testing.T) {
			storage, _ := endpoint.Storage()
			reason, differs := known[c.Name]
			if !differs {
				c.Run(t, storage)
				return
			}
			if result := c.Try(t.Context(), storage); result.Verdict != verdict.Differs {
				t.Errorf("it holds now, so that it may be left out of the known differences: %s", reason)
			}
		})
	}
}

func TestKnownDifferences_NameCases(t *testing.T) {
	names := map[string]bool{}
	for _, c := range storagesuite.Cases() {
		if names[c.Name] {
			t.Errorf("two cases are called %q", c.Name)
		}
		names[c.Name] = true
	}
	known := storagesuite.KnownDifferences(storagesuite.DynamoDBLocal)
	for name := range known {
		if !names[name] {
			t.Errorf("no case is called %q", name)
		}
	}
	if len(known) == 0 || len(storagesuite.KnownDifferences("another emulator")) > 0 {
		t.Error("the differences of DynamoDB Local are its own")
	}
}
