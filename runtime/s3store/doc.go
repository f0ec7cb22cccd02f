// Package s3store adapts the bucket of CSV files: addresses for clients, streams in and out, and AWS's errors as kinds of
// package fault. The rules for uploads are in package csvfile. The SDK repeats calls whose errors may pass.
//
// It imports the AWS SDK, the contract and the packages awsclient, csvfile and fault; only cmd and tests import it.
package s3store
