package s3store

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/sensorflow/sensorflow/runtime/reading"
)

// mapError gives err the kind that tells callers what to do about it. doing completes the operator's view of the chain.
func mapError(doing string, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%s: %w", doing, err)
	if errors.Is(err, context.Canceled) {
		return err
	}
	e := &reading.Error{Cause: err}
	switch kindOf(err) {
	case reading.NotFound:
		e.Kind, e.Message = reading.NotFound, "there is no such file"
	case reading.Conflict:
		e.Kind, e.Message = reading.Conflict, "the file was changed by somebody else"
	case reading.Internal:
		e.Kind, e.Message = reading.Internal, "the file store refused the request"
	default:
		e.Kind, e.Message = reading.Unavailable, "the file store is busy; try again shortly"
	}
	return e
}

// kindOf goes by the code, which answers to HEAD requests lack, and then by the status
// (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html).
func kindOf(err error) reading.Kind {
	var api smithy.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode() {
		case "NoSuchKey", "NotFound":
			return reading.NotFound
		case "PreconditionFailed":
			return reading.Conflict
		case "RequestTimeout", "RequestTimeTooSkewed", "ExpiredToken", "OperationAborted", "ConditionalRequestConflict", "SlowDown":
			return reading.Unavailable // the other codes of status 4xx that pass
		}
	}
	var response *smithyhttp.ResponseError
	if !errors.As(err, &response) {
		return reading.Unavailable // timeouts and refused connections
	}
	switch status := response.HTTPStatusCode(); {
	case status == http.StatusPreconditionFailed:
		return reading.Conflict
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout:
		return reading.Unavailable
	case status >= http.StatusBadRequest && status < http.StatusInternalServerError:
		return reading.Internal // among them a bucket that does not exist and missing permissions
	default:
		return reading.Unavailable
	}
}
