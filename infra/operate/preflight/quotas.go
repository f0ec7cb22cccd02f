package preflight

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/service/servicequotas"

	"github.com/sensorflow/sensorflow/infra/operate/awscall"
	"github.com/sensorflow/sensorflow/runtime/contract"
)

// Quotas, as Service Quotas calls them.
const (
	addressesService, addressesQuota = "ec2", "L-0263D0A3"
	networksService, networksQuota   = "vpc", "L-F678F1CE"
	functionsService, functionsQuota = "lambda", "L-B99A9384"
)

// functionsBeside is how many functions run at once beside those of CSV files: one of the aggregator, two of the repairer, the auditor.
const functionsBeside = 4

// quota is what the account has in a region: its own value, or AWS's default.
func (l *look) quota(ctx context.Context, region, service, code string) (int, error) {
	client := servicequotas.NewFromConfig(l.AWS, func(s *servicequotas.Options) { s.Region = region })
	own, err := client.GetServiceQuota(ctx, &servicequotas.GetServiceQuotaInput{ServiceCode: &service, QuotaCode: &code})
	if err == nil && own.Quota != nil && own.Quota.Value != nil {
		return int(*own.Quota.Value), nil
	}
	if err != nil && !awscall.Is(err, "NoSuchResourceException") {
		return 0, err
	}
	usual, err := client.GetAWSDefaultServiceQuota(ctx, &servicequotas.GetAWSDefaultServiceQuotaInput{ServiceCode: &service, QuotaCode: &code})
	if err != nil {
		return 0, err
	}
	if usual.Quota == nil || usual.Quota.Value == nil {
		return 0, errors.New("the answer has no value")
	}
	return int(*usual.Quota.Value), nil
}

// room tells whether a region has enough of something. Where the region's stack is there already, it has what it needs.
func (l *look) room(point, region, what string, used, quota, needed int, code string) Finding {
	f := Finding{Point: point, Region: region, Status: Fine}
	state := l.stacks[l.regional(region)]
	switch {
	case state.err != nil:
		f.Status, f.Text = Unknown, "whether the region's stack has its own already is not known"
	case state.there:
		f.Text = fmt.Sprintf("%d of %d %s are in use, those of the deployment among them", used, quota, what)
	case used+needed > quota:
		f.Status = Missing
		f.Text = fmt.Sprintf("%d of %d %s are in use, and the deployment needs %d: release some, or ask for more (quota %s)", used, quota, what, needed, code)
	default:
		f.Text = fmt.Sprintf("%d of %d %s are in use, and the deployment needs %d", used, quota, what, needed)
	}
	return f
}

// regional is the name of a region's stack.
func (l *look) regional(region string) string {
	stacks := l.Environment.Stacks()
	for _, s := range stacks[len(stacks)-len(l.Environment.Regions):] {
		if s.Region == region {
			return s.Name
		}
	}
	return ""
}

func (l *look) addresses(ctx context.Context, region string) Finding {
	quota, err := l.quota(ctx, region, addressesService, addressesQuota)
	if err != nil {
		return failed(pointAddresses, region, "servicequotas:GetServiceQuota", err)
	}
	var answer struct {
		Addresses []struct{} `xml:"addressesSet>item"`
	}
	if err := l.ec2(ctx, region, "DescribeAddresses", nil, &answer); err != nil {
		return failed(pointAddresses, region, "ec2:DescribeAddresses", err)
	}
	needed := cmp.Or(l.Environment.NatGateways, contract.NatGatewaysDefault)
	return l.room(pointAddresses, region, "elastic IP addresses", len(answer.Addresses), quota, needed, addressesQuota)
}

func (l *look) networks(ctx context.Context, region string) Finding {
	quota, err := l.quota(ctx, region, networksService, networksQuota)
	if err != nil {
		return failed(pointNetworks, region, "servicequotas:GetServiceQuota", err)
	}
	// The answer has pages only where a size of them is asked for.
	var answer struct {
		Networks []struct{} `xml:"vpcSet>item"`
	}
	if err := l.ec2(ctx, region, "DescribeVpcs", nil, &answer); err != nil {
		return failed(pointNetworks, region, "ec2:DescribeVpcs", err)
	}
	return l.room(pointNetworks, region, "VPCs", len(answer.Networks), quota, 1, networksQuota)
}

// functions looks at what may run at once, which new accounts have little of. All functions of the account share it.
func (l *look) functions(ctx context.Context, region string) Finding {
	quota, err := l.quota(ctx, region, functionsService, functionsQuota)
	if err != nil {
		return failed(pointFunctions, region, "servicequotas:GetServiceQuota", err)
	}
	needed := l.Environment.CSVConcurrency + functionsBeside
	f := Finding{Point: pointFunctions, Region: region, Status: Fine,
		Text: fmt.Sprintf("%d may run at once, and the deployment runs up to %d", quota, needed)}
	if needed > quota {
		f.Status = Missing
		f.Text += fmt.Sprintf(": ask for more (quota %s), or lower csvConcurrency", functionsQuota)
	}
	return f
}

// ec2 asks EC2 in its version of 2016-11-15.
func (l *look) ec2(ctx context.Context, region, action string, in url.Values, out any) error {
	return l.calls.Query(ctx, "ec2", region, action, "2016-11-15", in, out)
}
