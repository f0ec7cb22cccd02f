// Package config turns the environment of each binary into a typed, checked struct, so that a mistake ends the start with
// one sentence per key. It also loads the AWS SDK's configuration and makes the logger, which every binary needs first.
package config
