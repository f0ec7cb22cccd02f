package sqslocal

import (
	"crypto/md5" //nolint:gosec // SQS's protocol asks for it; nothing rests on it
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

const (
	// Account is the account number in queue addresses and ARNs.
	Account = "000000000000"

	requestBytesMax = 8 << 20
	// messageBytesMax is SQS's limit of a message, and of all messages of a batch together.
	messageBytesMax = 1 << 20
	waitMax         = 20 * time.Second
	delayMax        = 15 * time.Minute
	visibilityMax   = 12 * time.Hour
)

// Server answers SQS clients for a set of queues. It is an http.Handler.
type Server struct {
	region string
	queues map[string]*Queue
}

// NewServer serves the queues, whose ARNs name the region.
func NewServer(region string, queues ...*Queue) *Server {
	s := &Server{region: region, queues: map[string]*Queue{}}
	for _, q := range queues {
		s.queues[q.Name()] = q
	}
	return s
}

// QueueURL is the address of a queue of a server that listens at the base address, such as http://127.0.0.1:9324.
func QueueURL(base, name string) string {
	return strings.TrimRight(base, "/") + "/" + Account + "/" + name
}

// ARN is the resource name of a queue.
func ARN(region, name string) string { return "arn:aws:sqs:" + region + ":" + Account + ":" + name }

// apiError is one of SQS's errors: its shape's name and, where it differs, the code of the older query protocol.
type apiError struct{ shape, query, message string }

func (e *apiError) Error() string { return e.shape + ": " + e.message }

func invalid(message string) error {
	return &apiError{"InvalidParameterValue", "InvalidParameterValue", message}
}

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Amzn-Requestid", uuid.NewString())
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	answer, err := s.call(r)
	if err != nil {
		writeError(w, err)
		return
	}
	if answer == nil {
		return
	}
	_ = json.NewEncoder(w).Encode(answer) // the client has gone; its message comes back by itself
}

func writeError(w http.ResponseWriter, err error) {
	var known *apiError
	status := http.StatusBadRequest
	if !errors.As(err, &known) {
		known, status = &apiError{"InternalError", "InternalError", err.Error()}, http.StatusInternalServerError
	}
	w.Header().Set("X-Amzn-Query-Error", known.query+";Sender")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"__type": "com.amazonaws.sqs#" + known.shape, "message": known.message})
}

func (s *Server) call(r *http.Request) (any, error) {
	operation, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.")
	if r.Method != http.MethodPost || !ok {
		return nil, &apiError{"UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation", "not a call of SQS's JSON protocol"}
	}
	var in request
	if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, requestBytesMax)).Decode(&in); err != nil {
		return nil, invalid("the body is not JSON: " + err.Error())
	}
	if operation != "GetQueueUrl" {
		in.QueueName = path.Base(in.QueueURL)
	}
	q, ok := s.queues[in.QueueName]
	if !ok {
		return nil, &apiError{"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist."}
	}
	return s.perform(operation, r, q, in)
}

// perform runs one operation on the queue that it names.
func (s *Server) perform(operation string, r *http.Request, q *Queue, in request) (any, error) {
	switch operation {
	case "GetQueueUrl":
		return map[string]string{"QueueUrl": QueueURL("http://"+r.Host, in.QueueName)}, nil
	case "GetQueueAttributes":
		return s.attributes(q, in.AttributeNames), nil
	case "SendMessage":
		return send(q, in.sendEntry)
	case "SendMessageBatch":
		return sendBatch(q, in.Entries)
	case "ReceiveMessage":
		return receive(r, q, in)
	case "DeleteMessage":
		return nil, q.Delete(in.ReceiptHandle)
	case "ChangeMessageVisibility":
		return nil, changeVisibility(q, in)
	default:
		return nil, &apiError{"UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation", operation + " is not served locally"}
	}
}

