package preflight

import (
	"context"
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/smithy-go"
)

// failed is the finding of a check that got no answer, or that these credentials may not make.
func failed(point, region, call string, err error) Finding {
	return Finding{Point: point, Status: Unknown, Region: region, Text: reason(call, err)}
}

// reason says in a few words why a call failed.
func reason(call string, err error) string {
	var refused smithy.APIError
	var unreachable *url.Error
	var unknown *net.DNSError
	switch {
	case errors.As(err, &refused) && denied(refused.ErrorCode()):
		return "these credentials may not call " + call
	case errors.As(err, &refused):
		return call + " answers " + strings.TrimSpace(refused.ErrorCode()+" "+refused.ErrorMessage())
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer to " + call + " within " + CheckTimeout.String()
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

// is tells whether a service refused a call with one of the codes.
func is(err error, codes ...string) bool {
	var refused smithy.APIError
	return errors.As(err, &refused) && slices.Contains(codes, refused.ErrorCode())
}
