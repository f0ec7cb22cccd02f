package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// settings are what the environment says.
type settings struct {
	users          int
	measured, ramp time.Duration // a ramp of 0 follows from the users
	url            *url.URL      // nil where the command starts what it loads
	token          string
	local          bool // the whole local system, with DynamoDB Local
	faults         int  // of a hundred calls to DynamoDB
	verify         bool
	reports        string
}

const (
	usersDefault    = 1000
	usersMax        = 60000 // a connection needs a port of its own on this side
	measuredDefault = time.Minute
	// rampUsers is how many users begin in a second, and rampMin how long they take at least.
	rampUsers = 500
	rampMin   = 5 * time.Second
)

// readSettings reads the environment. The error has a sentence for each mistake.
func readSettings(getenv func(string) string) (s settings, err error) {
	var faults []error
	refuse := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	whole := func(key string, least, most, otherwise int) int {
		text := getenv(key)
		n, err := strconv.Atoi(cmp.Or(text, strconv.Itoa(otherwise)))
		if err != nil || n < least || n > most {
			refuse("%s must be a whole number of %d to %d, got %q", key, least, most, text)
		}
		return n
	}
	span := func(key string, least, otherwise time.Duration) time.Duration {
		text := getenv(key)
		d, err := time.ParseDuration(cmp.Or(text, otherwise.String()))
		if err != nil || d < least {
			refuse("%s must be a duration of at least %v such as 60s, got %q", key, least, text)
		}
		return d
	}
	s.users = whole("USERS", 1, usersMax, usersDefault)
	s.faults = whole("FAULTS", 0, 50, 0)
	s.measured = span("DURATION", time.Second, measuredDefault)
	s.ramp = span("RAMP", 0, 0)
	s.token, s.reports = getenv("TOKEN"), getenv("REPORTS")
	if text := getenv("URL"); text != "" {
		s.url, err = url.Parse(strings.TrimSuffix(text, "/"))
		if err != nil || s.url.Host == "" || s.url.Scheme != "http" && s.url.Scheme != "https" || s.url.Path != "" {
			refuse("URL must be an address such as https://api.example.com without a path, got %q", text)
		}
	}
	switch table := getenv("TABLE"); {
	case table != "" && table != "dynamodb":
		refuse("TABLE must be dynamodb, or left out for the stand-in, got %q", table)
	case table != "" && s.url != nil:
		refuse("TABLE is what the command starts by itself, and URL names a service that runs: give one of them")
	default:
		s.local = table != ""
	}
	if s.faults > 0 && !s.local {
		refuse("FAULTS needs TABLE=dynamodb: the stand-in stores nothing that could be lost")
	}
	s.verify = s.local || getenv("VERIFY") != ""
	if s.verify && !s.local && s.url == nil {
		refuse("VERIFY needs URL or TABLE=dynamodb: the stand-in stores nothing that could be found")
	}
	return s, errors.Join(faults...)
}

// pace is when users send.
func (s settings) rampOf(users int) time.Duration {
	if s.ramp > 0 {
		return s.ramp
	}
	return max(time.Duration(users)*time.Second/rampUsers, rampMin)
}
