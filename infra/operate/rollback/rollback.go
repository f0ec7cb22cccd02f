package rollback

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/smithy-go"

	"github.com/sensorflow/sensorflow/infra/operate/awscall"
)

// Timeout bounds a rollback, the shifting of traffic included.
const Timeout = time.Hour

// planTimeout bounds the look at what there is.
const planTimeout = time.Minute

// errNothingBefore says that there was one deployment only.
var errNothingBefore = errors.New("nothing ran before: the stack was created, and no deployment has changed the service or functions since")

// Options are what a rollback needs. All fields are required.
type Options struct {
	// Stack is the name of the region's stack.
	Stack, Region string
	AWS           aws.Config
	// HTTP gets the code of earlier versions.
	HTTP *http.Client
	Out  io.Writer
	// Confirm asks whether to do what was said.
	Confirm func() (bool, error)
	// Wait waits, or returns the context's error.
	Wait func(ctx context.Context, d time.Duration) error
}

type rollback struct {
	Options
	stacks   *cloudformation.Client
	services *ecs.Client
	calls    awscall.Caller
}

// plan is what a rollback will do.
type plan struct {
	service   *serviceStep
	functions []functionStep
}

// Run says what it will do, asks, does it, and tells the progress until everything is stable. An error is a sentence; after one that
// came late, some parts may be back and others not: run it again.
func Run(ctx context.Context, o Options) error {
	ctx, cancel := context.WithTimeout(ctx, Timeout)
	defer cancel()
	r := &rollback{
		Options:  o,
		stacks:   cloudformation.NewFromConfig(o.AWS, func(s *cloudformation.Options) { s.Region = o.Region }),
		services: ecs.NewFromConfig(o.AWS, func(s *ecs.Options) { s.Region = o.Region }),
		calls:    awscall.Caller{Config: o.AWS},
	}
	p, err := r.plan(ctx)
	if err != nil {
		return err
	}
	agreed, err := r.Confirm()
	if err != nil {
		return fmt.Errorf("ask whether to go on: %w", err)
	}
	if !agreed {
		return errors.New("nothing was changed")
	}
	if err := r.do(ctx, p); err != nil {
		return err
	}
	r.say("%s is back on what ran before.", r.Stack)
	return nil
}

// plan looks at everything and says what will be done.
func (r *rollback) plan(ctx context.Context) (plan, error) {
	ctx, cancel := context.WithTimeout(ctx, planTimeout)
	defer cancel()
	if err := r.checkStack(ctx); err != nil {
		return plan{}, err
	}
	c, err := r.lastChange(ctx)
	if err != nil {
		return plan{}, err
	}
	var p plan
	service, stays, err := r.planService(ctx, c)
	if err != nil {
		return plan{}, err
	}
	functions, stay, err := r.planFunctions(ctx, c)
	if err != nil {
		return plan{}, err
	}
	p.service, p.functions = service, functions
	r.say("%s in %s: the last deployment that changed what runs began at %s.", r.Stack, r.Region, c.began.UTC().Format(time.RFC3339))
	if service != nil {
		r.say("  service: from %s back to %s, by a deployment that shifts the requests as every other does", short(service.from), short(service.to))
	} else {
		r.say("  service: stays; %s", stays)
	}
	for _, f := range functions {
		r.say("  %s: back to the code of version %d, with its settings of now", f.id, f.version)
	}
	for _, reason := range stay {
		r.say("  %s", reason)
	}
	if service == nil && len(functions) == 0 {
		return plan{}, errors.New("there is nothing to roll back")
	}
	r.say("CloudFormation does not know of it: the next make deploy brings the new version of what it changes, and leaves the rest as it is then.")
	return p, nil
}

// do starts with the service, which takes minutes, and puts the functions back meanwhile.
func (r *rollback) do(ctx context.Context, p plan) error {
	var failures []error
	if p.service != nil {
		if err := r.startService(ctx, p.service); err != nil {
			return err
		}
	}
	for _, f := range p.functions {
		if err := r.putBack(ctx, f); err != nil {
			failures = append(failures, err)
		}
	}
	if p.service != nil {
		if err := r.awaitService(ctx, p.service); err != nil {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}

func (r *rollback) say(format string, arguments ...any) {
	_, _ = fmt.Fprintf(r.Out, format+"\n", arguments...) // a terminal that is gone stops no rollback
}

// code is what a service calls its refusal.
func code(err error) string {
	var refused smithy.APIError
	if errors.As(err, &refused) {
		return refused.ErrorCode()
	}
	return ""
}
