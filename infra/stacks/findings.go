package stacks

import (
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/pipelines"

	"github.com/sensorflow/sensorflow/constructs/nag"
)

// explainFindings gives cdk-nag the reasons for what it finds about the pipeline. The CDK's own library makes the roles
// and projects and offers no other way. Each wildcard is named.
func explainFindings(stack awscdk.Stack, pipeline pipelines.CodePipeline, artifacts awss3.Bucket) {
	const passing = "what passes through is made anew from the repository at any time, and CodePipeline and " +
		"CodeBuild log each run"
	rules := []string{"AwsSolutions-S1", "S3BucketLoggingEnabled", "S3BucketReplicationEnabled"}
	nag.Explain(artifacts, passing, rules...)
	support := *pipeline.Pipeline().CrossRegionSupport()
	for _, region := range slices.Sorted(maps.Keys(support)) {
		nag.Explain(support[region].Stack, passing, append(rules, "S3BucketVersioningEnabled")...)
	}
	nag.ExplainInlinePolicies(pipeline)
	nag.Explain(pipeline, "the source is CodePipeline's artifact, so that the project has no repository to log in "+
		"to; the repository is reached by a connection that a person has confirmed", "CodeBuildProjectSourceRepoUrl")
	explainWildcards(stack, pipeline, artifacts)
}

// explainWildcards is for the policies of the pipeline's roles.
func explainWildcards(stack awscdk.Stack, pipeline pipelines.CodePipeline, artifacts awss3.Bucket) {
	bucket := "<" + *stack.GetLogicalId(artifacts.Node().DefaultChild().(awscdk.CfnElement)) + ".Arn>"
	nag.ExplainWildcards(pipeline,
		"pipelines of the CDK write the calls on an artifact as groups, on the pipeline's own buckets and keys alone",
		"Action::s3:Abort*", "Action::s3:DeleteObject*", "Action::s3:GetBucket*", "Action::s3:GetObject*",
		"Action::s3:List*",
		"Action::kms:GenerateDataKey*", "Action::kms:ReEncrypt*")
	nag.ExplainWildcards(pipeline,
		"an artifact is named by the run that makes it, so that a role needs all objects of the pipeline's buckets",
		"Resource::"+bucket+"/*", `/^Resource::arn:aws:s3:::sensorflow-pipeline-supp[a-z0-9-]+\/\*$/`)
	nag.ExplainWildcards(pipeline,
		"a build's log and reports are named after its project, whose name CloudFormation makes up",
		`/^Resource::arn:[^:]+:logs:[^:]+:[^:]+:log-group:\/aws\/codebuild\/.*\*$/`,
		`/^Resource::arn:[^:]+:codebuild:[^:]+:[^:]+:report-group\/.*\*$/`)
	nag.ExplainWildcards(pipeline,
		"the projects that publish assets are made and removed as assets come and go; the role may start builds and "+
			"nothing else, and for the update of itself the pipeline looks at its own stack and assumes the "+
			"bootstrap roles, by their tags alone",
		"Resource::*", `/^Resource::arn:\*:iam::[0-9]+:role\/\*$/`)
}
