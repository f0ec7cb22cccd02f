package rollback

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// eventPagesMax bounds how far back the events are read, 100 to a page. A deployment of everything has about two hundred.
const eventPagesMax = 50

// Kinds of resources, as the events name them.
const (
	kindStack    = "AWS::CloudFormation::Stack"
	kindService  = "AWS::ECS::Service"
	kindFunction = "AWS::Lambda::Function"
	kindTask     = "AWS::ECS::TaskDefinition"
)

// change is the last deployment that changed the service or functions.
type change struct {
	began     time.Time
	ended     types.ResourceStatus
	service   string            // its ARN; empty where it did not change
	functions map[string]string // physical names by logical ids
}

// checkStack sees that the stack is there and that nothing changes it.
func (r *rollback) checkStack(ctx context.Context) error {
	answer, err := r.stacks.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &r.Stack})
	if err != nil {
		if code(err) == "ValidationError" && strings.Contains(err.Error(), "does not exist") {
			return fmt.Errorf("there is no stack %s in %s", r.Stack, r.Region)
		}
		return fmt.Errorf("look at the stack: %w", err)
	}
	if len(answer.Stacks) != 1 {
		return errors.New("look at the stack: the answer has none")
	}
	if status := string(answer.Stacks[0].StackStatus); strings.HasSuffix(status, "_IN_PROGRESS") {
		return fmt.Errorf("a deployment is in progress: %s is %s. Wait until it is over; if it fails, it goes back by itself", r.Stack, status)
	}
	return nil
}

// lastChange looks for the newest deployment that was not itself undone and that changed the service or a function.
func (r *rollback) lastChange(ctx context.Context) (change, error) {
	pages := cloudformation.NewDescribeStackEventsPaginator(r.stacks, &cloudformation.DescribeStackEventsInput{StackName: &r.Stack})
	c := newChange()
	for n := 0; pages.HasMorePages() && n < eventPagesMax; n++ {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return change{}, fmt.Errorf("read the events of the stack: %w", err)
		}
		for _, e := range page.StackEvents {
			isStack := aws.ToString(e.ResourceType) == kindStack && aws.ToString(e.LogicalResourceId) == r.Stack
			switch {
			case !isStack:
				c.add(e)
			case e.ResourceStatus == types.ResourceStatusCreateInProgress:
				return change{}, errNothingBefore
			case e.ResourceStatus != types.ResourceStatusUpdateInProgress:
				c.end(e.ResourceStatus)
			case c.counts():
				c.began = aws.ToTime(e.Timestamp)
				return c, nil
			default:
				c = newChange()
			}
		}
	}
	return change{}, errors.New("the events of the stack do not tell which deployment changed the service or functions: " +
		"CloudFormation forgets them after 90 days")
}

func newChange() change { return change{functions: map[string]string{}} }

// end takes note of how a deployment ended: events come newest first, so the first one of the stack tells.
func (c *change) end(status types.ResourceStatus) {
	if c.ended == "" {
		c.ended = status
	}
}

// counts tells whether the deployment stayed and changed what runs.
func (c *change) counts() bool {
	return c.ended == types.ResourceStatusUpdateComplete && (c.service != "" || len(c.functions) > 0)
}

// add takes note of a part that was changed.
func (c *change) add(e types.StackEvent) {
	if e.ResourceStatus != types.ResourceStatusUpdateComplete {
		return
	}
	switch aws.ToString(e.ResourceType) {
	case kindService:
		c.service = aws.ToString(e.PhysicalResourceId)
	case kindFunction:
		c.functions[aws.ToString(e.LogicalResourceId)] = aws.ToString(e.PhysicalResourceId)
	}
}

// stackTask is the task definition that the stack gives the service. The stack has more resources than one answer holds.
func (r *rollback) stackTask(ctx context.Context) (string, error) {
	pages := cloudformation.NewListStackResourcesPaginator(r.stacks, &cloudformation.ListStackResourcesInput{StackName: &r.Stack})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", fmt.Errorf("list the resources of the stack: %w", err)
		}
		for _, resource := range page.StackResourceSummaries {
			if aws.ToString(resource.ResourceType) == kindTask {
				return aws.ToString(resource.PhysicalResourceId), nil
			}
		}
	}
	return "", errors.New("the stack has no task definition")
}
