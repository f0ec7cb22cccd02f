package dynamo

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/sensorflow/sensorflow/runtime/fault"
)

// What a client is told when the tables cannot take a call now, and when they never will.
const (
	unavailableMessage = "the data store is busy; try again shortly"
	refusedMessage     = "the data store refused the request"
)

// mapError gives err the kind that tells callers what to do about it. doing completes the operator's view of the chain.
func mapError(doing string, err error) error {
	if err == nil {
		return nil
	}
	err = fmt.Errorf("%s: %w", doing, err)
	switch {
	case isConditionFailed(err):
		return &fault.Error{Kind: fault.Conflict, Message: "the item was changed by somebody else", Cause: err}
	case isInvalid(err):
		return &fault.Error{Kind: fault.Internal, Message: refusedMessage, Cause: err}
	case errors.Is(err, context.Canceled):
		return err
	default:
		// Throttles, server faults, timeouts and refused connections: all may succeed later.
		return &fault.Error{Kind: fault.Unavailable, Message: unavailableMessage, Cause: err}
	}
}

func isConditionFailed(err error) bool {
	var failed *types.ConditionalCheckFailedException
	return errors.As(err, &failed)
}

// isInvalid recognizes requests that fail the same way however often they are sent.
func isInvalid(err error) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	switch api.ErrorCode() {
	case "ValidationException", "ResourceNotFoundException", "AccessDeniedException", "ItemCollectionSizeLimitExceededException",
		"UnrecognizedClientException", "InvalidSignatureException", "IncompleteSignatureException":
		return true
	}
	return false
}
