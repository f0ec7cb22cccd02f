// Package dynamo adapts the service's tables: it translates domain values to items and back, makes one SDK call per
// operation and maps AWS's errors to kinds of package fault. Business rules and retries are the callers'. The SDK repeats
// calls whose errors may pass.
//
// It imports the AWS SDK, the contract and the domain packages; only cmd and tests import it.
package dynamo
