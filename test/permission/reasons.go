package permission

import "strings"

// reason says why something is allowed that no test does. Its texts are patterns; an empty one is about anything.
type reason struct {
	// role, action and resource are the grant's. own in a resource is the role's name without its end.
	role, action, resource string
	// via is the service through which a key is used, as the grant's condition says.
	via string
	// with is an action that the role has used in some test. A reason that has one is about no other role.
	with string
	why  string
}

// own stands for the beginning of a role's name, which its log group has too.
const own = "{own}"

// about tells whether the reason is about a grant of a table.
func (r reason) about(g Grant, t table) bool {
	resource := strings.ReplaceAll(r.resource, own, strings.TrimSuffix(g.Role, "Role"))
	condition := ""
	if r.via != "" {
		condition = "StringEquals kms:ViaService " + r.via + ".REGION.amazonaws.com"
	}
	return like(r.role, g.Role) && like(r.action, g.Action) && like(resource, g.Resource) && g.Condition == condition &&
		(r.with == "" || t.uses(g.Role, r.with))
}

// uses tells whether some test has a role call something like an action.
func (t table) uses(role, action string) bool {
	for g, users := range t {
		if g.Role == role && len(users) > 0 && like(action, g.Action) {
			return true
		}
	}
	return false
}

// reasonFor is the place in reasons of the first that is about a grant; negative where there is none.
func (t table) reasonFor(g Grant) int {
	for i, r := range reasons {
		if r.about(g, t) {
			return i
		}
	}
	return -1
}

// The resources that several reasons are about.
const (
	theKey    = "arn:aws:kms:REGION:" + Account + ":key/…"
	ownLog    = "arn:aws:logs:REGION:" + Account + ":log-group:" + own + "Log"
	ownLogs   = "arn:aws:logs:REGION:" + Account + ":log-group:" + own + "s"
	theImages = "arn:aws:ecr:REGION:" + Account + ":repository/cdk-hnb659fds-container-assets-" + Account + "-REGION"
	theTask   = "SensorFlowApiTaskRole"
	theStart  = "SensorFlowApiExecutionRole"
	theTrial  = "SensorFlowApiSmokeTestRole"
	functions = "SensorFlowProcessing*Role"

	tableOfReadings = "arn:aws:dynamodb:REGION:" + Account + ":table/Readings"

	theEmptying = "CustomS3AutoDeleteObjectsCustomResourceProviderRole"
)

