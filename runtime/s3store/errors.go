package s3store

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/sensorflow/sensorflow/runtime/fault"
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
	e := &fault.Error{Cause: err}
	switch kindOf(err) {
	case fault.NotFound:
		e.Kind, e.Message = fault.NotFound, "there is no such file"
	case fault.Conflict:
		e.Kind, e.Message = fault.Conflict, "the file was changed by somebody else"
	case fault.Internal:
		e.Kind, e.Message = fault.Internal, "the file store refused the request"
	default:
		e.Kind, e.Message = fault.Unavailable, "the file store is busy; try again shortly"
	}
	return e
}

// kindOf goes by the code, which answers to HEAD requests lack, and then by the status
// (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html).
func kindOf(err error) fault.Kind {
	var api smithy.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode() {
		case "NoSuchKey", "NoSuchUpload", "NotFound":
			return fault.NotFound
		case "InvalidPart", "PreconditionFailed":
			return fault.Conflict
		case "RequestTimeout", "RequestTimeTooSkewed", "ExpiredToken", "OperationAborted", "ConditionalRequestConflict", "SlowDown":
			return fault.Unavailable // the other codes of status 4xx that pass
		}
	}
	var response *smithyhttp.ResponseError
	if !errors.As(err, &response) {
		return fault.Unavailable // timeouts and refused connections
	}
	switch status := response.HTTPStatusCode(); {
	case status == http.StatusPreconditionFailed:
		return fault.Conflict
	case status == http.StatusTooManyRequests, status == http.StatusRequestTimeout:
		return fault.Unavailable
	case status >= http.StatusBadRequest && status < http.StatusInternalServerError:
		return fault.Internal // among them a bucket that does not exist and missing permissions
	default:
		return fault.Unavailable
	}
}
