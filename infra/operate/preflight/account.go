package preflight

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/sensorflow/sensorflow/infra/config"
	"github.com/sensorflow/sensorflow/infra/operate/awscall"
)

// bootstrapParameter tells the version of the CDK's bootstrap stack in a region.
const bootstrapParameter = "/cdk-bootstrap/hnb659fds/version"

// account finds out whose credentials are in use, and whether the deployment is for their account.
func (l *look) account(ctx context.Context) []Finding {
	missing := func(text string) []Finding {
		return []Finding{{Point: pointCredentials, Status: Missing, Text: text}, l.accountOf("")}
	}
	const advice = "log in (aws sso login), or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
	if l.AWS.Credentials == nil {
		return missing("there are none: " + advice)
	}
	if _, err := l.AWS.Credentials.Retrieve(ctx); err != nil {
		if expired := strings.Contains(err.Error(), "expired"); expired {
			return missing("they have expired: " + advice)
		}
		return missing("there are none: " + advice)
	}
	who, err := sts.NewFromConfig(l.AWS, func(s *sts.Options) { s.Region = l.Environment.Primary() }).
		GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	switch {
	case awscall.Is(err, "ExpiredToken", "ExpiredTokenException", "RequestExpired"):
		return missing("they have expired: " + advice)
	case awscall.Is(err, "InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException"):
		return missing("AWS does not accept them: " + advice)
	case err != nil:
		return []Finding{failed(pointCredentials, "", "sts:GetCallerIdentity", err), l.accountOf("")}
	}
	return []Finding{
		{Point: pointCredentials, Status: Fine, Text: aws.ToString(who.Arn)}, l.accountOf(aws.ToString(who.Account)),
	}
}

// accountOf compares the account of the environment with that of the credentials, which is empty where nobody knows it.
func (l *look) accountOf(credentials string) Finding {
	f := Finding{Point: pointAccount, Status: Fine}
	key := "environments." + l.Environment.Name + ".account"
	if l.Environment.Name == config.PipelineName {
		key = config.PipelineName + ".account"
	}
	switch own := l.Environment.Account; {
	case own == "" && credentials == "":
		f.Status = Missing
		f.Text = fmt.Sprintf("%s in %s is empty, and no credentials tell one: write its 12 digits there", key, config.File)
	case own == "":
		f.Status = Note
		f.Text = fmt.Sprintf("%s in %s is empty, so it is that of the credentials, %s: written there, no other can be meant", key,
			config.File, credentials)
	case credentials == "":
		f.Text = fmt.Sprintf("%s, as %s or ACCOUNT names it", own, config.File)
	case own != credentials:
		f.Status = Missing
		f.Text = fmt.Sprintf("the credentials are of %s, and the deployment is for %s, as %s or ACCOUNT names it: take credentials of that one",
			credentials, own, config.File)
	default:
		f.Text = fmt.Sprintf("%s, as %s or ACCOUNT names it, and the credentials are of it", own, config.File)
	}
	return f
}

// regions finds out whether the account has the regions enabled. Most of the newer ones are not from the start.
func (l *look) regions(ctx context.Context) []Finding {
	var answer struct {
		Regions []struct {
			Name   string `xml:"regionName"`
			Status string `xml:"optInStatus"`
		} `xml:"regionInfo>item"`
	}
	err := l.ec2(ctx, l.Environment.Primary(), "DescribeRegions", url.Values{"AllRegions": {"true"}}, &answer)
	if err != nil {
		return []Finding{failed(pointRegions, "", "ec2:DescribeRegions", err)}
	}
	status := map[string]string{}
	for _, r := range answer.Regions {
		status[r.Name] = r.Status
	}
	var all []Finding
	for _, region := range l.Environment.Regions {
		f := Finding{Point: pointRegions, Region: region, Status: Fine, Text: "enabled"}
		switch status[region] {
		case "opt-in-not-required", "opted-in":
		default:
			f.Status = Missing
			f.Text = "not enabled in the account: aws account enable-region --region-name " + region + ", which takes minutes to hours"
		}
		all = append(all, f)
	}
	return all
}

// bootstrap finds out whether a region was prepared for the CDK.
func (l *look) bootstrap(ctx context.Context, region string) Finding {
	f := Finding{Point: pointBootstrap, Region: region, Status: Missing}
	again := "make bootstrap ENV=" + l.Environment.Name
	answer, err := ssm.NewFromConfig(l.AWS, func(s *ssm.Options) { s.Region = region }).
		GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(bootstrapParameter)})
	switch {
	case awscall.Is(err, "ParameterNotFound"):
		f.Text = "the CDK is not at home there yet: " + again
		return f
	case err != nil:
		return failed(pointBootstrap, region, "ssm:GetParameter", err)
	case answer.Parameter == nil:
		return failed(pointBootstrap, region, "ssm:GetParameter", errors.New("the answer has no parameter"))
	}
	value := aws.ToString(answer.Parameter.Value)
	version, err := strconv.Atoi(value)
	switch {
	case err != nil:
		f.Status, f.Text = Unknown, fmt.Sprintf("%s is %q, which is no version", bootstrapParameter, value)
	case version < config.BootstrapVersionMin:
		f.Text = fmt.Sprintf("version %d is too old, %d is needed: %s", version, config.BootstrapVersionMin, again)
	default:
		f.Status, f.Text = Fine, fmt.Sprintf("version %d", version)
	}
	return f
}

// role finds out whether ECS has its role in the account. It is for information: AWS makes it when the first cluster is made.
func (l *look) role(ctx context.Context) []Finding {
	const name = "AWSServiceRoleForECS"
	err := l.calls.Query(ctx, "iam", "us-east-1", "GetRole", "2010-05-08", url.Values{"RoleName": {name}}, nil)
	text := name + " is there"
	switch {
	case awscall.Is(err, "NoSuchEntity"):
		text = name + " is not there yet: the first deployment makes it"
	case err != nil:
		text = awscall.Reason("iam:GetRole", err)
	}
	return []Finding{{Point: pointRole, Status: Note, Text: text}}
}
