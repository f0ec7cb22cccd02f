package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/runtime/client"
	"github.com/sensorflow/sensorflow/runtime/client/localsystem"
)

// settings are what flags and environment say.
type settings struct {
	environ []string

	local           bool
	api, tokenURL   string
	clientID, user  string
	format          string
	passwordOnInput bool

	csvFormat, rejectsFile string
	every                  time.Duration
	count                  int
	raw, aggregates        bool
	interval               string
	from, to, at           string
	granularity, timezone  string
	limit                  int
	destination            string
	yes                    bool

	// given names the flags that are given.
	given map[string]bool
}

// placeFlags adds the flags of all commands that call the service.
func (s *settings) placeFlags(flags *flag.FlagSet) {
	flags.BoolVar(&s.local, "local", false, "call the system of make run")
	flags.StringVar(&s.api, "api", "", "`address` of the API, or addresses divided by commas (SENSORFLOW_API)")
	flags.StringVar(&s.tokenURL, "token-url", "", "`address` of the token endpoint, or one for each region (SENSORFLOW_TOKEN_URL)")
	flags.StringVar(&s.clientID, "client-id", "", "the machine's client `id`; its secret comes from SENSORFLOW_CLIENT_SECRET (SENSORFLOW_CLIENT_ID)")
	flags.StringVar(&s.user, "user", "", "a person's `name`; the password comes from SENSORFLOW_PASSWORD (SENSORFLOW_USER)")
}

// checkFlags notes which flags are given, and refuses empty ones, as of a variable that is not set, and those that contradict each
// other for all commands.
func (s *settings) checkFlags(flags *flag.FlagSet) (err error) {
	s.given = map[string]bool{}
	flags.Visit(func(one *flag.Flag) {
		s.given[one.Name] = true
		if one.Value.String() == "" && err == nil {
			err = usagef("-%s is given without a value", one.Name)
		}
	})
	for _, pair := range [][2]string{{"local", "api"}, {"local", "token-url"}, {"local", "client-id"}, {"local", "password-stdin"}, {"client-id", "user"}} {
		if s.given[pair[0]] && s.given[pair[1]] && err == nil {
			err = usagef("-%s and -%s exclude each other", pair[0], pair[1])
		}
	}
	return err
}

// noArguments fails where there are some.
func (s *session) noArguments() error {
	if len(s.args) > 0 {
		return usagef("it takes no arguments, and got %q", s.args)
	}
	return nil
}

// get returns a variable of the environment.
func (s *settings) get(key string) string {
	for _, pair := range s.environ {
		if value, found := strings.CutPrefix(pair, key+"="); found {
			return value
		}
	}
	return ""
}

// place is where the service is, and how to sign in there.
type place struct {
	regions     []client.Region
	credentials client.Credentials
	token       client.Token
	// keep is told of new tokens; nil where nobody wants them.
	keep func(client.Token)
}

var errNoCredentials = errors.New("sign in first: sensorflow login, or set SENSORFLOW_CLIENT_ID and SENSORFLOW_CLIENT_SECRET")

// place finds the service. Credentials of the environment come before what a login has kept.
func (s *settings) place() (place, error) {
	regions, err := s.regions()
	if err != nil {
		return place{}, err
	}
	if s.local {
		return s.localPlace()
	}
	kept, keptErr := readKept(s.keptFile())
	if len(regions) == 0 && keptErr == nil {
		regions = kept.Regions
	}
	if len(regions) == 0 {
		return s.unnamedPlace()
	}
	if credentials, err := s.credentials(); err != nil || credentials != nil {
		return s.cached(place{regions: regions, credentials: credentials}), err
	}
	if keptErr == nil && kept.Regions[0].URL == regions[0].URL {
		return place{regions: regions, credentials: client.Signed{}, token: client.Token{Value: kept.Token, ExpiresAt: kept.ExpiresAt}}, nil
	}
	return place{}, errNoCredentials
}

// cached adds the token that an earlier run got with the same credentials: those of machines are billed.
func (s *settings) cached(p place) place {
	file := s.cacheFile(p)
	if kept, err := readKept(file); err == nil {
		p.token = client.Token{Value: kept.Token, ExpiresAt: kept.ExpiresAt}
	}
	p.keep = func(token client.Token) {
		_ = writeKept(file, kept{Regions: p.regions, Token: token.Value, ExpiresAt: token.ExpiresAt}) // the next run gets one of its own then
	}
	return p
}

