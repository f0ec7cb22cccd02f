package sqslocal

import (
	"crypto/md5" //nolint:gosec // SQS's protocol asks for it; no secret is protected by it
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
)

// Server answers SQS clients for a set of queues. It is an http.Handler.
type Server struct{ queues map[string]*Queue }

// NewServer serves the queues.
func NewServer(queues ...*Queue) *Server {
	s := &Server{queues: map[string]*Queue{}}
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

// unsupported refuses what no program of the local system uses, instead of answering differently from SQS.
func unsupported(what string) error {
	return &apiError{"UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation", what + " is not served locally"}
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
		return nil, unsupported("what is no call of SQS's JSON protocol")
	}
	var in request
	if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, requestBytesMax)).Decode(&in); err != nil {
		return nil, invalid("the body is not JSON: " + err.Error())
	}
	q, ok := s.queues[path.Base(in.QueueURL)]
	if !ok {
		return nil, &apiError{"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist."}
	}
	return perform(r, operation, q, in)
}

// perform runs one operation on the queue that it names.
func perform(r *http.Request, operation string, q *Queue, in request) (any, error) {
	switch operation {
	case "SendMessageBatch":
		return sendBatch(q, in.Entries)
	case "ReceiveMessage":
		return receive(r, q, in)
	case "ChangeMessageVisibility":
		return nil, hide(q, in)
	case "DeleteMessage":
		return nil, q.Delete(in.ReceiptHandle)
	default:
		return nil, unsupported(operation)
	}
}

func hide(q *Queue, in request) error {
	const hiddenMax = 12 * 60 * 60
	if in.VisibilityTimeout == nil || *in.VisibilityTimeout < 0 || *in.VisibilityTimeout > hiddenMax {
		return invalid("VisibilityTimeout must be 0 to 43200")
	}
	err := q.Hide(in.ReceiptHandle, time.Duration(*in.VisibilityTimeout)*time.Second)
	if errors.Is(err, ErrNotInFlight) {
		return &apiError{"MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight", "The specified message isn't in flight."}
	}
	return err
}

// request holds the members of every call's input.
type request struct {
	QueueURL                    string      `json:"QueueUrl"`
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
	switch {
	case e.MessageBody == "":
		return &apiError{"MissingParameter", "MissingParameter", "The request must contain the parameter MessageBody."}
	case len(e.MessageBody) > messageBytesMax:
		return invalid("One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.")
	case e.DelaySeconds != 0:
		return unsupported("a delay")
	case len(e.MessageAttributes) > len("{}") && string(e.MessageAttributes) != "null":
		return unsupported("a message attribute")
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
	id, err := q.Send(e.MessageBody)
	if err != nil {
		return nil, err
	}
	return sendAnswer{ID: e.ID, MessageID: id, MD5OfMessageBody: MD5(e.MessageBody)}, nil
}

// MD5 is the digest by which clients check that a body arrived whole.
func MD5(body string) string {
	sum := md5.Sum([]byte(body)) //nolint:gosec // SQS's protocol asks for it; no secret is protected by it
	return hex.EncodeToString(sum[:])
}

type receivedMessage struct {
	MessageID     string `json:"MessageId"`
	ReceiptHandle string `json:"ReceiptHandle"`
	MD5OfBody     string `json:"MD5OfBody"`
	Body          string `json:"Body"`
}

func receive(r *http.Request, q *Queue, in request) (any, error) {
	limit, wait := in.MaxNumberOfMessages, time.Duration(in.WaitTimeSeconds)*time.Second
	if limit == 0 {
		limit = 1
	}
	switch {
	case limit < 1 || limit > ReceiveMax:
		return nil, invalid("MaxNumberOfMessages must be 1 to 10")
	case wait < 0 || wait > waitMax:
		return nil, invalid("WaitTimeSeconds must be 0 to 20")
	case in.VisibilityTimeout != nil:
		return nil, unsupported("a visibility timeout of a call")
	case len(in.AttributeNames)+len(in.MessageSystemAttributeNames) > 0:
		return nil, unsupported("an attribute")
	}
	messages, err := q.Receive(r.Context(), limit, wait)
	if err != nil {
		return nil, err
	}
	answer := []receivedMessage{}
	for _, m := range messages {
		answer = append(answer, receivedMessage{MessageID: m.ID, ReceiptHandle: m.Receipt, MD5OfBody: MD5(m.Body), Body: m.Body})
	}
	return map[string]any{"Messages": answer}, nil
}

// Attributes are SQS's system attributes of a message received, as Lambda's events hold them.
func (m Message) Attributes() map[string]string {
	return map[string]string{
		"ApproximateReceiveCount":          strconv.Itoa(m.ReceiveCount),
		"SentTimestamp":                    strconv.FormatInt(m.SentAt.UnixMilli(), 10),
		"ApproximateFirstReceiveTimestamp": strconv.FormatInt(m.FirstReceivedAt.UnixMilli(), 10),
		"SenderId":                         Account,
	}
}
