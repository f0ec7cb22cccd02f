package pricing

import "strings"

// kind says what a type of resource costs.
type kind struct {
	// count adds a resource to what the region pays for.
	count func(in reading, p Properties)
	// free is why it costs nothing by itself.
	free string
}

// Free says why a type of resource costs nothing by itself; the text is empty for one that is counted. It returns false
// for a type that the table does not have.
func Free(resourceType string) (why string, known bool) {
	k, known := kinds[resourceType]
	return k.free, known
}

// Reasons that stand for several types.
const (
	freeRules    = "rules and permissions cost nothing"
	freePart     = "a part of another resource, which is counted"
	freeNetwork  = "parts of a network cost nothing; gateways, addresses and endpoints are counted"
	freeByUse    = "costs what passes through it, which is counted with the readings"
	freeAtDeploy = "runs while a stack is deployed and at no other time"
)

// kinds holds every type of resource that our templates have.
var kinds = map[string]kind{
	"AWS::ApplicationAutoScaling::ScalableTarget":           {count: countScalableTarget},
	"AWS::ApplicationAutoScaling::ScalingPolicy":            {count: countScalingPolicy},
	"AWS::CertificateManager::Certificate":                  {free: "certificates that stay inside AWS cost nothing"},
	"AWS::CloudFront::Distribution":                         {count: func(in reading, _ Properties) { in.at.distributions++ }},
	"AWS::CloudFront::Function":                             {count: func(in reading, _ Properties) { in.at.edgeFunctions++ }},
	"AWS::CloudFront::VpcOrigin":                            {count: func(in reading, _ Properties) { in.at.vpcOrigins++ }},
	"AWS::CloudWatch::Alarm":                                {count: countAlarm},
	"AWS::CloudWatch::Dashboard":                            {count: func(in reading, _ Properties) { in.at.dashboards++ }},
	"AWS::CodeBuild::Project":                               {count: func(in reading, _ Properties) { in.at.builds++ }},
	"AWS::CodePipeline::Pipeline":                           {count: func(in reading, _ Properties) { in.at.builds++ }},
	"AWS::Cognito::UserPool":                                {count: func(in reading, _ Properties) { in.at.userPools++ }},
	"AWS::Cognito::UserPoolClient":                          {free: "people and tokens are counted, clients cost nothing"},
	"AWS::Cognito::UserPoolDomain":                          {free: freePart},
	"AWS::Cognito::UserPoolGroup":                           {free: freePart},
	"AWS::Cognito::UserPoolReplica":                         {count: func(in reading, _ Properties) { in.at.userPoolReplicas++ }},
	"AWS::Cognito::UserPoolResourceServer":                  {free: freePart},
	"AWS::Cognito::UserPoolRegionalConfigurationAttachment": {free: freePart},
	"AWS::DynamoDB::GlobalTable":                            {count: countTable},
	"AWS::EC2::EIP":                                         {count: func(in reading, _ Properties) { in.at.publicIPv4++ }},
	"AWS::EC2::FlowLog":                                     {free: "writes refused connections to a log, a few lines"},
	"AWS::EC2::InternetGateway":                             {free: freeNetwork},
	"AWS::EC2::NatGateway":                                  {count: func(in reading, _ Properties) { in.at.natGateways++ }},
	"AWS::EC2::Route":                                       {free: freeNetwork},
	"AWS::EC2::RouteTable":                                  {free: freeNetwork},
	"AWS::EC2::SecurityGroup":                               {free: freeRules},
	"AWS::EC2::SecurityGroupEgress":                         {free: freeRules},
	"AWS::EC2::SecurityGroupIngress":                        {free: freeRules},
	"AWS::EC2::Subnet":                                      {free: freeNetwork},
	"AWS::EC2::SubnetRouteTableAssociation":                 {free: freeNetwork},
	"AWS::EC2::VPC":                                         {free: freeNetwork},
	"AWS::EC2::VPCEndpoint":                                 {count: countEndpoint},
	"AWS::EC2::VPCGatewayAttachment":                        {free: freeNetwork},
	"AWS::ECS::Cluster":                                     {count: countCluster},
	"AWS::ECS::ClusterCapacityProviderAssociations":         {free: freePart},
	"AWS::ECS::Service":                                     {count: countService},
	"AWS::ECS::TaskDefinition":                              {count: countTask},
	"AWS::ElasticLoadBalancingV2::Listener":                 {free: freePart},
	"AWS::ElasticLoadBalancingV2::ListenerRule":             {free: freePart},
	"AWS::ElasticLoadBalancingV2::LoadBalancer":             {count: countLoadBalancer},
	"AWS::ElasticLoadBalancingV2::TargetGroup":              {free: freePart},
	"AWS::Events::Rule":                                     {count: countSchedule},
	"AWS::IAM::ManagedPolicy":                               {free: freeRules},
	"AWS::IAM::Policy":                                      {free: freeRules},
	"AWS::IAM::Role":                                        {free: freeRules},
	"AWS::IAM::ServiceLinkedRole":                           {free: freeRules},
	"AWS::KMS::Alias":                                       {free: freePart},
	"AWS::KMS::Key":                                         {count: func(in reading, _ Properties) { in.at.keys++ }},
	"AWS::KMS::ReplicaKey":                                  {count: func(in reading, _ Properties) { in.at.keys++ }},
	"AWS::Lambda::Alias":                                    {free: freePart},
	"AWS::Lambda::EventInvokeConfig":                        {free: freePart},
	"AWS::Lambda::EventSourceMapping":                       {count: countMapping},
	"AWS::Lambda::Function":                                 {free: freeByUse},
	"AWS::Lambda::LayerVersion":                             {free: freePart},
	"AWS::Lambda::Permission":                               {free: freeRules},
	"AWS::Lambda::Version":                                  {free: freePart},
	"AWS::Logs::LogGroup":                                   {free: freeByUse},
	"AWS::Logs::MetricFilter":                               {count: func(in reading, p Properties) { in.at.ownMetrics += len(p.list("MetricTransformations")) }},
	"AWS::Route53::HealthCheck":                             {count: countHealthCheck},
	"AWS::Route53::RecordSet":                               {free: "queries of aliases of AWS resources cost nothing"},
	"AWS::S3::Bucket":                                       {count: countBucket},
	"AWS::S3::BucketPolicy":                                 {free: freeRules},
	"AWS::SecretsManager::Secret":                           {count: countSecret},
	"AWS::SNS::Subscription":                                {free: "alarms by e-mail are too few to cost anything"},
	"AWS::SNS::Topic":                                       {free: "alarms are too few to cost anything"},
	"AWS::SNS::TopicPolicy":                                 {free: freeRules},
	"AWS::SQS::Queue":                                       {free: freeByUse},
	"AWS::SQS::QueuePolicy":                                 {free: freeRules},
	"AWS::WAFv2::LoggingConfiguration":                      {count: countWebLog},
	"AWS::WAFv2::WebACL":                                    {count: countWebACL},
	"AWS::WAFv2::WebACLAssociation":                         {free: freePart},
	"Custom::S3AutoDeleteObjects":                           {free: freeAtDeploy},
	"Custom::SensorFlowLookup":                              {free: freeAtDeploy},
	"Custom::SensorFlowProtection":                          {free: freeAtDeploy},
	"Custom::SensorFlowServiceRole":                         {free: freeAtDeploy},
}

