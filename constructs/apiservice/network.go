package apiservice

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/sensorflow/sensorflow/constructs/internal/statement"
	"github.com/sensorflow/sensorflow/constructs/nag"
)

// network is a VPC with a public and a private subnet in each zone, gateway endpoints for DynamoDB and S3 (through
// which nearly all traffic goes, free of charge) and NAT gateways for the rest: Cognito's keys, container images, logs.
//
// It is built of single subnets and not with awsec2.NewVpc. That one asks AWS for the names of the zones when a stack
// is synthesized for a certain account and region: it fails without credentials, and it writes into the user's
// cdk.context.json.
type network struct {
	vpc awsec2.IVpc
	// ways are the routes and endpoints that must exist before anything is put into the network.
	ways constructs.IDependable
}

// networkProps are all required.
type networkProps struct {
	cidr        string
	zones       int
	natGateways int
	key         awskms.IKey
	retention   awslogs.RetentionDays
	removal     awscdk.RemovalPolicy
}

func newNetwork(scope constructs.Construct, id string, p networkProps) network {
	n := constructs.NewConstruct(scope, &id)
	warnOfZones(n)
	vpc := awsec2.NewCfnVPC(n, jsii.String("Vpc"), &awsec2.CfnVPCProps{
		CidrBlock: &p.cidr, EnableDnsHostnames: jsii.Bool(true), EnableDnsSupport: jsii.Bool(true),
		Tags: &[]*awscdk.CfnTag{{Key: jsii.String("Name"), Value: n.Node().Path()}},
	})
	nag.Explain(vpc, "nothing is in the network's default security group, so that its rules let nothing through: "+
		"load balancer and tasks name groups of their own; CloudFormation cannot change that group's rules, and a "+
		"function that may change security groups would be the larger risk", "VPCDefaultSecurityGroupClosed")
	gateway := awsec2.NewCfnInternetGateway(n, jsii.String("InternetGateway"), nil)
	attachment := awsec2.NewCfnVPCGatewayAttachment(n, jsii.String("GatewayAttachment"),
		&awsec2.CfnVPCGatewayAttachmentProps{
			VpcId: vpc.AttrVpcId(), InternetGatewayId: gateway.AttrInternetGatewayId(),
		})
	zones := make([]*string, p.zones)
	public, private := make([]awsec2.PublicSubnet, p.zones), make([]awsec2.PrivateSubnet, p.zones)
	cidrs := subnetCidrs(p.cidr)
	ways := constructs.NewDependencyGroup(attachment)
	for i := range p.zones {
		zone := awscdk.Fn_Select(jsii.Number(i), awscdk.Fn_GetAzs(nil))
		public[i] = awsec2.NewPublicSubnet(n, jsii.String(fmt.Sprintf("Public%d", i+1)), &awsec2.PublicSubnetProps{
			AvailabilityZone:    zone,
			VpcId:               vpc.AttrVpcId(),
			CidrBlock:           jsii.String(cidrs[i]),
			MapPublicIpOnLaunch: jsii.Bool(false),
		})
		public[i].AddDefaultInternetRoute(gateway.AttrInternetGatewayId(), attachment)
		explainPublicRoute(public[i])
		private[i] = awsec2.NewPrivateSubnet(n, jsii.String(fmt.Sprintf("Private%d", i+1)), &awsec2.PrivateSubnetProps{
			AvailabilityZone: zone, VpcId: vpc.AttrVpcId(), CidrBlock: jsii.String(cidrs[subnetsMax/2+i]),
		})
		zones[i] = place(public[i], i)
		place(private[i], i)
	}
	nats := make([]awsec2.CfnNatGateway, p.natGateways)
	for i := range nats {
		nats[i] = public[i].AddNatGateway(nil, nil)
	}
	for i := range private {
		private[i].AddDefaultNatRoute(nats[i%len(nats)].AttrNatGatewayId())
		ways.Add(private[i].InternetConnectivityEstablished(), public[i].InternetConnectivityEstablished())
	}
	imported := awsec2.Vpc_FromVpcAttributes(n, jsii.String("Imported"), &awsec2.VpcAttributes{
		VpcId: vpc.AttrVpcId(), VpcCidrBlock: &p.cidr, AvailabilityZones: &zones,
		PublicSubnetIds: ids(public), PublicSubnetRouteTableIds: routeTables(public),
		PrivateSubnetIds: ids(private), PrivateSubnetRouteTableIds: routeTables(private),
	})
	addEndpoints(imported, ways)
	addFlowLog(n, vpc, p)
	return network{imported, ways}
}

