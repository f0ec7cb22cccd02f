// Package contract holds what the infrastructure, the running service and the tests must agree on: environment keys,
// table, attribute and index names, object key prefixes, scopes, limits and defaults. Package rule beside it judges the values
// that people configure.
//
// It holds constants and plain data only and imports nothing but the standard library, so that constructs and infra can use it
// without pulling in the AWS SDK, and runtime without pulling in the CDK (invariant I10: each of these is written once).
package contract
