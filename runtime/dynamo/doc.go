// Package dynamo adapts the service's tables: it translates domain values to items and back, makes one SDK call per
// operation and maps AWS's errors to kinds of package reading. Business rules and retries live with the callers; the SDK
// retries what is transient.
//
// It imports the AWS SDK, the contract and the domain packages; nothing but cmd and tests imports it.
package dynamo
