package csvfile

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/fault"
)

// rangeKind names the form of our own messages, and rangeKindFirst that of an earlier version, which may still be in the queue after
// a deployment. They say the same. The earlier version took a range of which anything was committed for done: it must leave messages
// about ranges that may be half done to this one.
const (
	rangeKind      = "sensorflow.csv-range.v2"
	rangeKindFirst = "sensorflow.csv-range.v1"
)

// work is what a message asks for.
type work struct {
	uploads []string // files that have arrived, by upload id
	buckets []string // where they are
	rng     *RangeID // or one range of a file
}

// message is an S3 event (https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html), what
// EventBridge writes in its place (contract.BucketEventTemplate), S3's test event, or a message of our own.
type message struct {
	Records []struct {
		EventName string `json:"eventName"`
		S3        struct {
			Bucket struct {
				Name string `json:"name"`
			} `json:"bucket"`
			Object struct {
				Key string `json:"key"`
			} `json:"object"`
		} `json:"s3"`
	} `json:"Records"`
	Event string `json:"Event"`

	Kind     string `json:"kind"`
	UploadID string `json:"uploadId"`
	Range    *int   `json:"range"`
}

// rangeMessage is the form of our own messages.
type rangeMessage struct {
	Kind     string `json:"kind"`
	UploadID string `json:"uploadId"`
	Range    int    `json:"range"`
}

func encodeRange(r RangeID) (string, error) {
	body, err := json.Marshal(rangeMessage{rangeKind, r.UploadID, r.Number})
	if err != nil {
		return "", fmt.Errorf("encode range %d: %w", r.Number, err)
	}
	return string(body), nil
}

// never is the error of a message that cannot succeed however often it comes.
func never(message string, cause error) error {
	return &fault.Error{Kind: fault.Invalid, Message: message, Cause: cause}
}

func decodeMessage(body string) (work, error) {
	var m message
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		return work{}, never("the message is not JSON of a known form", err)
	}
	switch {
	case (m.Kind == rangeKind || m.Kind == rangeKindFirst) && m.UploadID != "" && m.Range != nil:
		return work{rng: &RangeID{UploadID: m.UploadID, Number: *m.Range}}, nil
	case m.Kind != "":
		return work{}, never(fmt.Sprintf("the message is of a kind or form that is not known: %.60q", m.Kind), nil)
	case m.Event == "s3:TestEvent":
		return work{}, nil // S3 sends it when notifications are set up
	case len(m.Records) == 0:
		return work{}, never("the message is neither an S3 event nor a range", nil)
	}
	var w work
	for _, r := range m.Records {
		if !strings.HasPrefix(r.EventName, "ObjectCreated:") {
			return work{}, never(fmt.Sprintf("the S3 event is of another kind: %.60q", r.EventName), nil)
		}
		id, err := uploadIDOf(r.S3.Object.Key, r.EventName != contract.BucketEventName)
		if err != nil {
			return work{}, err
		}
		w.uploads, w.buckets = append(w.uploads, id), append(w.buckets, r.S3.Bucket.Name)
	}
	return w, nil
}

// uploadIDOf takes the upload id out of the key of an object. S3 encodes keys like a form: a space is +.
func uploadIDOf(key string, encoded bool) (string, error) {
	if encoded {
		decoded, err := url.QueryUnescape(key)
		if err != nil {
			return "", never("the object key of the S3 event is not URL-encoded", err)
		}
		key = decoded
	}
	id, found := strings.CutPrefix(key, contract.UploadKeyPrefix)
	id, named := strings.CutSuffix(id, contract.CSVKeySuffix)
	if !found || !named || id == "" || strings.Contains(id, "/") {
		return "", never(fmt.Sprintf("the object %.200q is not an uploaded file", key), nil)
	}
	return id, nil
}