// regions are those that flags or environment name, none where they name none.
func (s *settings) regions() ([]client.Region, error) {
	api, tokenURL := cmp.Or(s.api, s.get("SENSORFLOW_API")), cmp.Or(s.tokenURL, s.get("SENSORFLOW_TOKEN_URL"))
	if api == "" {
		if tokenURL != "" {
			return nil, usagef("SENSORFLOW_TOKEN_URL is set, or -token-url is given, but no address of the API")
		}
		return nil, nil
	}
	var regions []client.Region
	for one := range strings.SplitSeq(api, ",") {
		regions = append(regions, client.Region{URL: strings.TrimSpace(one)})
	}
	if tokenURL == "" {
		return regions, nil
	}
	tokens := strings.Split(tokenURL, ",")
	if len(tokens) != len(regions) && len(tokens) != 1 {
		return nil, usagef("-api has %s and -token-url has %d; give one token endpoint for all, or one for each", counted(len(regions), "part"), len(tokens))
	}
	for i := range regions {
		regions[i].TokenURL = strings.TrimSpace(tokens[min(i, len(tokens)-1)])
	}
	return regions, nil
}

// credentials are those that flags or environment name, nil where they name none.
func (s *settings) credentials() (client.Credentials, error) {
	id, secret := cmp.Or(s.clientID, s.get("SENSORFLOW_CLIENT_ID")), s.get("SENSORFLOW_CLIENT_SECRET")
	user, password := cmp.Or(s.user, s.get("SENSORFLOW_USER")), s.get("SENSORFLOW_PASSWORD")
	switch {
	case id != "" && secret != "" && s.user == "":
		return client.Machine{ID: id, Secret: secret}, nil
	case user != "" && password != "":
		return client.Person{Username: user, Password: password}, nil
	case s.clientID != "":
		return nil, usagef("the client's secret is missing: set SENSORFLOW_CLIENT_SECRET")
	case s.user != "":
		return nil, usagef("the password is missing: set SENSORFLOW_PASSWORD, or sign in by sensorflow login -user %s", s.user)
	}
	return nil, nil
}

// unnamedPlace is the system of make run where nothing names another. Credentials are for one that somebody means, and not for
// whatever happens to run below this folder.
func (s *settings) unnamedPlace() (place, error) {
	credentials, err := s.credentials()
	if err != nil {
		return place{}, err
	}
	if credentials != nil {
		return place{}, usagef("say whom these credentials are for: -api ADDRESS and -token-url ADDRESS (SENSORFLOW_API and SENSORFLOW_TOKEN_URL), " +
			"or -local for the system of make run and its own")
	}
	return s.localPlace()
}

// localPlace finds the system of make run by the working folder.
func (s *settings) localPlace() (place, error) {
	dir, err := os.Getwd()
	if err != nil {
		return place{}, fmt.Errorf("find the working folder: %w", err)
	}
	found, err := localsystem.Nearest(dir)
	if errors.Is(err, localsystem.ErrNowhere) && !s.local {
		return place{}, usagef("there is no address: give -api or SENSORFLOW_API, sign in by sensorflow login, or start a system by make run")
	} else if err != nil {
		return place{}, err
	}
	p := place{credentials: client.Machine{ID: found.ClientID, Secret: found.ClientSecret}}
	if s.user != "" {
		if s.user != found.Username {
			return place{}, usagef("the system of make run has one user, %s", found.Username)
		}
		p.credentials = client.Person{Username: found.Username, Password: found.Password}
	}
	for _, one := range found.Regions {
		p.regions = append(p.regions, client.Region{URL: one.APIURL, TokenURL: one.TokenURL})
	}
	if len(p.regions) == 0 {
		p.regions = []client.Region{{URL: found.APIURL, TokenURL: found.TokenURL}}
	}
	return p, nil
}

// connect returns a client of the service.
func (s *session) connect() (*client.Client, error) {
	p, err := s.place()
	if err != nil {
		return nil, err
	}
	return p.client()
}

// attemptsMax is how often a call is made: somebody waits for it. What comes by standard input is tried for much longer.
const attemptsMax = 5

func (p place) client() (*client.Client, error) {
	c, err := client.New(p.credentials, p.regions, client.Options{
		Agent: "sensorflow-cli", AttemptsMax: attemptsMax, Token: p.token, Keep: p.keep,
	})
	if err != nil {
		return nil, usageError{err}
	}
	return c, nil
}
