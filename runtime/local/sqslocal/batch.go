package sqslocal

import (
	"errors"
	"net/http"
	"strconv"
	"time"
)

const batchEntriesMax = 10

type failedEntry struct {
	ID          string `json:"Id"`
	Code        string `json:"Code"`
	Message     string `json:"Message"`
	SenderFault bool   `json:"SenderFault"`
}

// sendBatch sends each entry on its own: some may fail while others succeed, as in SQS.
func sendBatch(q *Queue, entries []sendEntry) (any, error) {
	if err := checkBatch(entries); err != nil {
		return nil, err
	}
	answer := struct {
		Successful []any         `json:"Successful"`
		Failed     []failedEntry `json:"Failed"`
	}{Successful: []any{}, Failed: []failedEntry{}}
	for _, e := range entries {
		sent, err := send(q, e)
		if err == nil {
			answer.Successful = append(answer.Successful, sent)
			continue
		}
		failed := failedEntry{ID: e.ID, Code: "InternalError", Message: err.Error()}
		var known *apiError
		if errors.As(err, &known) {
			failed.Code, failed.Message, failed.SenderFault = known.query, known.message, true
		}
		answer.Failed = append(answer.Failed, failed)
	}
	return answer, nil
}

func checkBatch(entries []sendEntry) error {
	const query = "AWS.SimpleQueueService."
	switch {
	case len(entries) == 0:
		return &apiError{"EmptyBatchRequest", query + "EmptyBatchRequest", "There should be at least one SendMessageBatchRequestEntry in the request."}
	case len(entries) > batchEntriesMax:
		return &apiError{"TooManyEntriesInBatchRequest", query + "TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10."}
	}
	seen, size := map[string]bool{}, 0
	for _, e := range entries {
		if seen[e.ID] {
			return &apiError{"BatchEntryIdsNotDistinct", query + "BatchEntryIdsNotDistinct", "Id " + e.ID + " repeated."}
		}
		seen[e.ID] = true
		size += len(e.MessageBody)
	}
	if size > messageBytesMax {
		return &apiError{"BatchRequestTooLong", query + "BatchRequestTooLong", "Batch requests cannot be longer than 1048576 bytes."}
	}
	return nil
}

type receivedMessage struct {
	MessageID     string            `json:"MessageId"`
	ReceiptHandle string            `json:"ReceiptHandle"`
	MD5OfBody     string            `json:"MD5OfBody"`
	Body          string            `json:"Body"`
	Attributes    map[string]string `json:"Attributes,omitempty"`
}

func receive(r *http.Request, q *Queue, in request) (any, error) {
	limit := in.MaxNumberOfMessages
	if limit == 0 {
		limit = 1
	}
	wait, visibility := time.Duration(in.WaitTimeSeconds)*time.Second, q.VisibilityTimeout()
	if in.VisibilityTimeout != nil {
		visibility = time.Duration(*in.VisibilityTimeout) * time.Second
	}
	switch {
	case limit < 1 || limit > ReceiveMax:
		return nil, invalid("MaxNumberOfMessages must be 1 to 10")
	case wait < 0 || wait > waitMax:
		return nil, invalid("WaitTimeSeconds must be 0 to 20")
	case visibility < 0 || visibility > visibilityMax:
		return nil, invalid("VisibilityTimeout must be 0 to 43200")
	}
	messages, err := q.ReceiveFor(r.Context(), limit, wait, visibility)
	if err != nil {
		return nil, err
	}
	answer := []receivedMessage{}
	for _, m := range messages {
		answer = append(answer, receivedMessage{
			MessageID: m.ID, ReceiptHandle: m.Receipt, MD5OfBody: md5Hex(m.Body), Body: m.Body,
			Attributes: pick(m.Attributes(), append(in.AttributeNames, in.MessageSystemAttributeNames...)),
		})
	}
	return map[string]any{"Messages": answer}, nil
}

// Attributes are SQS's system attributes of a message received.
func (m Message) Attributes() map[string]string {
	return map[string]string{
		"ApproximateReceiveCount":          strconv.Itoa(m.ReceiveCount),
		"SentTimestamp":                    strconv.FormatInt(m.SentAt.UnixMilli(), 10),
		"ApproximateFirstReceiveTimestamp": strconv.FormatInt(m.FirstReceivedAt.UnixMilli(), 10),
		"SenderId":                         Account,
	}
}
