// Package s3store adapts the bucket of CSV files: addresses for clients, streams in and out, and AWS's errors as kinds of
// package reading. Rules about uploads live in package csvfile; the SDK retries what is transient.
//
// It imports the AWS SDK, the contract and the packages csvfile and reading; nothing but cmd and tests imports it.
package s3store
