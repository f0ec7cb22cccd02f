// Package cognitolocal stands in for an Amazon Cognito user pool, for the local stack and for tests: people sign in
// through InitiateAuth with USER_PASSWORD_AUTH and a secret hash, machines get access tokens by the OAuth 2.0 client
// credentials grant, and the keys of both kinds of token are published as a JSON Web Key Set. Answers and errors have the
// form that Cognito gives them, so that the AWS SDK and OAuth libraries work with it unchanged.
//
// It keeps no state but its signing keys. It is not for anything that is exposed: passwords are held in memory as they are,
// and nobody is locked out.
package cognitolocal