// reasons are taken in this order. One that no unused grant needs fails the test.
//
// What a service does with a customer's key, it does with its caller's rights, and no emulator does it. AWS's guides name the actions:
// for tables amazondynamodb/latest/developerguide/encryption.usagenotes.html, for queues
// AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html, for objects AmazonS3/latest/userguide/UsingKMSEncryption.html.
var reasons = []reason{
	{theTask, "kms:Decrypt", theKey, "dynamodb", "dynamodb:Query", "DynamoDB decrypts what the API reads"},
	{theTask, "kms:DescribeKey", theKey, "dynamodb", "dynamodb:Query", "DynamoDB looks whether the key works"},
	{theTask, "kms:Encrypt", theKey, "dynamodb", "dynamodb:PartiQLInsert", "DynamoDB asks it of who writes"},
	{theTask, "kms:GenerateDataKey*", theKey, "dynamodb", "dynamodb:PartiQLInsert", "DynamoDB asks it of who writes"},
	{theTask, "kms:ReEncrypt*", theKey, "dynamodb", "dynamodb:PartiQLInsert", "DynamoDB asks it of who writes, when the key is turned"},
	{theTask, "kms:Decrypt", theKey, "s3", "s3:GetObject", "S3 decrypts lists of rejects, and the parts of an upload when it joins them"},
	{theTask, "kms:GenerateDataKey", theKey, "s3", "s3:PutObject", "S3 encrypts uploads, which presigned addresses let in with the API's rights"},

	{functions, "kms:Decrypt", theKey, "dynamodb", "dynamodb:*", "DynamoDB decrypts what the function reads"},
	{functions, "kms:DescribeKey", theKey, "dynamodb", "dynamodb:*", "DynamoDB looks whether the key works"},
	{functions, "kms:Encrypt", theKey, "dynamodb", "dynamodb:*Update*", "DynamoDB asks it of who writes"},
	{functions, "kms:GenerateDataKey*", theKey, "dynamodb", "dynamodb:*Update*", "DynamoDB asks it of who writes"},
	{functions, "kms:ReEncrypt*", theKey, "dynamodb", "dynamodb:*Update*", "DynamoDB asks it of who writes, when the key is turned"},
	{functions, "kms:Decrypt", theKey, "sqs", "sqs:*Message", "SQS decrypts what Lambda receives, and the queue's data key for who sends"},
	{functions, "kms:GenerateDataKey", theKey, "sqs", "sqs:SendMessage", "SQS encrypts what the function, or Lambda with its rights, sends"},
	{"SensorFlowProcessingCsvProcessorRole", "kms:Decrypt", theKey, "s3", "s3:GetObject", "S3 decrypts the uploads"},
	{"SensorFlowProcessingCsvProcessorRole", "kms:GenerateDataKey", theKey, "s3", "s3:PutObject", "S3 encrypts the lists of rejects"},
	{theStart, "kms:Decrypt", theKey, "secretsmanager", "secretsmanager:GetSecretValue", "Secrets Manager decrypts the settings for ECS"},
	{theTrial, "kms:Decrypt", theKey, "secretsmanager", "secretsmanager:GetSecretValue", "Secrets Manager decrypts the credentials of the smoke test"},

	{theStart, "logs:CreateLogStream", "arn:aws:logs:REGION:" + Account + ":log-group:SensorFlowApiLogs", "", "", "the log driver of ECS begins a log for a task"},
	{theStart, "logs:PutLogEvents", "arn:aws:logs:REGION:" + Account + ":log-group:SensorFlowApiLogs", "", "", "the log driver of ECS writes what a task prints"},
	{functions, "logs:CreateLogStream", ownLog, "", "", "Lambda begins a log for an instance of the function"},
	{functions, "logs:PutLogEvents", ownLog, "", "", "Lambda writes what the function prints"},
	{theTrial, "logs:CreateLogStream", ownLog, "", "", "Lambda begins a log for an instance of the smoke test"},
	{theTrial, "logs:PutLogEvents", ownLog, "", "", "Lambda writes what the smoke test prints"},
	{"Tables*LookupRole", "logs:CreateLogStream", ownLog, "", "", "Lambda begins a log for the CDK's function"},
	{"Tables*LookupRole", "logs:PutLogEvents", ownLog, "", "", "Lambda writes what the CDK's function prints"},
	{"SensorFlowApiNetworkFlowLogRole", "logs:CreateLogStream", ownLogs, "", "", "the VPC begins a log for a network interface"},
	{"SensorFlowApiNetworkFlowLogRole", "logs:PutLogEvents", ownLogs, "", "", "the VPC writes who connected to whom"},
	{"SensorFlowApiNetworkFlowLogRole", "logs:DescribeLogStreams", ownLogs, "", "", "the VPC looks which logs there are"},

	{theEmptying, "logs:CreateLogStream", ownLog, "", "", "Lambda begins a log for the CDK's function"},
	{theEmptying, "logs:PutLogEvents", ownLog, "", "", "Lambda writes what the CDK's function prints"},
	{
		theEmptying, "s3:*", "arn:aws:s3:::SensorFlow*", "", "s3:DeleteObject*",
		"the CDK states it so, with patterns and at once for a bucket and its objects, in the policy of a bucket that is thrown away",
	},

	{theStart, "ecr:GetAuthorizationToken", "*", "", "", "ECS signs in to the registry; the action knows no resources"},
	{theStart, "ecr:BatchCheckLayerAvailability", theImages, "", "", "ECS gets the image, which runs as a program in the tests"},
	{theStart, "ecr:BatchGetImage", theImages, "", "", "ECS gets the image, which runs as a program in the tests"},
	{theStart, "ecr:GetDownloadUrlForLayer", theImages, "", "", "ECS gets the image, which runs as a program in the tests"},
	{
		"SensorFlowApiShiftRole", "arn:aws:iam::aws:policy/AmazonECSInfrastructureRolePolicyForLoadBalancers", "*", "", "",
		"ECS moves the traffic of a deployment by it; the denials beside it leave our own rules and target groups",
	},
	{
		"SensorFlowProcessingAggregatorRole", "dynamodb:ListStreams", tableOfReadings + "/stream/…", "",
		"dynamodb:GetRecords", "Lambda asks for it when a mapping is made",
	},
	{
		functions, "sqs:GetQueueAttributes", "arn:aws:sqs:REGION:" + Account + ":SensorFlowProcessing*", "", "sqs:ReceiveMessage",
		"Lambda asks for it when a mapping is made, and scales by it",
	},
	{
		"SensorFlowProcessingCsvProcessorRole", "s3:AbortMultipartUpload", "arn:aws:s3:::SensorFlowUploadsBucket/rejects/*", "", "s3:PutObject",
		"only after a failure while the list of rejects is joined",
	},
	{
		"SensorFlowProcessingCsvProcessorRole", "s3:ListBucket", "arn:aws:s3:::SensorFlowUploadsBucket", "", "s3:GetObject",
		"without it S3 says 403 and not 404 of an object that is not there",
	},
	{
		"SensorFlowProcessingRepairerRole", "sqs:SendMessage", "arn:aws:sqs:REGION:" + Account + ":SensorFlowProcessingStreamFailures", "",
		"sqs:ReceiveMessage", "what is left of a message that takes longer than an invocation",
	},
}

// chance is what a package uses in some runs and not in others: it is noted of no run.
type chance struct{ by, role, action, resource, why string }

var chances = []chance{
	{"contract", "SensorFlow*Role", "dynamodb:BatchGetItem", tableOfReadings, "a write looks at the reading only where it meets a newer one"},
	{"faults", "SensorFlow*Role", "dynamodb:BatchGetItem", tableOfReadings, "a write looks at the reading only where it meets a newer one"},
}

// byChance tells whether a package may or may not use a grant.
func byChance(by string, g Grant) bool {
	for _, c := range chances {
		if c.by == by && like(c.role, g.Role) && like(c.action, g.Action) && like(c.resource, g.Resource) {
			return true
		}
	}
	return false
}
