package apiservice

import (
	"fmt"
	"net/netip"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// network is a VPC with a public and a private subnet in each zone, gateway endpoints for DynamoDB and S3 (through which
// nearly all traffic goes, free of charge) and NAT gateways for the rest: Cognito's keys, container images, logs.
//
// It is built of subnets rather than with awsec2.NewVpc, which asks AWS for the names of the zones when a stack is synthesized
// for a certain account and region: that fails without credentials and writes into the user's cdk.context.json. Here
// CloudFormation picks the zones when it deploys.
type network struct {
	// construct holds everything, so that others can depend on all of it.
	construct constructs.Construct
	vpc       awsec2.IVpc
}

// networkProps are all required.
type networkProps struct {
	cidr        string
	zones       int
	natGateways int
	key         awskms.IKey
	retention   awslogs.RetentionDays
}

func newNetwork(scope constructs.Construct, id string, p networkProps) network {
	n := constructs.NewConstruct(scope, &id)
	vpc := awsec2.NewCfnVPC(n, jsii.String("Vpc"), &awsec2.CfnVPCProps{
		CidrBlock: &p.cidr, EnableDnsHostnames: jsii.Bool(true), EnableDnsSupport: jsii.Bool(true),
		Tags: &[]*awscdk.CfnTag{{Key: jsii.String("Name"), Value: n.Node().Path()}},
	})
	gateway := awsec2.NewCfnInternetGateway(n, jsii.String("InternetGateway"), nil)
	attachment := awsec2.NewCfnVPCGatewayAttachment(n, jsii.String("GatewayAttachment"), &awsec2.CfnVPCGatewayAttachmentProps{
		VpcId: vpc.AttrVpcId(), InternetGatewayId: gateway.AttrInternetGatewayId(),
	})
	zones := make([]*string, p.zones)
	public, private := make([]awsec2.PublicSubnet, p.zones), make([]awsec2.PrivateSubnet, p.zones)
	cidrs := subnetCidrs(p.cidr)
	for i := range p.zones {
		zones[i] = awscdk.Fn_Select(jsii.Number(i), awscdk.Fn_GetAzs(nil))
		public[i] = awsec2.NewPublicSubnet(n, jsii.String(fmt.Sprintf("Public%d", i+1)), &awsec2.PublicSubnetProps{
			AvailabilityZone: zones[i], VpcId: vpc.AttrVpcId(), CidrBlock: jsii.String(cidrs[i]), MapPublicIpOnLaunch: jsii.Bool(false),
		})
		public[i].AddDefaultInternetRoute(gateway.AttrInternetGatewayId(), attachment)
		private[i] = awsec2.NewPrivateSubnet(n, jsii.String(fmt.Sprintf("Private%d", i+1)), &awsec2.PrivateSubnetProps{
			AvailabilityZone: zones[i], VpcId: vpc.AttrVpcId(), CidrBlock: jsii.String(cidrs[subnetsMax/2+i]),
		})
	}
	nats := make([]awsec2.CfnNatGateway, p.natGateways)
	for i := range nats {
		nats[i] = public[i].AddNatGateway(nil)
	}
	for i := range private {
		private[i].AddDefaultNatRoute(nats[i%len(nats)].AttrNatGatewayId())
	}
	imported := awsec2.Vpc_FromVpcAttributes(n, jsii.String("Imported"), &awsec2.VpcAttributes{
		VpcId: vpc.AttrVpcId(), VpcCidrBlock: &p.cidr, AvailabilityZones: &zones,
		PublicSubnetIds: ids(public), PublicSubnetRouteTableIds: routeTables(public),
		PrivateSubnetIds: ids(private), PrivateSubnetRouteTableIds: routeTables(private),
	})
	addEndpoints(imported)
	addFlowLog(n, imported, p)
	return network{n, imported}
}

func addEndpoints(vpc awsec2.IVpc) {
	vpc.AddGatewayEndpoint(jsii.String("DynamoDB"), &awsec2.GatewayVpcEndpointOptions{Service: awsec2.GatewayVpcEndpointAwsService_DYNAMODB()})
	vpc.AddGatewayEndpoint(jsii.String("S3"), &awsec2.GatewayVpcEndpointOptions{Service: awsec2.GatewayVpcEndpointAwsService_S3()})
}

// addFlowLog records what was refused, which is what an investigation asks for first, at a small part of the price of all.
func addFlowLog(n constructs.Construct, vpc awsec2.IVpc, p networkProps) {
	group := awslogs.NewLogGroup(n, jsii.String("FlowLogs"), &awslogs.LogGroupProps{
		EncryptionKey: p.key, Retention: p.retention, RemovalPolicy: awscdk.RemovalPolicy_DESTROY,
	})
	awsec2.NewFlowLog(n, jsii.String("FlowLog"), &awsec2.FlowLogProps{
		ResourceType: awsec2.FlowLogResourceType_FromVpc(vpc), TrafficType: awsec2.FlowLogTrafficType_REJECT,
		Destination: awsec2.FlowLogDestination_ToCloudWatchLogs(group, nil),
	})
}

// subnetsMax is how many subnets the network's range is cut into: half of them public, half private, at most three of each in use.
const subnetsMax = 8

// subnetCidrs cuts a checked IPv4 range into subnetsMax equal parts.
func subnetCidrs(cidr string) []string {
	whole := netip.MustParsePrefix(cidr)
	const bits = 3 // 2^3 parts
	first := whole.Addr().As4()
	base := uint32(first[0])<<24 | uint32(first[1])<<16 | uint32(first[2])<<8 | uint32(first[3])
	parts := make([]string, subnetsMax)
	for i := range parts {
		at := base + uint32(i)<<(32-whole.Bits()-bits) //nolint:gosec // i is below subnetsMax
		parts[i] = netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(at >> 24), byte(at >> 16), byte(at >> 8), byte(at)}), whole.Bits()+bits).String()
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
