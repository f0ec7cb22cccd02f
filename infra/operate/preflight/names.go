package preflight

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/sensorflow/sensorflow/infra/config"
	"github.com/sensorflow/sensorflow/infra/operate/awscall"
)

// stackState is what is known of a stack.
type stackState struct {
	there  bool
	status types.StackStatus
	ours   bool // it has the tags that all stacks of the environment have
	// outputs are those of the stack, by name.
	outputs map[string]string
	err     error
}

// lookAtStacks finds out which stacks of the environment are there, and whether one of them would refuse a deployment.
func (l *look) lookAtStacks(ctx context.Context) []Finding {
	all := l.Environment.Stacks()
	states := make([]stackState, len(all))
	var running sync.WaitGroup
	for i, s := range all {
		running.Go(func() { states[i] = l.stack(ctx, s) })
	}
	running.Wait()
	l.stacks = map[string]stackState{}
	var findings []Finding
	there := 0
	for i, s := range all {
		state := states[i]
		l.stacks[s.Name] = state
		if state.there {
			there++
		}
		switch text := state.objection(s, l.Environment.Name); {
		case state.err != nil:
			findings = append(findings, failed(pointStacks, s.Region, "cloudformation:DescribeStacks", state.err))
		case text != "":
			findings = append(findings, Finding{Point: pointStacks, Status: Missing, Region: s.Region, Text: text})
		}
	}
	if len(findings) > 0 {
		return findings
	}
	return []Finding{{Point: pointStacks, Status: Fine, Text: fmt.Sprintf("%d of %d are there", there, len(all))}}
}

func (l *look) stack(ctx context.Context, s config.Stack) stackState {
	answer, err := cloudformation.NewFromConfig(l.AWS, func(o *cloudformation.Options) { o.Region = s.Region }).
		DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &s.Name})
	switch {
	case awscall.Is(err, "ValidationError") && strings.Contains(err.Error(), "does not exist"):
		return stackState{}
	case err != nil:
		return stackState{err: err}
	case len(answer.Stacks) != 1:
		return stackState{err: errors.New("the answer has no stack")}
	}
	state := stackState{there: true, status: answer.Stacks[0].StackStatus, outputs: map[string]string{}}
	for _, output := range answer.Stacks[0].Outputs {
		state.outputs[aws.ToString(output.OutputKey)] = aws.ToString(output.OutputValue)
	}
	tags := map[string]string{}
	for _, tag := range answer.Stacks[0].Tags {
		tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	state.ours = tags["application"] == "SensorFlow" && tags["environment"] == l.Environment.Name
	return state
}

// objection says why a stack cannot be deployed; empty where it can. A stack whose creation failed is deleted by the CDK itself, after make deploy
// has ended its protection.
func (s stackState) objection(of config.Stack, environment string) string {
	status, name, region := string(s.status), of.Name, of.Region
	switch {
	case !s.there:
		return ""
	case !s.ours && s.status != types.StackStatusReviewInProgress:
		return fmt.Sprintf("%s has not the tags application=SensorFlow and environment=%s: it is of something else, and has the name", name, environment)
	case strings.HasSuffix(status, "_IN_PROGRESS") && s.status != types.StackStatusReviewInProgress:
		return fmt.Sprintf("%s is %s: wait until it is over", name, status)
	case s.status == types.StackStatusUpdateRollbackFailed:
		return fmt.Sprintf("%s is %s: aws cloudformation continue-update-rollback --region %s --stack-name %s", name, status, region, name)
	case s.status == types.StackStatusDeleteFailed:
		return fmt.Sprintf("%s is %s: aws cloudformation delete-stack --region %s --stack-name %s", name, status, region, name)
	default:
		return ""
	}
}

// names finds out whether a name that a stack will give belongs to something already.
func (l *look) names(ctx context.Context) []Finding {
	var checks []check
	free := 0
	for _, n := range l.Environment.Names() {
		switch state := l.stacks[n.Stack]; {
		case state.err != nil:
			continue // the point of the stacks tells it
		case state.there:
			free++
		default:
			checks = append(checks, in(n.Region, func(ctx context.Context, _ string) Finding { return l.name(ctx, n) }))
		}
	}
	var findings []Finding
	for _, f := range l.all(ctx, checks) {
		if f.Status == Fine {
			free++
			continue
		}
		findings = append(findings, f)
	}
	if len(findings) > 0 {
		return findings
	}
	if all := len(l.Environment.Names()); free < all {
		return []Finding{{Point: pointNames, Status: Unknown, Text: fmt.Sprintf("%d of %d are free or the deployment's own; of the others the stacks are not known", free, all)}}
	}
	return []Finding{{Point: pointNames, Status: Fine, Text: fmt.Sprintf("all %d are free or the deployment's own", free)}}
}

func (l *look) name(ctx context.Context, n config.Name) Finding {
	taken, call, err := l.taken(ctx, n)
	switch {
	case err != nil:
		return failed(pointNames, n.Region, call, err)
	case taken:
		kind := map[string]string{
			config.NameOfTable: "table", config.NameOfAlias: "key alias", config.NameOfSecret: "secret", config.NameOfLogGroup: "log group",
			config.NameOfFunction: "function",
		}[n.Kind]
		return Finding{Point: pointNames, Status: Missing, Region: n.Region, Text: fmt.Sprintf(
			"the %s %s is there without its stack %s: take it up again (cdk import), or delete it", kind, n.Name, n.Stack)}
	default:
		return Finding{Point: pointNames, Status: Fine, Region: n.Region}
	}
}

// taken asks the service that knows a name.
func (l *look) taken(ctx context.Context, n config.Name) (taken bool, call string, err error) {
	absent := []string{"ResourceNotFoundException", "NotFoundException"}
	switch n.Kind {
	case config.NameOfTable:
		call = "dynamodb:DescribeTable"
		_, err = dynamodb.NewFromConfig(l.AWS, func(o *dynamodb.Options) { o.Region = n.Region }).
			DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &n.Name})
	case config.NameOfAlias:
		call = "kms:DescribeKey"
		err = l.calls.JSON(ctx, "kms", n.Region, "TrentService.DescribeKey", map[string]any{"KeyId": n.Name}, nil)
	case config.NameOfSecret:
		call = "secretsmanager:DescribeSecret"
		err = l.calls.JSON(ctx, "secretsmanager", n.Region, "secretsmanager.DescribeSecret", map[string]any{"SecretId": n.Name}, nil)
	case config.NameOfLogGroup:
		call = "logs:DescribeLogGroups"
		var answer struct {
			LogGroups []struct{} `json:"logGroups"`
		}
		err = l.calls.JSON(ctx, "logs", n.Region, "Logs_20140328.DescribeLogGroups",
			map[string]any{"logGroupNamePrefix": n.Name, "limit": 1}, &answer)
		return len(answer.LogGroups) > 0, call, err
	case config.NameOfFunction:
		call = "lambda:GetFunctionConfiguration"
		err = l.calls.REST(ctx, "lambda", n.Region, http.MethodGet, "/2015-03-31/functions/"+n.Name+"/configuration", nil, nil)
	default:
		return false, "a look at " + n.Kind, errors.New("nobody knows how")
	}
	if awscall.Is(err, absent...) {
		return false, call, nil
	}
	return err == nil, call, err
}
