package stack_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/sensorflow/sensorflow/runtime/client"
	"github.com/sensorflow/sensorflow/runtime/csvfile"
	"github.com/sensorflow/sensorflow/runtime/local/s3local"
	"github.com/sensorflow/sensorflow/runtime/local/sqslocal"
	"github.com/sensorflow/sensorflow/runtime/local/stack"
	"github.com/sensorflow/sensorflow/test/await"
)

// A kill between an object's arrival and its event leaves what is made here by hand: a file in the bucket of which no queue knows.
func TestStart_TakesUpAFileOfWhichNobodyWasTold(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	options := stack.Options{DataDir: t.TempDir(), Log: t.Output()}
	now := time.Now().UTC().Format(time.RFC3339)
	content := fmt.Sprintf("equipmentId,timestamp,value\nEQ-1,%s,1\nEQ-2,%s,2\n", now, now)

	s, err := stack.Start(ctx, options)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for range 2 {
		ids = append(ids, announce(ctx, t, s, int64(len(content))))
	}
	arrived, missing := ids[0], ids[1]
	if err := s.Stop(); err != nil {
		t.Fatal(err)
	}
	putUntold(ctx, t, s, filepath.Join(options.DataDir, "s3"), csvfile.UploadKey(arrived), content)

	if s, err = stack.Start(ctx, options); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}()
	c, err := client.New(
		client.Machine{ID: s.Info.ClientID, Secret: s.Info.ClientSecret, Scopes: s.Info.Scopes},
		[]client.Region{{URL: s.Info.APIURL, TokenURL: s.Info.TokenURL}}, client.Options{},
	)
	if err != nil {
		t.Fatal(err)
	}
	done, err := c.WaitUpload(ctx, arrived)
	if err != nil || done.Status != client.UploadCompleted || done.RowsAccepted != 2 {
		t.Errorf("%+v, %v", done, err)
	}
	if u, err := c.GetUpload(ctx, missing); err != nil || u.Status != client.UploadAwaiting {
		t.Errorf("the upload without a file is %+v, %v", u, err)
	}
	await.True(t, time.Minute, "the queue is empty", func() bool { return s.Queue.Depth() == (sqslocal.Depth{}) })
	if s.DeadLetters.Depth() != (sqslocal.Depth{}) {
		t.Errorf("dead letters: %+v", s.DeadLetters.Depth())
	}
}

// announce asks for the address of a file that is not sent.
func announce(ctx context.Context, t *testing.T, s *stack.Stack, size int64) (id string) {
	t.Helper()
	body := fmt.Sprintf(`{"fileName":"a.csv","size":%d}`, size)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.Info.APIURL+"/sensor-data/uploads", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+machineToken(t, s.Info))
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct {
		UploadID string `json:"uploadId"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.UploadID == "" {
		t.Fatalf("status %d, %v", response.StatusCode, err)
	}
	return answer.UploadID
}

// putUntold puts an object into the bucket of a stack that has stopped, by a local S3 that tells nobody of it.
func putUntold(ctx context.Context, t *testing.T, s *stack.Stack, dir, key, content string) {
	t.Helper()
	config := s.AWSConfig()
	keys, err := config.Credentials.Retrieve(ctx)
	if err != nil {
		t.Fatal(err)
	}
	server, err := s3local.Start(ctx, s3local.Options{
		Dir: dir, AccessKey: keys.AccessKeyID, SecretKey: keys.SecretAccessKey, Region: s.Region, Output: t.Output(),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Stop()
	bucket := s3.New(s3.Options{Region: s.Region, BaseEndpoint: &server.Endpoint, UsePathStyle: true, Credentials: config.Credentials})
	if _, err := bucket.PutObject(ctx, &s3.PutObjectInput{Bucket: &s.Bucket, Key: &key, Body: strings.NewReader(content)}); err != nil {
		t.Fatal(err)
	}
}
