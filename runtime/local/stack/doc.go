// Package stack runs the whole system on one machine: the deployed binaries, against stand-ins that speak the protocols of
// AWS. Package runtime/local and the tests use it.
//
//	api (child) ──► DynamoDB Local (child) ──stream──► poller ──► aggregator (children)
//	  │                                                  └ given up ► queue (here) ──► poller ──► repairer (children)
//	  ├──► Cognito stand-in (here)
//	  └──► local S3 (child) ──webhook──► queue (here) ──► poller ──► CSV processor (children)
//
// StartRegions runs this once for each of several regions, apart from DynamoDB Local, which they share: each has tables of its own in
// it, and package replicator brings the writes of each to the others.
//
// Everything listens on loopback but for DynamoDB Local, which has no option for its address and listens on all of them. Only the
// API's port is the caller's to choose. The children get an environment made
// for them, with addresses and credentials of this machine; nothing of the caller's own reaches them. The exception is asked
// for by name: AWS_ENDPOINT_URL_DYNAMODB, _S3, _SQS, _COGNITO_IDENTITY_PROVIDER, or AWS_ENDPOINT_URL for all, point the parts
// at another emulator or at AWS, as newEndpoints describes.
//
// No child outlives the process that called Start. The package is not for production.
package stack
