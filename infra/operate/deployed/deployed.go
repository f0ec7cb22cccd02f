// Package deployed looks at the stacks that CloudFormation has: at what of them would stay when they are destroyed, and at those whose
// creation failed.
package deployed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"github.com/sensorflow/sensorflow/infra/config"
	"github.com/sensorflow/sensorflow/infra/operate/awscall"
	"github.com/sensorflow/sensorflow/infra/stays"
)

// lookTimeout bounds the look at one stack.
const lookTimeout = 30 * time.Second

// Look returns those of the stacks that are there, each with the template, the protection and the names that it has in AWS, whatever was
// synthesized. An error is a sentence.
func Look(ctx context.Context, account aws.Config, stacks []stays.Stack) ([]stays.Stack, error) {
	found, problems := make([]*stays.Stack, len(stacks)), make([]error, len(stacks))
	var running sync.WaitGroup
	for i, s := range stacks {
		running.Go(func() { found[i], problems[i] = look(ctx, account, s) })
	}
	running.Wait()
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	var there []stays.Stack
	for _, s := range found {
		if s != nil {
			there = append(there, *s)
		}
	}
	return there, nil
}

// look returns nil where there is no such stack.
func look(ctx context.Context, account aws.Config, s stays.Stack) (*stays.Stack, error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	client := inRegion(account, s.Region)
	described, err := describe(ctx, client, s.Name)
	if err != nil || described == nil {
		return nil, err
	}
	s.Protected = aws.ToBool(described.EnableTerminationProtection)
	template, err := client.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: &s.Name})
	if err != nil {
		return nil, fmt.Errorf("look at the stack %s: %s", s.Name, awscall.Reason("cloudformation:GetTemplate", err))
	}
	if s.Resources, err = stays.Resources(aws.ToString(template.TemplateBody)); err != nil {
		return nil, fmt.Errorf("look at the stack %s: %w", s.Name, err)
	}
	s.Names = map[string]string{}
	pages := cloudformation.NewListStackResourcesPaginator(client, &cloudformation.ListStackResourcesInput{StackName: &s.Name})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("look at the stack %s: %s", s.Name, awscall.Reason("cloudformation:ListStackResources", err))
		}
		for _, r := range page.StackResourceSummaries {
			s.Names[aws.ToString(r.LogicalResourceId)] = aws.ToString(r.PhysicalResourceId)
		}
	}
	return &s, nil
}

func inRegion(account aws.Config, region string) *cloudformation.Client {
	return cloudformation.NewFromConfig(account, func(o *cloudformation.Options) { o.Region = region })
}

// describe returns nil where there is no such stack.
func describe(ctx context.Context, client *cloudformation.Client, name string) (*types.Stack, error) {
	answer, err := client.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	switch {
	case awscall.Is(err, "ValidationError") && strings.Contains(err.Error(), "does not exist"):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("look at the stack %s: %s", name, awscall.Reason("cloudformation:DescribeStacks", err))
	case len(answer.Stacks) != 1:
		return nil, fmt.Errorf("look at the stack %s: the answer has none", name)
	}
	return &answer.Stacks[0], nil
}

// MakeWay ends the protection of those of the stacks whose creation failed, and tells which they are. Such a stack holds nothing that
// serves, cannot be updated, and is in the way of the next attempt: the CDK's command line deletes it and makes it anew, but it protects
// each stack before it makes it, and cannot delete what is protected. A stack that nobody may look at is told and left as it is, since
// the command line deploys with another role.
func MakeWay(ctx context.Context, account aws.Config, stacks []config.Stack, out io.Writer) {
	told := make([]string, len(stacks))
	var running sync.WaitGroup
	for i, s := range stacks {
		running.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, lookTimeout)
			defer cancel()
			told[i] = makeWay(ctx, inRegion(account, s.Region), s)
		})
	}
	running.Wait()
	for _, line := range told {
		if line != "" {
			_, _ = fmt.Fprintln(out, line) // a terminal that is gone stops nothing
		}
	}
}

// makeWay says what it did; nothing where there was nothing to do.
func makeWay(ctx context.Context, client *cloudformation.Client, s config.Stack) string {
	stack, err := describe(ctx, client, s.Name)
	switch {
	case err != nil:
		return "nobody looked whether the creation of " + s.Name + " has failed: " + err.Error()
	case stack == nil || !creationFailed(stack.StackStatus) || !aws.ToBool(stack.EnableTerminationProtection):
		return ""
	}
	off := false
	_, err = client.UpdateTerminationProtection(ctx, &cloudformation.UpdateTerminationProtectionInput{
		StackName: &s.Name, EnableTerminationProtection: &off,
	})
	if err != nil {
		return fmt.Sprintf("the creation of %s has failed, and its protection cannot be ended: %s", s.Name,
			awscall.Reason("cloudformation:UpdateTerminationProtection", err))
	}
	return fmt.Sprintf("the creation of %s has failed (%s): its protection is ended, so that it can be deleted and made anew", s.Name,
		stack.StackStatus)
}

// creationFailed tells whether the CDK's command line deletes a stack before it deploys it.
func creationFailed(status types.StackStatus) bool {
	return status == types.StackStatusRollbackComplete || status == types.StackStatusRollbackFailed
}
