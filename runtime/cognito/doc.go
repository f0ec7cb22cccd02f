// Package cognito adapts the Amazon Cognito user pool: UserPool signs people in, KeySet holds the keys that the pool signs
// its tokens with. It imports the AWS SDK, net/http, package auth, whose errors it returns, and packages
// awsclient and fault; only cmd and tests import it.
package cognito
