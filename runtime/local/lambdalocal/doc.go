// Package lambdalocal runs the binary of a Lambda function as Lambda does, for the local stack and for tests: as child
// processes that fetch their invocations from Lambda's Runtime API
// (https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html), one invocation at a time each, with a timeout, and
// replaced when they crash. So the same binary that is deployed can be run, killed and timed out on one machine.
//
// It is not for production: it isolates nothing and limits no memory. It imports the standard library,
// uuid, and packages child and pacing.
package lambdalocal
