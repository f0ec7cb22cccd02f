// Package replica takes the replica of the user pool out of a region that has left, where no stack of the region did so. Cognito holds
// one replica at a time, and deletes it only while it is inactive.
package replica

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/sensorflow/sensorflow/infra/config"
	"github.com/sensorflow/sensorflow/infra/operate/awscall"
)

// PoolOutput is the output of the state's stack that tells the user pool's id.
const PoolOutput = "UserPoolId"

const (
	// Timeout bounds a detachment; a replica with many people is deleted in minutes.
	Timeout = 30 * time.Minute
	// callTimeout bounds one look at AWS, and pollEvery is how often the progress is looked at.
	callTimeout = 30 * time.Second
	pollEvery   = 5 * time.Second
)

// Replica is a replica of a user pool, as Cognito tells it.
type Replica struct {
	RegionName string
	// Status is CREATING, INACTIVE, ACTIVE or DELETING.
	Status string
	// Role is PRIMARY or SECONDARY.
	Role string
}

// List lists the secondary replicas of a user pool.
func List(ctx context.Context, calls awscall.Caller, primary, pool string) ([]Replica, error) {
	var all []Replica
	for token := ""; ; {
		in := map[string]any{"UserPoolId": pool}
		if token != "" {
			in["NextToken"] = token
		}
		var page struct {
			UserPoolReplicas []Replica
			NextToken        string
		}
		if err := call(ctx, calls, primary, "ListUserPoolReplicas", in, &page); err != nil {
			return nil, err
		}
		for _, r := range page.UserPoolReplicas {
			if r.Role != "PRIMARY" && r.RegionName != primary {
				all = append(all, r)
			}
		}
		if token = page.NextToken; token == "" {
			return all, nil
		}
	}
}

// call makes a call of Cognito in the pool's primary region.
func call(ctx context.Context, calls awscall.Caller, primary, operation string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return calls.JSON(ctx, "cognito-idp", primary, "AWSCognitoIdentityProviderService."+operation, in, out)
}

// Options are what a detachment needs. All fields are required.
type Options struct {
	Environment config.Environment
	// Region is that of the replica.
	Region string
	AWS    aws.Config
	Out    io.Writer
	// Confirm asks whether to do what was said.
	Confirm func() (bool, error)
	// Wait waits, or returns the context's error.
	Wait func(ctx context.Context, d time.Duration) error
}

type detachment struct {
	Options
	calls awscall.Caller
	pool  string
}

// Detach switches the replica in a region off and deletes it, and tells the progress until it is gone. It refuses while the region
// serves, and does nothing where there is no replica. After an error it may be called again.
func Detach(ctx context.Context, o Options) error {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	d := &detachment{Options: o, calls: awscall.Caller{Config: o.AWS}}
	if err := d.look(ctx); err != nil {
		return err
	}
	now, err := d.replica(ctx)
	switch {
	case err != nil:
		return err
	case now == nil:
		d.say("The user pool %s has no replica in %s.", d.pool, d.Region)
		return nil
	case now.Status == "CREATING":
		return fmt.Errorf("the replica of the user pool %s in %s is being made: wait until it is there", d.pool, d.Region)
	}
	d.say("The replica of the user pool %s in %s is %s. It will be switched off and deleted: nobody signs in there then.", d.pool, d.Region,
		now.Status)
	agreed, err := d.Confirm()
	if err != nil {
		return fmt.Errorf("ask whether to go on: %w", err)
	}
	if !agreed {
		return errors.New("nothing was changed")
	}
	return d.drive(ctx, now)
}

// look finds the pool, and sees that the region may lose it.
func (d *detachment) look(ctx context.Context) error {
	e := d.Environment
	if d.Region == e.Primary() {
		return fmt.Errorf("the user pool itself is in %s, and no replica of it", d.Region)
	}
	state, err := d.describe(ctx, e.State())
	if err != nil {
		return err
	}
	if d.pool = state[PoolOutput]; d.pool == "" {
		return fmt.Errorf("there is no stack %s in %s with the output %s", e.State().Name, e.State().Region, PoolOutput)
	}
	if slices.Contains(e.Leaving, d.Region) || slices.Contains(e.Adopted, d.Region) || !slices.Contains(e.Regions, d.Region) {
		return nil
	}
	serving, err := d.describe(ctx, e.Region(d.Region))
	switch {
	case err != nil:
		return fmt.Errorf("%w; if the region is lost, put %s into environments.%s.leaving in %s first", err, d.Region, e.Name, config.File)
	case serving != nil:
		return fmt.Errorf("%s serves: the stack %s is there, and environments.%s.leaving in %s does not name the region", d.Region,
			e.Region(d.Region).Name, e.Name, config.File)
	}
	return nil
}

// describe returns the outputs of a stack, nil where it is not there.
func (d *detachment) describe(ctx context.Context, s config.Stack) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	answer, err := cloudformation.NewFromConfig(d.AWS, func(o *cloudformation.Options) { o.Region = s.Region }).
		DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &s.Name})
	if awscall.Is(err, "ValidationError") && strings.Contains(err.Error(), "does not exist") {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look at the stack %s: %s", s.Name, awscall.Reason("cloudformation:DescribeStacks", err))
	}
	outputs := map[string]string{}
	for _, stack := range answer.Stacks {
		for _, output := range stack.Outputs {
			outputs[aws.ToString(output.OutputKey)] = aws.ToString(output.OutputValue)
		}
	}
	return outputs, nil
}

// replica is what Cognito tells of the replica in the region; nil where there is none.
func (d *detachment) replica(ctx context.Context) (*Replica, error) {
	all, err := List(ctx, d.calls, d.Environment.Primary(), d.pool)
	if err != nil {
		return nil, fmt.Errorf("look at the replicas of %s: %s", d.pool, awscall.Reason("cognito-idp:ListUserPoolReplicas", err))
	}
	at := slices.IndexFunc(all, func(r Replica) bool { return r.RegionName == d.Region })
	if at < 0 {
		return nil, nil
	}
	return &all[at], nil
}

// drive does what comes next, whatever state the replica is in, until it is gone. Each change is asked for once.
func (d *detachment) drive(ctx context.Context, now *Replica) error {
	asked := map[string]bool{}
	for now != nil {
		if !asked[now.Status] {
			asked[now.Status] = true
			if err := d.ask(ctx, now.Status); err != nil {
				return err
			}
		}
		if err := d.Wait(ctx, pollEvery); err != nil {
			return fmt.Errorf("wait for the replica, which is %s: %w", now.Status, err)
		}
		var err error
		if now, err = d.replica(ctx); err != nil {
			return err
		}
	}
	d.say("It is gone.")
	return nil
}

// ask asks Cognito for the change that leads out of a state.
func (d *detachment) ask(ctx context.Context, status string) error {
	in := map[string]any{"UserPoolId": d.pool, "RegionName": d.Region}
	var operation string
	switch status {
	case "ACTIVE":
		operation, in["Status"] = "UpdateUserPoolReplica", "INACTIVE"
		d.say("Switching it off.")
	case "INACTIVE":
		operation = "DeleteUserPoolReplica"
		d.say("Deleting it.")
	default:
		return nil // it changes by itself
	}
	if err := call(ctx, d.calls, d.Environment.Primary(), operation, in, nil); err != nil {
		return fmt.Errorf("change the replica: %s", awscall.Reason("cognito-idp:"+operation, err))
	}
	return nil
}

func (d *detachment) say(format string, arguments ...any) {
	_, _ = fmt.Fprintf(d.Out, format+"\n", arguments...) // a terminal that is gone stops nothing
}
