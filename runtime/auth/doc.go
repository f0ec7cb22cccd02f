// Package auth signs people in and out and says who is behind a token: a person, who signed in with a password, or a
// machine, which brought an access token of the OAuth 2.0 client credentials grant.
//
// A token is believed only if the user pool signed it (RS256), for this service and for this use, and if it has neither
// expired nor been logged out. Verified tokens are remembered until they expire, so that the signature is not paid for on
// every request. The tokens that were logged out are a list in memory, which is brought up to date every RevocationsEvery. What
// cannot be found out is refused: fault.Unavailable, never a token let through.
//
// The package imports the contract, packages fault and pacing, a JWT library and a cache; no AWS SDK and no HTTP. The
// user pool and its keys (package cognito) and the table of revocations (package dynamo) come in through the interfaces declared here.
package auth
