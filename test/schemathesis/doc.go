// Package schemathesis has Schemathesis, a tester from PyPI, make requests of all kinds from the service's own description, those that keep
// to it and those that do not, and holds the answers of the running system against it. hooks.py and schemathesis.toml say what it may
// find all the same, each with its reason.
//
// `make test` makes a hundred cases an operation, the gate 300, and `make schemathesis` 2,000.
package schemathesis
