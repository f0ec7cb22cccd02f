package awscall

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go"
)

const (
	// attempts is how often a call is made that was throttled, or that the service failed to answer.
	attempts = 3
	// pause is what the first of them waits for before the next; each waits twice as long.
	pause = 500 * time.Millisecond
	// answerBytesMax bounds an answer.
	answerBytesMax = 8 << 20
)

// Caller makes calls with the credentials and the endpoint of a configuration. The configuration's HTTPClient may be nil.
type Caller struct {
	Config aws.Config
	// Wait waits between attempts, or returns the context's error. Nil waits in real time.
	Wait func(ctx context.Context, d time.Duration) error
}

// call is one request.
type call struct {
	service, region string
	method, path    string
	header          http.Header
	body            []byte
}

// JSON calls an operation of a service with the protocol AWS JSON 1.1, such as TrentService.DescribeKey of kms.
func (c Caller) JSON(ctx context.Context, service, region, operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode the request of %s: %w", operation, err)
	}
	answer, err := c.do(ctx, call{service, region, http.MethodPost, "/", http.Header{
		"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {operation},
	}, body})
	if err != nil {
		return fmt.Errorf("%s: %w", operation, err)
	}
	return decode(operation, answer, out, json.Unmarshal)
}

// Query calls an action of a service with the protocol AWS Query, such as GetRole of iam in its version of 2010-05-08.
func (c Caller) Query(ctx context.Context, service, region, action, version string, in url.Values, out any) error {
	values := url.Values{"Action": {action}, "Version": {version}}
	for key, value := range in {
		values[key] = value
	}
	answer, err := c.do(ctx, call{service, region, http.MethodPost, "/", http.Header{
		"Content-Type": {"application/x-www-form-urlencoded"},
	}, []byte(values.Encode())})
	if err != nil {
		return fmt.Errorf("%s: %w", action, err)
	}
	return decode(action, answer, out, xml.Unmarshal)
}

// REST calls what has a path of its own, such as GET /2015-03-31/functions/NAME of lambda. in is nil where there is no body.
func (c Caller) REST(ctx context.Context, service, region, method, path string, in, out any) error {
	name := method + " " + path
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("encode the request %s: %w", name, err)
		}
	}
	answer, err := c.do(ctx, call{service, region, method, path, http.Header{"Content-Type": {"application/json"}}, body})
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return decode(name, answer, out, json.Unmarshal)
}

func decode(name string, answer []byte, out any, unmarshal func([]byte, any) error) error {
	if out == nil {
		return nil
	}
	if err := unmarshal(answer, out); err != nil {
		return fmt.Errorf("read the answer of %s: %w", name, err)
	}
	return nil
}

// do makes a call, again where a later attempt may succeed.
func (c Caller) do(ctx context.Context, of call) (answer []byte, err error) {
	wait := c.Wait
	if wait == nil {
		wait = Sleep
	}
	for attempt, d := 1, pause; ; attempt, d = attempt+1, 2*d {
		answer, err = c.once(ctx, of)
		if err == nil || attempt == attempts || !passes(err) {
			return answer, err
		}
		if waited := wait(ctx, d); waited != nil {
			return nil, errors.Join(err, waited)
		}
	}
}

// Sleep waits for d, or until ctx ends, whose error it then returns.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// passes tells whether an error may be gone at the next attempt.
func passes(err error) bool {
	var refused *smithy.GenericAPIError
	if !errors.As(err, &refused) {
		return false // a connection: whoever runs this sees it at once
	}
	return refused.Fault == smithy.FaultServer || strings.Contains(refused.Code, "Throttling") || refused.Code == "TooManyRequestsException"
}

func (c Caller) once(ctx context.Context, of call) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, of.method, c.endpoint(of)+of.path, bytes.NewReader(of.body))
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	request.Header = of.header.Clone()
	credentials, err := c.Config.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("find credentials: %w", err)
	}
	sum := sha256.Sum256(of.body)
	err = v4.NewSigner().SignHTTP(ctx, credentials, request, hex.EncodeToString(sum[:]), of.service, of.region, time.Now())
	if err != nil {
		return nil, fmt.Errorf("sign the request: %w", err)
	}
	var client aws.HTTPClient = http.DefaultClient
	if c.Config.HTTPClient != nil {
		client = c.Config.HTTPClient
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("send the request: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // it was read
	answer, err := io.ReadAll(io.LimitReader(response.Body, answerBytesMax))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return nil, refusal(response, answer)
	}
	return answer, nil
}

// endpoint is the address of a service: the configuration's where it has one, as for an emulator.
func (c Caller) endpoint(of call) string {
	switch {
	case c.Config.BaseEndpoint != nil:
		return strings.TrimSuffix(*c.Config.BaseEndpoint, "/")
	case of.service == "iam": // which has one for all regions
		return "https://iam.amazonaws.com"
	default:
		return "https://" + of.service + "." + of.region + ".amazonaws.com"
	}
}

// refusal reads what a service says, in JSON or in XML.
func refusal(response *http.Response, answer []byte) error {
	var said struct {
		Type    string `json:"__type"`
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	if json.Unmarshal(answer, &said) != nil {
		var document struct {
			Code       string `xml:"Error>Code"`
			Message    string `xml:"Error>Message"`
			EC2Code    string `xml:"Errors>Error>Code"`
			EC2Message string `xml:"Errors>Error>Message"`
		}
		_ = xml.Unmarshal(answer, &document) // what cannot be read has no code
		said.Code, said.Message = document.Code+document.EC2Code, document.Message+document.EC2Message
	}
	code := said.Code
	for _, other := range []string{said.Type, response.Header.Get("X-Amzn-Errortype")} {
		if other != "" {
			code = other
		}
	}
	code, _, _ = strings.Cut(code[strings.LastIndex(code, "#")+1:], ":")
	if code == "" {
		code = response.Status
	}
	fault := smithy.FaultClient
	if response.StatusCode >= http.StatusInternalServerError {
		fault = smithy.FaultServer
	}
	return &smithy.GenericAPIError{Code: code, Message: said.Message, Fault: fault}
}
