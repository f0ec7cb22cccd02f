package rollback

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// deploymentsMax is how many deployments of the service are looked at, newest first. ECS keeps them for 90 days.
const deploymentsMax = 100

// bound are the settings that what is in the tables depends on.
var bound = []string{
	contract.EnvIndexShards, contract.EnvFleetBuckets, contract.EnvReadingsTable, contract.EnvAggregatesTable,
	contract.EnvRevocationsTable, contract.EnvUploadsTable, contract.EnvUploadsBucket,
}

// serviceStep puts the service back.
type serviceStep struct {
	cluster, service string
	from, to         string // task definitions
	before           string // the deployment that is there now
	// gone is the task definition to go back to where CloudFormation has taken it out of use, as it does with what it replaces.
	gone *types.TaskDefinition
}

// planService returns nil where there is nothing to do, with the reason.
func (r *rollback) planService(ctx context.Context, c change) (*serviceStep, string, error) {
	if c.service == "" {
		return nil, "the deployment did not change it", nil
	}
	parts := strings.Split(c.service, "/") // arn:aws:ecs:<region>:<account>:service/<cluster>/<name>
	if len(parts) != 3 {
		return nil, "", fmt.Errorf("%s is no service of a cluster", c.service)
	}
	step := &serviceStep{cluster: parts[1], service: c.service}
	deployments, err := r.deployments(ctx, step)
	if err != nil {
		return nil, "", err
	}
	if len(deployments) == 0 {
		return nil, "", errors.New("ECS remembers no deployment of the service")
	}
	step.before = aws.ToString(deployments[0].ServiceDeploymentArn)
	if status := deployments[0].Status; !over(status) {
		return nil, "", fmt.Errorf("a deployment of the service is in progress: it is %s. Wait until it is over", status)
	}
	wanted, err := r.stackTask(ctx)
	if err != nil {
		return nil, "", err
	}
	if step.from, step.to, err = r.ran(ctx, deployments, c.began); err != nil {
		return nil, "", err
	}
	switch {
	case step.from != wanted:
		return nil, "it was rolled back already, and runs " + short(step.from), nil
	case step.to == "":
		return nil, "nothing ran before that ECS remembers", nil
	default:
		return step, "", r.checkSettings(ctx, step)
	}
}

// ran returns the task definition that the last successful deployment brought, and another one that the last before a moment did;
// empty where ECS remembers none.
func (r *rollback) ran(
	ctx context.Context, deployments []types.ServiceDeploymentBrief, moment time.Time,
) (now, before string, err error) {
	tasks, err := r.taskDefinitions(ctx, deployments)
	if err != nil {
		return "", "", err
	}
	for _, d := range deployments {
		task := tasks[aws.ToString(d.TargetServiceRevisionArn)]
		switch {
		case d.Status != types.ServiceDeploymentStatusSuccessful:
		case now == "":
			now = task
		case aws.ToTime(d.CreatedAt).Before(moment) && task != now:
			return now, task, nil
		}
	}
	return now, "", nil
}

// deployments lists those of a service, newest first.
func (r *rollback) deployments(ctx context.Context, of *serviceStep) ([]types.ServiceDeploymentBrief, error) {
	var all []types.ServiceDeploymentBrief
	input := &ecs.ListServiceDeploymentsInput{Service: &of.service, Cluster: &of.cluster}
	for len(all) < deploymentsMax {
		answer, err := r.services.ListServiceDeployments(ctx, input)
		if err != nil {
			return nil, fmt.Errorf("list the deployments of the service: %w", err)
		}
		all = append(all, answer.ServiceDeployments...)
		if input.NextToken = answer.NextToken; input.NextToken == nil {
			break
		}
	}
	slices.SortStableFunc(all, func(a, b types.ServiceDeploymentBrief) int {
		return aws.ToTime(b.CreatedAt).Compare(aws.ToTime(a.CreatedAt))
	})
	return all, nil
}

// taskDefinitions returns those of the revisions that deployments brought, by the revision.
func (r *rollback) taskDefinitions(ctx context.Context, deployments []types.ServiceDeploymentBrief) (map[string]string, error) {
	var revisions []string
	for _, d := range deployments {
		if revision := aws.ToString(d.TargetServiceRevisionArn); revision != "" && !slices.Contains(revisions, revision) {
			revisions = append(revisions, revision)
		}
	}
	tasks := map[string]string{}
	for some := range slices.Chunk(revisions, 20) { // as many as ECS takes
		answer, err := r.services.DescribeServiceRevisions(ctx, &ecs.DescribeServiceRevisionsInput{ServiceRevisionArns: some})
		if err != nil {
			return nil, fmt.Errorf("look at the revisions of the service: %w", err)
		}
		for _, revision := range answer.ServiceRevisions {
			tasks[aws.ToString(revision.ServiceRevisionArn)] = aws.ToString(revision.TaskDefinition)
		}
	}
	return tasks, nil
}

