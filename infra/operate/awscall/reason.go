package awscall

import (
	"context"
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/smithy-go"
)

// Reason says in a few words why a call failed, such as ssm:GetParameter.
func Reason(call string, err error) string {
	var refused smithy.APIError
	var unreachable *url.Error
	var unknown *net.DNSError
	switch {
	case errors.As(err, &refused) && denied(refused.ErrorCode()):
		return "these credentials may not call " + call
	case errors.As(err, &refused):
		return call + " answers " + strings.TrimSpace(refused.ErrorCode()+" "+refused.ErrorMessage())
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer from AWS to " + call + " in time"
	case errors.As(err, &unknown):
		return "AWS cannot be reached: " + unknown.Name + " is not found"
	case errors.As(err, &unreachable):
		return "AWS cannot be reached: " + unreachable.Err.Error()
	default:
		return call + ": " + err.Error()
	}
}

func denied(code string) bool {
	return slices.Contains([]string{
		"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationErrorException", "NotAuthorized",
	}, code)
}

// Is tells whether a service refused a call with one of the codes.
func Is(err error, codes ...string) bool {
	var refused smithy.APIError
	return errors.As(err, &refused) && slices.Contains(codes, refused.ErrorCode())
}
