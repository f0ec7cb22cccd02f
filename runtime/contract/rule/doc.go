// Package rule judges the values that people configure: in cdk.json, in the props of a construct, in the environment of a
// program. Each rule stands here once, so that what one of the three accepts the others accept too.
//
// A rule is a pure function of a key and a value. The key is what the person wrote: "environments.dev.tasksMin" in cdk.json,
// "TasksMin" among props, "AGGREGATE_INDEX_SHARDS" in the environment. A fault carries it. For a list or a map the key has a *
// where the index or the name of the item goes, as in "regions[*]" or "vpcCidrs.*"; a key without a * names every item.
//
// The package imports the standard library and the service's contract: neither the CDK, nor the AWS SDK, nor a validator.
package rule
