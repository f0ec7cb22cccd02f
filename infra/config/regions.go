package config

// regions lists the regions that have every service that a deployment needs, AWS's opt-in regions included
// (https://docs.aws.amazon.com/general/latest/gr/rande.html). The value tells whether Cognito replicates user pools from and
// to it (https://docs.aws.amazon.com/cognito/latest/developerguide/, multi-Region replication).
func regions() map[string]bool {
	return map[string]bool{
		"us-east-1": true, "us-east-2": true, "us-west-1": true, "us-west-2": true,
		"ca-central-1": true, "ca-west-1": false, "mx-central-1": false, "sa-east-1": true,
		"eu-west-1": true, "eu-west-2": true, "eu-west-3": true, "eu-central-1": true, "eu-central-2": false,
		"eu-north-1": true, "eu-south-1": false, "eu-south-2": false,
		"ap-south-1": true, "ap-south-2": false, "ap-east-1": false, "ap-northeast-1": true, "ap-northeast-2": true,
		"ap-northeast-3": false, "ap-southeast-1": true, "ap-southeast-2": true, "ap-southeast-3": false, "ap-southeast-4": false,
		"ap-southeast-5": false, "ap-southeast-7": false,
		"me-central-1": false, "me-south-1": false, "il-central-1": false, "af-south-1": false,
	}
}
