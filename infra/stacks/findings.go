package stacks

import (
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/aws-cdk-go/awscdk/v2/pipelines"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"
)

// explainFindings tells cdk-nag why what it finds about the pipeline is as it is. Roles and projects are made by the library of the CDK,
// which offers no other way; each wildcard is named.
func explainFindings(stack awscdk.Stack, pipeline pipelines.CodePipeline, artifacts awss3.Bucket) {
	const (
		carried = "what passes through is made anew from the repository at any time, and CodePipeline and CodeBuild log each run"
		inline  = "the policy belongs to exactly one role, which is made and deleted with it; a managed policy could be attached elsewhere"
		source  = "the source is CodePipeline's artifact, so that the project has no repository to log in to; the repository is reached by a " +
			"connection that a person has confirmed"
	)
	bucket := reasons(carried, "AwsSolutions-S1", "NIST.800.53.R5-S3BucketLoggingEnabled", "HIPAA.Security-S3BucketLoggingEnabled",
		"PCI.DSS.321-S3BucketLoggingEnabled", "NIST.800.53.R5-S3BucketReplicationEnabled", "HIPAA.Security-S3BucketReplicationEnabled",
		"PCI.DSS.321-S3BucketReplicationEnabled", "NIST.800.53.R5-S3BucketVersioningEnabled", "HIPAA.Security-S3BucketVersioningEnabled",
		"PCI.DSS.321-S3BucketVersioningEnabled")
	suppress(artifacts, bucket...)
	suppress(pipeline, reasons(inline, "NIST.800.53.R5-IAMNoInlinePolicy", "HIPAA.Security-IAMNoInlinePolicy", "PCI.DSS.321-IAMNoInlinePolicy")...)
	suppress(pipeline, reasons(source, "HIPAA.Security-CodeBuildProjectSourceRepoUrl", "PCI.DSS.321-CodeBuildProjectSourceRepoUrl")...)
	suppress(pipeline, wildcards(stack, artifacts)...)
	support := *pipeline.Pipeline().CrossRegionSupport()
	for _, region := range slices.Sorted(maps.Keys(support)) {
		suppress(support[region].Stack, bucket...)
	}
}

// wildcards explains the wildcards in the policies of the pipeline's roles.
func wildcards(stack awscdk.Stack, artifacts awss3.Bucket) []*cdknag.NagPackSuppression {
	bucket := "<" + *stack.GetLogicalId(artifacts.Node().DefaultChild().(awscdk.CfnElement)) + ".Arn>"
	because := func(reason string, evidence ...any) *cdknag.NagPackSuppression {
		return &cdknag.NagPackSuppression{Id: jsii.String("AwsSolutions-IAM5"), Reason: &reason, AppliesTo: &evidence}
	}
	return []*cdknag.NagPackSuppression{
		because("pipelines of the CDK write the calls on an artifact as groups, on the pipeline's own buckets and keys alone",
			"Action::s3:Abort*", "Action::s3:DeleteObject*", "Action::s3:GetBucket*", "Action::s3:GetObject*", "Action::s3:List*",
			"Action::kms:GenerateDataKey*", "Action::kms:ReEncrypt*"),
		because("an artifact is named by the run that makes it, so that a role needs all objects of the pipeline's buckets",
			"Resource::"+bucket+"/*", map[string]any{"regex": "/^Resource::arn:aws:s3:::sensorflow-pipeline-supp[a-z0-9-]+\\/\\*$/"}),
		because("a build's log and reports are named after its project, whose name CloudFormation makes up",
			map[string]any{"regex": "/^Resource::arn:[^:]+:logs:[^:]+:[^:]+:log-group:\\/aws\\/codebuild\\/.*\\*$/"},
			map[string]any{"regex": "/^Resource::arn:[^:]+:codebuild:[^:]+:[^:]+:report-group\\/.*\\*$/"}),
		because("the projects that publish assets are made and removed as assets come and go; the role may start builds and nothing else, "+
			"and for the update of itself the pipeline looks at its own stack and assumes the bootstrap roles, by their tags alone",
			"Resource::*", map[string]any{"regex": "/^Resource::arn:\\*:iam::[0-9]+:role\\/\\*$/"}),
	}
}

func reasons(reason string, ids ...string) []*cdknag.NagPackSuppression {
	list := make([]*cdknag.NagPackSuppression, len(ids))
	for i, id := range ids {
		list[i] = &cdknag.NagPackSuppression{Id: jsii.String(id), Reason: jsii.String(reason)}
	}
	return list
}

// suppress explains findings about a construct and its children.
func suppress(construct constructs.IConstruct, list ...*cdknag.NagPackSuppression) {
	cdknag.NagSuppressions_AddResourceSuppressions(construct, &list, jsii.Bool(true))
}
