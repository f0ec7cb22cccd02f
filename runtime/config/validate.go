package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/caarlos0/env/v11"
	"github.com/go-playground/validator/v10"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

func load[C any](environ []string) (C, error) {
	values := env.ToMap(environ)
	for key, value := range values {
		if strings.TrimSpace(value) == "" {
			delete(values, key) // an empty value means the default, as an infrastructure template would write it
		}
	}
	var c C
	unparsed, err := parse(&c, values)
	if err != nil {
		return c, err
	}
	check, err := newValidator()
	if err != nil {
		return c, err
	}
	broken, err := sentences(check.Struct(c), unparsed)
	if err != nil {
		return c, err
	}
	var lines []error
	for _, sentence := range unparsed {
		lines = append(lines, errors.New(sentence))
	}
	for _, sentence := range broken {
		lines = append(lines, errors.New(sentence))
	}
	slices.SortFunc(lines, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return c, errors.Join(lines...)
}

// parse fills the struct that c points to and returns a sentence for each key whose value does not parse.
func parse(c any, values map[string]string) (sentences map[string]string, err error) {
	err = env.ParseWithOptions(c, env.Options{Environment: values})
	if err == nil {
		return nil, nil
	}
	var all env.AggregateError
	if !errors.As(err, &all) {
		return nil, fmt.Errorf("read the environment: %w", err)
	}
	sentences = map[string]string{}
	for _, one := range all.Errors {
		var fault env.ParseError
		if !errors.As(one, &fault) {
			return nil, fmt.Errorf("read the environment: %w", one)
		}
		key := keyOf(reflect.TypeOf(c).Elem(), fault.Name)
		sentences[key] = fmt.Sprintf("%s must be %s, got %q", key, kindOf(fault.Type), values[key])
	}
	return sentences, nil
}

// keyOf returns the environment key of a field of the struct t.
func keyOf(t reflect.Type, field string) string {
	if f, ok := t.FieldByName(field); ok {
		return f.Tag.Get("env")
	}
	return field
}

func kindOf(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return "a duration such as 20s or 720h"
	case t == reflect.TypeFor[slog.Level]():
		return "debug, info, warn or error"
	case t.Kind() == reflect.Int:
		return "a whole number"
	default:
		return "a " + t.String()
	}
}

func newValidator() (*validator.Validate, error) {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string { return f.Tag.Get("env") })
	return v, errors.Join(
		v.RegisterValidation("retention", func(f validator.FieldLevel) bool {
			d := time.Duration(f.Field().Int())
			return d == 0 || d >= contract.RetentionMin
		}),
		v.RegisterValidation("origin", func(f validator.FieldLevel) bool { return isOrigin(f.Field().String()) }),
		v.RegisterValidation("publicurl", func(f validator.FieldLevel) bool { return isOrigin(f.Field().String()) }),
		v.RegisterValidation("clientid", func(f validator.FieldLevel) bool {
			id := f.Field().String() // an empty one, as after a last comma, would stand for tokens that name no client
			return id != "" && !strings.ContainsFunc(id, unicode.IsSpace)
		}),
		v.RegisterValidation("endpoint", func(f validator.FieldLevel) bool { return isEndpoint(f.Field().String()) }),
	)
}

// isOrigin accepts scheme://host[:port] exactly as a browser writes an origin, with https, or http for this machine.
func isOrigin(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || text != u.Scheme+"://"+u.Host || text != strings.ToLower(text) || strings.ContainsAny(text, "*@") {
		return false
	}
	if u.Port() == "" && strings.HasSuffix(u.Host, ":") || u.Scheme == "https" && u.Port() == "443" || u.Scheme == "http" && u.Port() == "80" {
		return false
	}
	return isProtected(u)
}

// isEndpoint accepts the absolute URL of a service that this one trusts.
func isEndpoint(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Hostname() != "" && isProtected(u)
}

// isProtected tells whether nobody on the way can change what is sent: https, or http within this machine.
func isProtected(u *url.URL) bool {
	return u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname())
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// sentences turns the validator's findings into one sentence for each key, leaving out the keys that did not parse.
func sentences(err error, unparsed map[string]string) ([]string, error) {
	if err == nil {
		return nil, nil
	}
	var faults validator.ValidationErrors
	if !errors.As(err, &faults) {
		return nil, fmt.Errorf("check the configuration: %w", err)
	}
	var lines []string
	for _, f := range faults {
		key, _, _ := strings.Cut(f.Field(), "[")
		if _, known := unparsed[key]; !known {
			lines = append(lines, key+" "+rule(f))
		}
	}
	return lines, nil
}

func rule(f validator.FieldError) string {
	got := fmt.Sprintf(", got %v", f.Value())
	switch f.Tag() {
	case "required":
		return "must be set"
	case "min":
		return "must be at least " + f.Param() + got
	case "max":
		return "must be at most " + f.Param() + got
	case "retention":
		return "must be 0 (keep readings for ever) or at least 24h" + got
	case "origin":
		return "must list origins such as https://app.example.com, or http://localhost:3000 for this machine" + got
	case "publicurl":
		return "must be an origin such as https://api.example.com, or http://localhost:8080 for this machine" + got
	case "endpoint":
		return "must be an absolute https URL, or an http one on this machine" + got
	case "hostname_rfc1123":
		return "must be a region such as eu-west-1" + got
	case "clientid":
		return "must list client ids separated by commas, without spaces" + got
	default:
		return "must be an address such as :8080 or 127.0.0.1:8080" + got
	}
}
