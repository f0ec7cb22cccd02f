package preflight

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sensorflow/sensorflow/infra/config"
	"github.com/sensorflow/sensorflow/infra/operate/awscall"
)

// CheckTimeout bounds each check. Three of them follow each other at most, so that a machine without a network is told within 20 s.
const CheckTimeout = 6 * time.Second

// checksMax is how many checks run at once.
const checksMax = 16

// Points, in the order in which they are told.
const (
	pointNode        = "Node.js"
	pointCLI         = "CDK"
	pointDocker      = "Docker"
	pointCredentials = "credentials"
	pointAccount     = "account"
	pointRegions     = "regions"
	pointBootstrap   = "bootstrap"
	pointStacks      = "stacks"
	pointNames       = "names"
	pointAddresses   = "addresses"
	pointNetworks    = "networks"
	pointFunctions   = "functions"
	pointCognito     = "Cognito"
	pointRole        = "ECS role"
)

// Options are what a look needs. All fields are required.
type Options struct {
	// Environment is what is to be deployed; its account may be empty, and is that of the credentials then.
	Environment config.Environment
	AWS         aws.Config
	Machine     Machine
}

// Begin finds what a task cannot begin without: credentials that AWS accepts, of the right account, and for a deployment
// the CDK at home in each region. The error has a sentence for each. What nobody may look at is no reason.
func Begin(ctx context.Context, environment config.Environment, account aws.Config, deploys bool) error {
	l := &look{Options: Options{Environment: environment, AWS: account}, calls: awscall.Caller{Config: account}}
	found := l.bounded(ctx, l.account)
	objects := func(f Finding) bool { return f.Status == Missing || f.Status == Unknown && f.Point == pointCredentials }
	at := slices.IndexFunc(found, objects)
	switch {
	case at >= 0:
		found = found[at : at+1] // the rest only follows from it
	case deploys:
		var checks []check
		for _, region := range environment.Regions {
			checks = append(checks, in(region, l.bootstrap))
		}
		found = l.all(ctx, checks)
	}
	var sentences []error
	for _, line := range (Report{Findings: slices.DeleteFunc(found, func(f Finding) bool { return !objects(f) })}).lines() {
		sentences = append(sentences, errors.New(line.point+": "+line.where()+line.text))
	}
	return errors.Join(sentences...)
}

// Look checks everything and returns the report. It takes at most three times CheckTimeout.
func Look(ctx context.Context, o Options) Report {
	l := &look{Options: o, calls: awscall.Caller{Config: o.AWS}}
	var machine []Finding
	var local sync.WaitGroup
	local.Go(func() { machine = o.Machine.look(ctx) })
	account := l.bounded(ctx, l.account)
	there := l.inAccount(ctx, account)
	local.Wait()
	return Report{o.Environment.Name, o.Environment.Regions, append(append(machine, account...), there...)}
}

type look struct {
	Options
	calls  awscall.Caller
	stacks map[string]stackState // by name
}

// check finds something out.
type check func(ctx context.Context) []Finding

// bounded runs a check with its deadline.
func (l *look) bounded(ctx context.Context, c check) []Finding {
	ctx, cancel := context.WithTimeout(ctx, CheckTimeout)
	defer cancel()
	return c(ctx)
}

// inAccount looks at the account, where the credentials are for it.
func (l *look) inAccount(ctx context.Context, account []Finding) []Finding {
	reason := ""
	for _, f := range account {
		if f.Status == Missing || f.Status == Unknown {
			reason = "nobody looked, for want of credentials of the account"
		}
	}
	if reason != "" {
		var all []Finding
		for _, point := range []string{
			pointRegions, pointBootstrap, pointStacks, pointNames, pointAddresses, pointNetworks, pointFunctions,
		} {
			all = append(all, Finding{Point: point, Status: Unknown, Text: reason})
		}
		return append(append(all, l.cognito(ctx)...), Finding{Point: pointRole, Status: Note, Text: reason})
	}
	stacks := l.bounded(ctx, l.lookAtStacks)
	checks := []check{l.regions}
	for _, region := range l.Environment.Regions {
		checks = append(checks, in(region, l.bootstrap))
	}
	checks = append(checks, func(context.Context) []Finding { return stacks })
	checks = append(checks, l.names)
	for _, of := range []func(context.Context, string) Finding{l.addresses, l.networks, l.functions} {
		for _, region := range l.Environment.Regions {
			checks = append(checks, in(region, of))
		}
	}
	checks = append(checks, l.cognito, l.role)
	return l.all(ctx, checks)
}

// in is a check of one region.
func in(region string, of func(ctx context.Context, region string) Finding) check {
	return func(ctx context.Context) []Finding { return []Finding{of(ctx, region)} }
}

// all runs checks side by side, and keeps their order.
func (l *look) all(ctx context.Context, checks []check) []Finding {
	found := make([][]Finding, len(checks))
	free := make(chan struct{}, checksMax)
	var running sync.WaitGroup
	for i, c := range checks {
		running.Go(func() {
			free <- struct{}{}
			defer func() { <-free }()
			found[i] = l.bounded(ctx, c)
		})
	}
	running.Wait()
	var all []Finding
	for _, f := range found {
		all = append(all, f...)
	}
	return all
}