func countScalableTarget(in reading, p Properties) {
	if p.text("ServiceNamespace") == "ecs" {
		in.at.tasksMin, in.at.tasksMax = int(p.number("MinCapacity")), int(p.number("MaxCapacity"))
	}
}

// countScalingPolicy finds how many requests a minute the scaling gives each task, by the metric of one target group or
// by those of two.
func countScalingPolicy(in reading, p Properties) {
	const tracking, custom = "TargetTrackingScalingPolicyConfiguration", "CustomizedMetricSpecification"
	of := p.text(tracking, "PredefinedMetricSpecification", "PredefinedMetricType") == "ALBRequestCountPerTarget"
	for _, metric := range p.objects(tracking, custom, "Metrics") {
		of = of || metric.text("MetricStat", "Metric", "MetricName") == "RequestCountPerTarget"
	}
	if of {
		in.at.requestsPerTask = p.number(tracking, "TargetValue")
	}
}

// countAlarm counts the metrics that an alarm looks at. One that asks a query is priced by what the query finds.
func countAlarm(in reading, p Properties) {
	metrics := p.objects("Metrics")
	if len(metrics) == 0 {
		in.at.alarmMetrics++
		return
	}
	for _, m := range metrics {
		switch {
		case m.at("MetricStat") != nil:
			in.at.alarmMetrics++
		case strings.HasPrefix(m.text("Expression"), "SELECT "):
			in.at.queryAlarms++
		}
	}
}

// countTable finds the regions in which replicas of the readings are. Their writes and storage are counted with the
// readings.
func countTable(in reading, p Properties) {
	if !strings.HasSuffix(p.text("TableName"), "Readings") && !hasKeys(p, "equipmentId", "timestamp") {
		return
	}
	for _, replica := range p.objects("Replicas") {
		if name := replica.text("Region"); name != "" {
			in.all.region(name).readings = true
		} else {
			in.at.readings = true
		}
	}
}

