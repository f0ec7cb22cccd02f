package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/caarlos0/env/v11"
	"github.com/go-playground/validator/v10"

	"github.com/sensorflow/sensorflow/runtime/contract/rule"
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
	broken, err := check(c)
	if err != nil {
		return c, err
	}
	faults := rule.All(unparsed, broken)
	slices.SortStableFunc(faults, func(a, b rule.Fault) int { return strings.Compare(a.Field, b.Field) })
	return c, faults.Err()
}

// parse fills the struct that c points to and returns a fault for each key whose value does not parse.
func parse(c any, values map[string]string) (rule.Faults, error) {
	err := env.ParseWithOptions(c, env.Options{Environment: values})
	if err == nil {
		return nil, nil
	}
	var all env.AggregateError
	if !errors.As(err, &all) {
		return nil, fmt.Errorf("read the environment: %w", err)
	}
	var faults rule.Faults
	for _, one := range all.Errors {
		var wrong env.ParseError
		if !errors.As(one, &wrong) {
			return nil, fmt.Errorf("read the environment: %w", one)
		}
		key := keyOf(reflect.TypeOf(c).Elem(), wrong.Name)
		faults = append(faults, rule.Fault{Field: key, Rule: "must be " + kindOf(wrong.Type), Got: values[key]})
	}
	return faults, nil
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

// check returns the rules that the struct c breaks, by the tags of its fields.
func check(c any) (rule.Faults, error) {
	v, err := newValidator()
	if err != nil {
		return nil, err
	}
	err = v.Struct(c)
	var found validator.ValidationErrors
	if err != nil && !errors.As(err, &found) {
		return nil, fmt.Errorf("check the configuration: %w", err)
	}
	var faults rule.Faults
	for _, f := range found {
		if judge, ok := rules()[f.Tag()]; ok {
			faults = append(faults, judge(f.Field(), f.Value())...)
		} else {
			faults = append(faults, rule.Fault{Field: f.Field(), Rule: "must be set"})
		}
	}
	return faults, nil
}

// rules are what a tag may name, besides the validator's own required and omitempty.
func rules() map[string]func(key string, value any) rule.Faults {
	return map[string]func(string, any) rule.Faults{
		"retention": of(rule.Retention),
		"shards":    of(rule.Shards),
		"cachettl":  of(rule.AggregateCacheTTL),
		"region":    of(rule.Region),
		"adopted":   of(func(key string, regions []string) rule.Faults { return rule.Adopted(key, regions) }),
		"endpoint":  of(rule.Endpoint),
		"origin":    of(rule.Origin),
		"origins": of(func(key string, origins []string) rule.Faults {
			return rule.Origins(key, origins).Advise("commas alone separate several")
		}),
		"proxies":   of(rule.TrustedProxies),
		"drain":     of(rule.DrainTimeout),
		"clientids": of(clientIDs),
		"listen":    of(listenAddress),
		"loopback":  of(rule.Loopback),
	}
}

// of makes a rule about a type one about the value of any field.
func of[T any](judge func(key string, value T) rule.Faults) func(string, any) rule.Faults {
	return func(key string, value any) rule.Faults { return judge(key, value.(T)) }
}

// clientIDs accepts a list of ids. None may be empty, as after a last comma: it would match tokens that name no client.
func clientIDs(key string, ids []string) rule.Faults {
	for _, id := range ids {
		if id == "" || strings.ContainsFunc(id, unicode.IsSpace) {
			return rule.Faults{{Field: key, Rule: "must list client ids separated by commas, without spaces", Got: strings.Join(ids, ",")}}
		}
	}
	return nil
}

func listenAddress(key, address string) rule.Faults {
	_, port, err := net.SplitHostPort(address)
	_, portErr := strconv.ParseUint(port, 10, 16)
	return rule.Text(key, address, err == nil && portErr == nil, "an address such as :8080 or 127.0.0.1:8080")
}

// newValidator names fields by their environment keys and knows the rules.
func newValidator() (*validator.Validate, error) {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string { return f.Tag.Get("env") })
	for tag, judge := range rules() {
		err := v.RegisterValidation(tag, func(f validator.FieldLevel) bool { return len(judge("", f.Field().Interface())) == 0 })
		if err != nil {
			return nil, fmt.Errorf("register the rule %s: %w", tag, err)
		}
	}
	return v, nil
}