// explainPublicRoute explains the only route from the network to the internet.
func explainPublicRoute(public awsec2.PublicSubnet) {
	nag.Explain(public.Node().FindChild(jsii.String("DefaultRoute")),
		"a public subnet holds NAT gateways, which only let tasks out, and with a domain the load balancer, which is "+
			"there to be reached; tasks are in private subnets and get no public address, and nothing gets one by "+
			"being started here",
		"VPCNoUnrestrictedRouteToIGW")
}

func addEndpoints(vpc awsec2.IVpc, ways constructs.DependencyGroup) {
	ways.Add(
		vpc.AddGatewayEndpoint(jsii.String("DynamoDB"),
			&awsec2.GatewayVpcEndpointOptions{Service: awsec2.GatewayVpcEndpointAwsService_DYNAMODB()}),
		vpc.AddGatewayEndpoint(jsii.String("S3"),
			&awsec2.GatewayVpcEndpointOptions{Service: awsec2.GatewayVpcEndpointAwsService_S3()}),
	)
}

// addFlowLog records refused connections. An investigation asks for them first, and they cost a small part of what all
// connections would. It is made of raw resources: with the CDK's own, the role could pass itself to any service.
func addFlowLog(n constructs.Construct, vpc awsec2.CfnVPC, p networkProps) {
	group := awslogs.NewLogGroup(n, jsii.String("FlowLogs"), &awslogs.LogGroupProps{
		EncryptionKey: p.key, Retention: p.retention, RemovalPolicy: p.removal,
	})
	write := awsiam.NewManagedPolicy(n, jsii.String("FlowLogPolicy"), &awsiam.ManagedPolicyProps{
		Description: jsii.String("Writing flow logs"),
		Statements: &[]awsiam.PolicyStatement{
			statement.Allow(group.LogGroupArn(), "logs:CreateLogStream", "logs:DescribeLogStreams",
				"logs:PutLogEvents"),
		},
	})
	role := awsiam.NewRole(n, jsii.String("FlowLogRole"), &awsiam.RoleProps{
		AssumedBy:       fromAccount(n, "vpc-flow-logs.amazonaws.com"),
		ManagedPolicies: &[]awsiam.IManagedPolicy{write},
	})
	awsec2.NewCfnFlowLog(n, jsii.String("FlowLog"), &awsec2.CfnFlowLogProps{
		ResourceId: vpc.AttrVpcId(), ResourceType: jsii.String("VPC"), TrafficType: jsii.String("REJECT"),
		LogDestinationType:       jsii.String("cloud-watch-logs"),
		LogGroupName:             group.LogGroupName(),
		DeliverLogsPermissionArn: role.RoleArn(),
	})
}

// subnetsMax is how many subnets the network's range is divided into. Half of them are public, half private, and at
// most three of each are used.
const subnetsMax = 8

// subnetCidrs divides a checked IPv4 range into subnetsMax equal parts.
func subnetCidrs(cidr string) []string {
	whole := netip.MustParsePrefix(cidr)
	bits := whole.Bits() + 3 // 2^3 parts
	first := whole.Addr().As4()
	at, size := binary.BigEndian.Uint32(first[:]), uint32(1)<<(32-bits)
	parts := make([]string, subnetsMax)
	for i := range parts {
		var address [4]byte
		binary.BigEndian.PutUint32(address[:], at)
		parts[i] = netip.PrefixFrom(netip.AddrFrom4(address), bits).String()
		at += size
	}
	return parts
}

func ids[S interface{ SubnetId() *string }](subnets []S) *[]*string {
	out := make([]*string, len(subnets))
	for i, s := range subnets {
		out[i] = s.SubnetId()
	}
	return &out
}

func routeTables[S interface{ RouteTable() awsec2.IRouteTable }](subnets []S) *[]*string {
	out := make([]*string, len(subnets))
	for i, s := range subnets {
		out[i] = s.RouteTable().RouteTableId()
	}
	return &out
}
