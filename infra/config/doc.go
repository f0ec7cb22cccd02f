// Package config is the typed configuration of the deployments: environments and the pipeline, as the context of cdk.json
// gives them. It is checked as a whole before anything is synthesized, and every mistake is one sentence that names its key.
//
// It imports the standard library, the validator and the service's contract, and no CDK.
package config
