// Package config is the typed configuration of the deployments: environments and the pipeline, as the context of
// cdk.json gives them. It is checked as a whole before anything is synthesized, and every mistake is one sentence that
// names its key. The rules are those of package rule, which the constructs and the running service go by too.
//
// It imports the standard library and the service's contract, and no CDK.
package config