// request holds the members of every call's input.
type request struct {
	sendEntry
	QueueURL                    string      `json:"QueueUrl"`
	QueueName                   string      `json:"QueueName"`
	Entries                     []sendEntry `json:"Entries"`
	ReceiptHandle               string      `json:"ReceiptHandle"`
	VisibilityTimeout           *int        `json:"VisibilityTimeout"`
	MaxNumberOfMessages         int         `json:"MaxNumberOfMessages"`
	WaitTimeSeconds             int         `json:"WaitTimeSeconds"`
	AttributeNames              []string    `json:"AttributeNames"`
	MessageSystemAttributeNames []string    `json:"MessageSystemAttributeNames"`
}

type sendEntry struct {
	ID                string          `json:"Id"`
	MessageBody       string          `json:"MessageBody"`
	DelaySeconds      int             `json:"DelaySeconds"`
	MessageAttributes json.RawMessage `json:"MessageAttributes"`
}

func (e sendEntry) check() error {
	switch delay := time.Duration(e.DelaySeconds) * time.Second; {
	case e.MessageBody == "":
		return &apiError{"MissingParameter", "MissingParameter", "The request must contain the parameter MessageBody."}
	case len(e.MessageBody) > messageBytesMax:
		return invalid("One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.")
	case delay < 0 || delay > delayMax:
		return invalid("DelaySeconds must be 0 to 900")
	case len(e.MessageAttributes) > len("{}") && string(e.MessageAttributes) != "null":
		return &apiError{"UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation", "message attributes are not served locally"}
	}
	return nil
}

type sendAnswer struct {
	ID               string `json:"Id,omitempty"`
	MessageID        string `json:"MessageId"`
	MD5OfMessageBody string `json:"MD5OfMessageBody"`
}

func send(q *Queue, e sendEntry) (any, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	id, err := q.SendDelayed(e.MessageBody, time.Duration(e.DelaySeconds)*time.Second)
	if err != nil {
		return nil, err
	}
	return sendAnswer{ID: e.ID, MessageID: id, MD5OfMessageBody: md5Hex(e.MessageBody)}, nil
}

func md5Hex(s string) string {
	sum := md5.Sum([]byte(s)) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}

func changeVisibility(q *Queue, in request) error {
	if in.VisibilityTimeout == nil {
		return &apiError{"MissingParameter", "MissingParameter", "The request must contain the parameter VisibilityTimeout."}
	}
	d := time.Duration(*in.VisibilityTimeout) * time.Second
	if d < 0 || d > visibilityMax {
		return invalid("VisibilityTimeout must be 0 to 43200")
	}
	err := q.ChangeVisibility(in.ReceiptHandle, d)
	if errors.Is(err, ErrNotInFlight) {
		return &apiError{"MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight", err.Error()}
	}
	return err
}

func (s *Server) attributes(q *Queue, wanted []string) any {
	depth := q.Depth()
	all := map[string]string{
		"QueueArn":                              ARN(s.region, q.Name()),
		"ApproximateNumberOfMessages":           strconv.Itoa(depth.Visible),
		"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(depth.InFlight),
		"ApproximateNumberOfMessagesDelayed":    strconv.Itoa(depth.Delayed),
		"VisibilityTimeout":                     strconv.Itoa(int(q.VisibilityTimeout() / time.Second)),
	}
	if dead := q.options.DeadLetter; dead != nil {
		policy, _ := json.Marshal(map[string]any{ // strings and a number always encode
			"deadLetterTargetArn": ARN(s.region, dead.Name()), "maxReceiveCount": q.options.MaxReceiveCount,
		})
		all["RedrivePolicy"] = string(policy)
	}
	return map[string]any{"Attributes": pick(all, wanted)}
}

// pick keeps the named attributes; All names every one.
func pick(all map[string]string, wanted []string) map[string]string {
	chosen := map[string]string{}
	for _, name := range wanted {
		if name == "All" {
			return all
		}
		if value, ok := all[name]; ok {
			chosen[name] = value
		}
	}
	return chosen
}
