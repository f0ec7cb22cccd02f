package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/sensorflow/sensorflow/runtime/fault"
	"github.com/sensorflow/sensorflow/runtime/pacing"
	"github.com/sensorflow/sensorflow/runtime/reading"
)

// What readings are made of, so that most callers import this package alone.
type (
	// Reading is one value of one equipment at one instant; EquipmentID and Timestamp are its identity.
	Reading = reading.Reading
	// Stored is a reading together with when the service took it.
	Stored = reading.Stored
	// EquipmentID names an equipment: 1 to 128 of A-Z a-z 0-9 . _ : -
	EquipmentID = reading.EquipmentID
	// Decimal is an exact decimal number.
	Decimal = reading.Decimal
	// FieldError says which rule a field breaks.
	FieldError = fault.FieldError
)

// ParseValue parses the value of a reading, such as "78.42". The error states the rule that is broken.
func ParseValue(text string) (Decimal, error) { return reading.ParseValue(text) }

// Region is where one region of the service is reached.
type Region struct {
	// URL is the address of the API, such as https://api.example.com.
	URL string
	// TokenURL is the token endpoint of its user pool. Machines need it.
	TokenURL string
}

// Defaults of Options.
const (
	CallTimeoutDefault = 30 * time.Second
	AttemptsMaxDefault = 8
	ReturnAfterDefault = time.Minute
	PauseFirstDefault  = 200 * time.Millisecond
	PauseMaxDefault    = 20 * time.Second
)

// retryAfterMax is the longest that the service may ask for before a call is given up and its caller told.
const retryAfterMax = time.Minute

// Options adapt a Client. The zero value selects the defaults.
type Options struct {
	// CallTimeout bounds one attempt of a call. Transfers of files and exports, which have no such bound, end where nothing moves
	// for as long. Default: CallTimeoutDefault.
	CallTimeout time.Duration
	// AttemptsMax is how often a call is made at most. Default: AttemptsMaxDefault.
	AttemptsMax int
	// ReturnAfter is how long a region that did not answer is left alone while another one does. Default: ReturnAfterDefault.
	ReturnAfter time.Duration
	// Token is one that an earlier Client got. Default: a token is got when the first call wants one.
	Token Token
	// Keep is told of each new token, so that it can be given to a later Client. Default: nobody is told.
	Keep func(Token)
	// Agent is what the service's log calls the caller. Default: sensorflow-go.
	Agent string
	// HTTP makes the calls. It should not follow redirections, which would carry the token elsewhere. Default: one of its own.
	HTTP *http.Client
	// Now tells the time. Default: time.Now.
	Now func() time.Time
	// Pacer makes the pauses between attempts. Default: random ones up to PauseFirstDefault, which double up to PauseMaxDefault.
	Pacer pacing.Pacer
}

func (o Options) withDefaults() Options {
	o.CallTimeout = cmp.Or(o.CallTimeout, CallTimeoutDefault)
	o.AttemptsMax = cmp.Or(o.AttemptsMax, AttemptsMaxDefault)
	o.ReturnAfter = cmp.Or(o.ReturnAfter, ReturnAfterDefault)
	o.Agent = cmp.Or(o.Agent, "sensorflow-go")
	o.Pacer.First = cmp.Or(o.Pacer.First, PauseFirstDefault)
	o.Pacer.Max = cmp.Or(o.Pacer.Max, PauseMaxDefault)
	if o.Pacer.Sleep == nil {
		o.Pacer.Sleep = pacing.Sleep
	}
	if o.HTTP == nil {
		o.HTTP = newHTTP()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// newHTTP keeps as many connections as a Sender uses, and soon finds out that a region is not there.
func newHTTP() *http.Client {
	const dialTimeout, keptMax = 5 * time.Second, 16
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: dialTimeout}).DialContext,
		ForceAttemptHTTP2: true, MaxIdleConnsPerHost: keptMax, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: dialTimeout,
	}
	return &http.Client{
		Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Client calls the service. It is safe for concurrent use.
type Client struct {
	o           Options
	credentials Credentials
	regions     *regions
	tokens      tokens
	// zips are the gzip.Writers that no batch uses now: each holds a megabyte.
	zips sync.Pool
}

// New returns a Client that signs in with the credentials. It calls the first of the regions that answers; a token of one is good in
// all. It makes no call yet. The error tells what is wrong with the arguments.
func New(credentials Credentials, at []Region, o Options) (*Client, error) {
	if len(at) == 0 {
		return nil, errors.New("no address of the service is given")
	}
	if credentials == nil {
		return nil, errors.New("no credentials are given")
	}
	_, isMachine := credentials.(Machine)
	o = o.withDefaults()
	c := &Client{o: o, credentials: credentials, regions: &regions{returnAfter: o.ReturnAfter, now: o.Now}}
	c.tokens.token = o.Token
	for _, one := range at {
		var err error
		if one.URL, err = address(one.URL); err != nil {
			return nil, fmt.Errorf("the address of the service: %w", err)
		}
		if one.TokenURL != "" || isMachine {
			if one.TokenURL, err = address(one.TokenURL); err != nil {
				return nil, fmt.Errorf("the address of the token endpoint: %w", err)
			}
		}
		c.regions.all = append(c.regions.all, &region{Region: one})
	}
	return c, nil
}

// address checks an address and takes the slash from its end.
func address(text string) (string, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return "", fmt.Errorf("%q is none", text)
	case (u.Scheme != "https" && u.Scheme != "http") || u.Host == "":
		return "", fmt.Errorf("%q is none such as https://api.example.com", text)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("it holds more than a host and a path")
	}
	return strings.TrimRight(text, "/"), nil
}

// Identity is who a token speaks for.
type Identity struct {
	Username, Sub, Email string
	Groups, Scopes       []string
	ExpiresAt            time.Time
}

// Me returns who the Client's token speaks for.
func (c *Client) Me(ctx context.Context) (Identity, error) {
	var who Identity
	err := c.get(ctx, "/auth/me", nil, &who, nil)
	return who, err
}
