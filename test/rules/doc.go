// Package rules holds the three places where people configure the service to the same rules: cdk.json, the props of the constructs,
// the environment of the programs.
package rules
