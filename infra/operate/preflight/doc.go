// Package preflight looks for what a deployment of an environment would fail for want of, before CloudFormation finds out after twenty
// minutes: on this machine, in the account and in each region. It changes nothing. What the credentials may not look at is told, and
// does not count as fine.
package preflight