func hasKeys(p Properties, partition, sort string) bool {
	keys := p.objects("KeySchema")
	return len(keys) == 2 && keys[0].text("AttributeName") == partition && keys[1].text("AttributeName") == sort
}

func countEndpoint(in reading, p Properties) {
	if p.text("VpcEndpointType") == "Interface" {
		in.at.interfaceZones += len(p.list("SubnetIds"))
	}
}

func countCluster(in reading, p Properties) {
	for _, setting := range p.objects("ClusterSettings") {
		if setting.text("Name") == "containerInsights" && setting.text("Value") != "disabled" {
			in.at.insights++
		}
	}
}

// countService reads the share of Spot among the tasks above the fewest: the weights of the capacity providers.
func countService(in reading, p Properties) {
	spot, all := 0.0, 0.0
	for _, provider := range p.objects("CapacityProviderStrategy") {
		all += provider.number("Weight")
		if provider.text("CapacityProvider") == "FARGATE_SPOT" {
			spot += provider.number("Weight")
		}
	}
	if all > 0 {
		in.at.spotPercent = 100 * spot / all
	}
}

// countTask also finds how long the log is kept to which the tasks write a line a request.
func countTask(in reading, p Properties) {
	in.at.taskCPU, in.at.taskMemoryMiB = int(p.number("Cpu")), int(p.number("Memory"))
	for _, container := range p.objects("ContainerDefinitions") {
		if group := container.at("LogConfiguration", "Options", "awslogs-group"); group != nil {
			in.at.logDays = int(in.named(group).number("RetentionInDays"))
		}
	}
}

// countLoadBalancer counts an address in each zone where the internet reaches it.
func countLoadBalancer(in reading, p Properties) {
	in.at.loadBalancers++
	in.at.zones = len(p.list("Subnets"))
	if p.text("Scheme") == "internet-facing" {
		in.at.publicIPv4 += in.at.zones
	}
}

// countSchedule takes what is called at fixed times. Its functions are found by their ids in the same stack.
func countSchedule(in reading, p Properties) {
	perHour := map[string]float64{"rate(1 hour)": 1, "rate(1 minute)": 60, "rate(1 day)": 1.0 / 24}[p.text("ScheduleExpression")]
	for _, target := range p.objects("Targets") {
		function := in.named(target.at("Arn"))
		in.at.auditsPerHour += perHour
		in.at.auditGB = function.number("MemorySize") / 1024
	}
}

// named finds the properties of the resource in the same stack that a Ref or a Fn::GetAtt names.
func (in reading) named(value any) Properties {
	object, _ := value.(map[string]any)
	id, _ := object["Ref"].(string)
	if id == "" {
		if list, ok := object["Fn::GetAtt"].([]any); ok && len(list) > 0 {
			id, _ = list[0].(string)
		}
	}
	return in.stack.Resources[id].Properties
}

// countWebLog finds whether the firewall writes an entry for each request. What it refuses is too little to count.
func countWebLog(in reading, p Properties) {
	in.at.webLogs = p.text("LoggingFilter", "DefaultBehavior") != "DROP"
}

func countMapping(in reading, p Properties) {
	if p.text("StartingPosition") == "" {
		in.at.queuePollers++
		return
	}
	in.at.windowSeconds = p.number("MaximumBatchingWindowInSeconds")
	in.at.aggregatorGB = in.named(p.at("FunctionName")).number("MemorySize") / 1024
}

func countHealthCheck(in reading, p Properties) {
	in.at.healthChecks++
	config := "HealthCheckConfig"
	if strings.HasPrefix(p.text(config, "Type"), "HTTPS") {
		in.at.healthOptions++
	}
	if p.text(config, "SearchString") != "" {
		in.at.healthOptions++
	}
	if p.number(config, "RequestInterval") == 10 {
		in.at.healthOptions++
	}
	if p.at(config, "MeasureLatency") == true {
		in.at.healthOptions++
	}
}

// countBucket finds how long logs of requests are kept: a bucket of logs is the one that keeps for longest.
func countBucket(in reading, p Properties) {
	for _, rule := range p.objects("LifecycleConfiguration", "Rules") {
		in.at.accessLogDays = max(in.at.accessLogDays, int(rule.number("ExpirationInDays")))
	}
}

func countSecret(in reading, p Properties) {
	in.at.secrets++
	for _, replica := range p.objects("ReplicaRegions") {
		in.all.region(replica.text("Region")).secrets++
	}
}

func countWebACL(in reading, p Properties) {
	in.at.webACLs++
	in.at.webRules += len(p.list("Rules"))
}
