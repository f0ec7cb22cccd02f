package eventsource

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

const (
	eventBytesMax = 1 << 20
	// sendWithin bounds the work on an event. The gateway waits for less and tells of no object twice, so that its leaving ends nothing.
	sendWithin = 30 * time.Second
	// s3EventTime is the layout of S3's event times, always in UTC.
	s3EventTime = "2006-01-02T15:04:05.000Z"
)

// S3Options configure S3Webhook.
type S3Options struct {
	// Send takes each event, encoded as the body of a queue message. Required.
	Send func(body string) error
	Log  *slog.Logger // required
	// Prefix passes only objects whose key begins so. Default: contract.UploadKeyPrefix.
	Prefix string
	// Size tells the size of an object where the event lacks it, as it does for multipart uploads. Default: it stays 0.
	Size func(ctx context.Context, bucket, key string) (int64, error)
}

// s3Event has the members that S3's events and the gateway's have in common. encoding/json matches the gateway's own
// spelling PrincipalId, too.
type s3Event struct {
	Records []s3Record `json:"Records"`
}

type s3Record struct {
	EventVersion      string            `json:"eventVersion"`
	EventSource       string            `json:"eventSource"`
	AWSRegion         string            `json:"awsRegion"`
	EventTime         string            `json:"eventTime"`
	EventName         string            `json:"eventName"`
	UserIdentity      s3Identity        `json:"userIdentity"`
	RequestParameters map[string]string `json:"requestParameters"`
	ResponseElements  map[string]string `json:"responseElements"`
	S3                struct {
		SchemaVersion   string `json:"s3SchemaVersion"`
		ConfigurationID string `json:"configurationId"`
		Bucket          struct {
			Name          string     `json:"name"`
			OwnerIdentity s3Identity `json:"ownerIdentity"`
			ARN           string     `json:"arn"`
		} `json:"bucket"`
		Object struct {
			Key       string `json:"key"`
			Size      int64  `json:"size"`
			ETag      string `json:"eTag"`
			VersionID string `json:"versionId,omitempty"`
			Sequencer string `json:"sequencer"`
		} `json:"object"`
	} `json:"s3"`
}

type s3Identity struct {
	PrincipalID string `json:"principalId"`
}

// S3Webhook receives the events of the local S3 and sends those of new objects on in the form in which S3 sends them, one
// message for each object. Everything else, the test event of the gateway's start too, is answered and left out.
func S3Webhook(o S3Options) http.Handler {
	if o.Prefix == "" {
		o.Prefix = contract.UploadKeyPrefix
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, eventBytesMax))
		if err != nil {
			http.Error(w, "the event could not be read", http.StatusBadRequest)
			return
		}
		var received s3Event
		if err := json.Unmarshal(body, &received); err != nil {
			http.Error(w, "the event is not JSON", http.StatusBadRequest)
			return
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), sendWithin)
		defer cancel()
		var problems []error
		for _, record := range received.Records {
			problems = append(problems, o.forward(ctx, record))
		}
		if err := errors.Join(problems...); err != nil {
			o.Log.Error("an object's event was lost", "error", err)
			http.Error(w, "the event could not be sent on", http.StatusInternalServerError)
		}
	})
}

func (o S3Options) forward(ctx context.Context, record s3Record) error {
	object := &record.S3.Object
	record.EventName = strings.TrimPrefix(record.EventName, "s3:")
	if !strings.HasPrefix(record.EventName, "ObjectCreated:") || !strings.HasPrefix(object.Key, o.Prefix) {
		return nil
	}
	if object.Size == 0 && o.Size != nil {
		size, err := o.Size(ctx, record.S3.Bucket.Name, object.Key)
		if err != nil {
			return fmt.Errorf("find the size of %s: %w", object.Key, err)
		}
		object.Size = size
	}
	if t, err := time.Parse(time.RFC3339, record.EventTime); err == nil {
		record.EventTime = t.UTC().Format(s3EventTime)
	}
	return send(o.Send, record)
}

// Arrival is an object that has arrived.
type Arrival struct {
	Region, Bucket, Key string
	Size                int64
	ETag                string
	At                  time.Time
}

// SendArrival sends the event of an object of which the local S3 told nobody, in the form in which S3 sends it.
func SendArrival(a Arrival, to func(body string) error) error {
	record := s3Record{
		EventVersion: "2.1", EventSource: "aws:s3", AWSRegion: a.Region, EventTime: a.At.UTC().Format(s3EventTime), EventName: "ObjectCreated:Put",
	}
	record.S3.SchemaVersion = "1.0"
	record.S3.Bucket.Name = a.Bucket
	record.S3.Object.Key, record.S3.Object.Size, record.S3.Object.ETag = a.Key, a.Size, a.ETag
	return send(to, record)
}

func send(to func(body string) error, record s3Record) error {
	object := &record.S3.Object
	record.S3.Bucket.ARN = "arn:aws:s3:::" + record.S3.Bucket.Name
	object.Key = encodeKey(object.Key)
	object.ETag = strings.Trim(object.ETag, `"`)
	encoded, err := json.Marshal(s3Event{Records: []s3Record{record}})
	if err != nil {
		return fmt.Errorf("encode the event of %s: %w", object.Key, err)
	}
	if err := to(string(encoded)); err != nil {
		return fmt.Errorf("send the event of %s: %w", object.Key, err)
	}
	return nil
}

// encodeKey writes a key as S3's events do: like a form value, but with its slashes.
func encodeKey(key string) string {
	return strings.ReplaceAll(url.QueryEscape(key), "%2F", "/")
}
