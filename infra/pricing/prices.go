package pricing

// Region is where the prices hold. Other regions ask for other prices; by how much is not in the table.
const Region = "us-east-1"

// Price is what AWS asks for a unit of something in Region.
type Price struct {
	// Name says what is paid for.
	Name string
	// USD is what one unit costs, and Per names the unit.
	USD float64
	Per string
	// Source is the page that tells it, and Seen is when that page said so: a year with a month, a year where the page
	// names no month, or Unverified where it tells no date at all.
	Source, Seen string
}

// Unverified stands in place of the date of a price whose page has none.
const Unverified = "unverified, as known in 2026-11"

// Pages on which prices were found.
const (
	pageDynamoDB   = "https://aws.amazon.com/dynamodb/pricing/on-demand/"
	pageFargate    = "https://aws.amazon.com/fargate/pricing/"
	pageVPC        = "https://aws.amazon.com/vpc/pricing/"
	pageALB        = "https://aws.amazon.com/elasticloadbalancing/pricing/"
	pageLambda     = "https://aws.amazon.com/lambda/pricing/"
	pageCognito    = "https://aws.amazon.com/cognito/pricing/"
	pageRoute53    = "https://aws.amazon.com/route53/pricing/"
	pageManager    = "https://aws.amazon.com/secrets-manager/pricing/"
	pageCloudWatch = "https://aws.amazon.com/cloudwatch/pricing/"
	pageKMS        = "https://cloudburn.io/blog/aws-kms-pricing"
	pageSQS        = "https://cloudburn.io/blog/amazon-sqs-pricing"
	pageWAF        = "https://awsnegotiations.com/waf-pricing-strategy.html"
	pageLogs       = "https://www.factualminds.com/blog/amazon-cloudwatch-pricing-metrics-logs-alarms-dashboards/"
	pageS3         = "https://devnotes.tech/understanding-aws-s3-pricing-a-complete-cost-breakdown-with-examples"
	pageBackups    = "https://finops.com.py/services/dynamodb/backups"
	pageEdge       = "https://wring.co/blog/aws-cloudfront-pricing-guide"
	pageFunctions  = "https://cur.vantage.sh/aws/amazoncloudfront/"
	pageTransfer   = "https://billspike.io/blog/aws-data-transfer-costs-explained"
	pageStorage    = "https://www.usage.ai/blogs/aws/reserved-instances/dynamodb/global-tables-cost/"
	pageInternet   = "https://www.usage.ai/blogs/aws/networking-cost/data-transfer-costs/"
)

// The prices. Free allowances of an account are left out, since other things in the account may use them up.
var (
	writeUnit = Price{"write unit, replicated or not", 0.625e-6, "unit", pageDynamoDB, "2026-11"}
	readUnit  = Price{"read unit", 0.125e-6, "unit", pageDynamoDB, "2026-11"}
	tableByte = Price{"storage of tables", 0.25, "GB-month", pageStorage, Unverified}
	backup    = Price{"point-in-time recovery", 0.20, "GB-month", pageBackups, Unverified}

	fargateCPU    = Price{"Fargate, ARM, vCPU", 0.03238, "hour", pageFargate, "2026-09"}
	fargateMemory = Price{"Fargate, ARM, GB of memory", 0.00356, "hour", pageFargate, "2026-09"}

	natGateway   = Price{"NAT gateway", 0.045, "hour", pageVPC, "2026-11"}
	natByte      = Price{"data through a NAT gateway", 0.045, "GB", pageVPC, "2026-11"}
	publicIPv4   = Price{"public IPv4 address", 0.005, "hour", pageVPC, "2026-11"}
	endpoint     = Price{"interface endpoint in a zone", 0.01, "hour", pageVPC, "2026-11"}
	regionByte   = Price{"data to another region", 0.02, "GB", pageTransfer, "2026-03"}
	internetByte = Price{"data to the internet", 0.09, "GB", pageInternet, "2026-06"}

	loadBalancer = Price{"application load balancer", 0.0225, "hour", pageALB, "2026-11"}
	capacityUnit = Price{"capacity unit of a load balancer", 0.008, "hour", pageALB, "2026-11"}

	lambdaSecond = Price{"Lambda, arm64", 0.0000133334, "GB-second", pageLambda, "2026-11"}
	lambdaCall   = Price{"Lambda invocation", 0.20e-6, "call", pageLambda, "2026-11"}

	webACL     = Price{"web ACL", 5, "month", pageWAF, "2026"}
	webRule    = Price{"rule of a web ACL", 1, "month", pageWAF, "2026"}
	webRequest = Price{"request through a web ACL", 0.60e-6, "request", pageWAF, "2026"}

	kmsKey       = Price{"KMS key or replica", 1, "month", pageKMS, "2026-03"}
	secret       = Price{"secret or replica", 0.40, "month", pageManager, "2026-09"}
	healthCheck  = Price{"health check of an AWS endpoint", 0.50, "month", pageRoute53, "2026-09"}
	healthOption = Price{"option of a health check, such as HTTPS", 1, "month", pageRoute53, "2026-09"}

	alarmMetric = Price{"metric of an alarm", 0.10, "month", pageCloudWatch, "2026-05"}
	ownMetric   = Price{"metric of one's own", 0.30, "month", pageCloudWatch, "2026-05"}
	dashboard   = Price{"dashboard", 3, "month", pageLogs, "2026-06"}
	logIngest   = Price{"log ingestion", 0.50, "GB", pageLogs, "2026-06"}
	logStorage  = Price{"log storage", 0.03, "GB-month", pageCloudWatch, "2026-05"}

	queueRequest = Price{"SQS request", 0.40e-6, "request", pageSQS, "2026-03"}
	objectByte   = Price{"S3 storage", 0.023, "GB-month", pageS3, Unverified}

	edgeRequest  = Price{"CloudFront request by HTTPS", 0.0100e-4, "request", pageEdge, "2026-03"}
	edgeFunction = Price{"CloudFront function call", 0.10e-6, "call", pageFunctions, Unverified}
	edgeByte     = Price{"data from CloudFront to the caller", 0.085, "GB", pageEdge, "2026-03"}

	machineToken = Price{"token of a machine", 2.25e-3, "token", pageCognito, "2026-11"}
	activeUser   = Price{"active user above 10,000, Essentials", 0.015, "month", pageCognito, "2026-09"}
)

// Prices lists the whole table.
func Prices() []Price {
	return []Price{
		writeUnit, readUnit, tableByte, backup, fargateCPU, fargateMemory, natGateway, natByte, publicIPv4, endpoint,
		regionByte, internetByte, loadBalancer, capacityUnit, lambdaSecond, lambdaCall, webACL, webRule, webRequest,
		kmsKey, secret, healthCheck, healthOption, alarmMetric, ownMetric, dashboard, logIngest, logStorage,
		queueRequest, objectByte, edgeRequest, edgeFunction, edgeByte, machineToken, activeUser,
	}
}

const (
	// tokenReplicaFactor is what tokens cost where the user pool has a replica (pageCognito, 2026-11).
	tokenReplicaFactor = 1.3
	// usersFree is how many people a month cost nothing; it is large enough to be told (pageCognito, 2026-09).
	usersFree = 10_000
	// spotFactor is about what Fargate Spot asks of the price: between 0.3 and 0.5, by demand
	// (https://fortem.dev/fargate-spot/, 2026-06).
	spotFactor = 1.0 / 3
	// SampleUSD is what AWS publishes for its sample of a service in two regions, a month; Unverified.
	SampleUSD = 3348
)
