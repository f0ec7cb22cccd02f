// Package cdktest is what the tests of constructs and stacks share. An App has the feature flags that `cdk init` writes
// and needs no lookup; Synth turns it into templates that are plain Go values, so that looking at them costs no call to
// jsii:
//
//	func TestMain(m *testing.M) { cdktest.Main(m) }
//
//	app := cdktest.NewApp(t, cdktest.Nag)
//	stack := cdktest.NewStack(app, "Stack", "eu-west-1")
//	processing.NewProcessing(stack, "Processing", …)
//	out := cdktest.Synth(t, app)
//	functions := out.Template(t, "Stack").Part("AWS::Lambda::*")
//	functions.Golden(t, "processing")                       // testdata/processing.golden.json, -update rewrites it
//	cdktest.Golden(t, "policies.golden.txt", template.Policies())
//	queue := out.Template(t, "Stack").Only(t, "AWS::SQS::Queue")
//	queue.Text(t, "KmsMasterKeyId", "Fn::GetAtt", 0)
//	out.NoFindings(t)                                       // cdk-nag: AwsSolutions, NIST 800-53, PCI DSS, HIPAA
//	out.LeastPrivilege(t)                                   // no wildcard action, no managed policy of full access
//	out.NoCircles(t)                                        // what CloudFormation refuses and the CDK does not see
//
// A golden file holds what its test is about: Part and Below take the resources of a template that matter, and Policies
// writes its policies as lines to read. EveryPropMatters sets each prop of a construct in turn and sees the template
// change. Refuses runs a table of props that are refused, and RefusesToBuild compares the sentence in which a
// constructor ends. Only tests import this package. It imports the CDK and nothing else of this module.
package cdktest