// checkSettings sees that what ran before can run on the data of now.
func (r *rollback) checkSettings(ctx context.Context, step *serviceStep) error {
	from, err := r.task(ctx, step.from)
	if err != nil {
		return err
	}
	to, err := r.task(ctx, step.to)
	if err != nil {
		return err
	}
	if to.Status != types.TaskDefinitionStatusActive {
		step.gone = to
	}
	now, before := settings(from), settings(to)
	var differ []string
	for _, key := range bound {
		if now[key] != before[key] {
			differ = append(differ, fmt.Sprintf("%s (%q, before %q)", key, now[key], before[key]))
		}
	}
	if len(differ) > 0 {
		return fmt.Errorf("the deployment changed what the data depends on: %s. What ran before must not run on it: deploy a correction", strings.Join(differ, ", "))
	}
	return nil
}

func (r *rollback) task(ctx context.Context, name string) (*types.TaskDefinition, error) {
	answer, err := r.services.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &name})
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", short(name), err)
	}
	if answer.TaskDefinition == nil {
		return nil, fmt.Errorf("look at %s: the answer has none", short(name))
	}
	return answer.TaskDefinition, nil
}

// settings are the variables of the containers.
func settings(of *types.TaskDefinition) map[string]string {
	all := map[string]string{}
	for _, container := range of.ContainerDefinitions {
		for _, variable := range container.Environment {
			all[aws.ToString(variable.Name)] = aws.ToString(variable.Value)
		}
	}
	return all
}

// startService lets ECS begin.
func (r *rollback) startService(ctx context.Context, step *serviceStep) error {
	if step.gone != nil {
		if err := r.registerAgain(ctx, step); err != nil {
			return err
		}
	}
	_, err := r.services.UpdateService(ctx, &ecs.UpdateServiceInput{
		Cluster: &step.cluster, Service: &step.service, TaskDefinition: &step.to,
	})
	if err != nil {
		return fmt.Errorf("put the service back: %w", err)
	}
	r.say("service: ECS deploys %s", short(step.to))
	return nil
}

// registerAgain makes a revision like the one that is out of use, since ECS starts no task of that.
func (r *rollback) registerAgain(ctx context.Context, step *serviceStep) error {
	was := step.gone
	answer, err := r.services.RegisterTaskDefinition(ctx, &ecs.RegisterTaskDefinitionInput{
		Family: was.Family, ContainerDefinitions: was.ContainerDefinitions, Cpu: was.Cpu, Memory: was.Memory,
		NetworkMode: was.NetworkMode, RequiresCompatibilities: was.RequiresCompatibilities, RuntimePlatform: was.RuntimePlatform,
		ExecutionRoleArn: was.ExecutionRoleArn, TaskRoleArn: was.TaskRoleArn, Volumes: was.Volumes,
		EphemeralStorage: was.EphemeralStorage, PlacementConstraints: was.PlacementConstraints, PidMode: was.PidMode, IpcMode: was.IpcMode,
		ProxyConfiguration: was.ProxyConfiguration, EnableFaultInjection: was.EnableFaultInjection,
	})
	if err != nil {
		return fmt.Errorf("register %s again: %w", short(step.to), err)
	}
	if answer.TaskDefinition == nil {
		return fmt.Errorf("register %s again: the answer has none", short(step.to))
	}
	made := aws.ToString(answer.TaskDefinition.TaskDefinitionArn)
	r.say("service: %s is registered again as %s", short(step.to), short(made))
	step.to = made
	return nil
}

// awaitService tells the progress until the service is stable on what ran before.
func (r *rollback) awaitService(ctx context.Context, step *serviceStep) error {
	last := ""
	for {
		deployments, err := r.deployments(ctx, step)
		if err != nil {
			return err
		}
		if len(deployments) > 0 && aws.ToString(deployments[0].ServiceDeploymentArn) != step.before {
			d := deployments[0]
			if said := strings.TrimSpace(string(d.Status) + " " + aws.ToString(d.StatusReason)); said != last {
				r.say("service: %s", said)
				last = said
			}
			switch {
			case d.Status == types.ServiceDeploymentStatusSuccessful:
				return nil
			case over(d.Status):
				return fmt.Errorf("the service did not become stable on %s: its deployment is %s", short(step.to), said(d))
			}
		}
		if err := r.Wait(ctx, pollEvery); err != nil {
			return fmt.Errorf("wait for the service: %w", err)
		}
	}
}

func said(d types.ServiceDeploymentBrief) string {
	return strings.TrimSpace(string(d.Status) + " " + aws.ToString(d.StatusReason))
}

// over tells whether a deployment has ended, well or not.
func over(status types.ServiceDeploymentStatus) bool {
	return slices.Contains([]types.ServiceDeploymentStatus{
		types.ServiceDeploymentStatusSuccessful, types.ServiceDeploymentStatusStopped,
		types.ServiceDeploymentStatusRollbackSuccessful, types.ServiceDeploymentStatusRollbackFailed,
	}, status)
}

// short is the last part of an ARN.
func short(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }

// pollEvery is how often the progress is looked at.
const pollEvery = 10 * time.Second
