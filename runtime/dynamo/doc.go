// Package dynamo adapts the service's tables: it translates domain values to items and back, makes one SDK call per
// operation and maps AWS's errors to kinds of package fault. Business rules and retries are the callers'. The SDK repeats
// calls whose errors may pass.
//
// It imports the AWS SDK, the contract, the domain and the use cases that it serves. None of them imports it: only cmd,
// tests and the local stack do, which makes its tables.
package dynamo
