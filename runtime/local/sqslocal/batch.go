package sqslocal

import (
	"errors"
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
