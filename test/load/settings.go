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
	serve          bool
	reports        string
}

const (
	usersDefault    = 1000
	usersMax        = 60000 // a connection needs a port of its own on this side
	measuredDefault = time.Minute
	faultsMax       = 50
	// rampUsers is how many users begin in a second, and rampMin how long they take at least.
	rampUsers = 500
	rampMin   = 5 * time.Second
)

// reader reads variables and gathers what is wrong with them.
type reader struct {
	getenv func(string) string
	faults []error
}

func (r *reader) refuse(format string, args ...any) {
	r.faults = append(r.faults, fmt.Errorf(format, args...))
}

func (r *reader) whole(key string, least, most, otherwise int) int {
	text := r.getenv(key)
	n, err := strconv.Atoi(cmp.Or(text, strconv.Itoa(otherwise)))
	if err != nil || n < least || n > most {
		r.refuse("%s must be a whole number of %d to %d, got %q", key, least, most, text)
	}
	return n
}

func (r *reader) span(key string, least, otherwise time.Duration) time.Duration {
	text := r.getenv(key)
	d, err := time.ParseDuration(cmp.Or(text, otherwise.String()))
	if err != nil || d < least {
		r.refuse("%s must be a duration of at least %v such as 60s, got %q", key, least, text)
	}
	return d
}

// address is nil where there is none.
func (r *reader) address(key string) *url.URL {
	text := r.getenv(key)
	if text == "" {
		return nil
	}
	u, err := url.Parse(strings.TrimSuffix(text, "/"))
	// An address is its scheme and its host: whatever else stands in it (a path, a query, a fragment, a user) would be lost on the way.
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.TrimSuffix(text, "/") != u.Scheme+"://"+u.Host {
		r.refuse("%s must be an address such as https://api.example.com with nothing behind the host, got %q", key, text)
	}
	return u
}

// readSettings reads the environment. The error has a sentence for each mistake.
func readSettings(getenv func(string) string) (settings, error) {
	r := &reader{getenv: getenv}
	s := settings{
		users: r.whole("USERS", 1, usersMax, usersDefault), faults: r.whole("FAULTS", 0, faultsMax, 0),
		measured: r.span("DURATION", time.Second, measuredDefault), ramp: r.span("RAMP", 0, 0),
		token: getenv("TOKEN"), reports: getenv("REPORTS"), url: r.address("URL"), local: getenv("TABLE") != "", serve: getenv("SERVE") != "",
	}
	s.verify = s.local || getenv("VERIFY") != ""
	if table := getenv("TABLE"); table != "" && table != "dynamodb" {
		r.refuse("TABLE must be dynamodb, or left out for the stand-in, got %q", table)
	}
	r.together(s)
	return s, errors.Join(r.faults...)
}

// together refuses what does not go together.
func (r *reader) together(s settings) {
	if s.local && s.url != nil {
		r.refuse("TABLE is what the command starts by itself, and URL names a service that runs: give one of them")
	}
	if s.token != "" && s.url == nil {
		r.refuse("TOKEN is an access token for URL, and what the command starts by itself has its own: give URL too, or no TOKEN")
	}
	if s.faults > 0 && !s.local {
		r.refuse("FAULTS needs TABLE=dynamodb: the stand-in stores nothing that could be lost")
	}
	if s.verify && !s.local && s.url == nil {
		r.refuse("VERIFY needs URL or TABLE=dynamodb: the stand-in stores nothing that could be found")
	}
}

// rampOf is how long so many users take to begin.
func (s settings) rampOf(users int) time.Duration {
	if s.ramp > 0 {
		return s.ramp
	}
	return max(time.Duration(users)*time.Second/rampUsers, rampMin)
}
