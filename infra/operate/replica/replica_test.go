package replica_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sensorflow/sensorflow/infra/config"
	"github.com/sensorflow/sensorflow/infra/operate/internal/awstest"
	"github.com/sensorflow/sensorflow/infra/operate/replica"
)

const (
	state   = "SensorFlow-dev-state eu-west-1"
	service = "SensorFlow-dev-eu-central-1 eu-central-1"
)

func environment(leaving ...string) config.Environment {
	return config.Environment{Name: "dev", Regions: []string{"eu-west-1", "eu-central-1"}, Leaving: leaving}
}

// detach detaches eu-central-1, or another region, and returns what was said.
func detach(t *testing.T, a *awstest.Account, e config.Environment, region string, yes bool) (string, error) {
	t.Helper()
	var out strings.Builder
	err := replica.Detach(t.Context(), replica.Options{
		Environment: e, Region: region, AWS: a.Config(), Out: &out,
		Confirm: func() (bool, error) { return yes, nil },
		Wait:    func(context.Context, time.Duration) error { return nil },
	})
	return out.String(), err
}

// deployed is an account with a pool whose replica has a status; empty where there is none.
func deployed(t *testing.T, status string) *awstest.Account {
	a := awstest.New(t)
	a.Stacks[state] = &awstest.Stack{Status: "CREATE_COMPLETE", Outputs: map[string]string{replica.PoolOutput: "eu-west-1_AbC"}}
	if status != "" {
		a.Replicas["eu-central-1"] = status
	}
	return a
}

func TestDetach_SwitchesTheReplicaOffAndDeletesIt(t *testing.T) {
	off, gone := "UpdateUserPoolReplica eu-central-1", "DeleteUserPoolReplica eu-central-1"
	for status, want := range map[string][]string{"ACTIVE": {off, gone}, "INACTIVE": {gone}, "DELETING": nil, "": nil} {
		a := deployed(t, status)
		said, err := detach(t, a, environment("eu-central-1"), "eu-central-1", true)
		if err != nil || !slices.Equal(a.Changes, want) || len(a.Replicas) != 0 {
			t.Errorf("%q: error %v, changes %q, want %q, left %v\n%s", status, err, a.Changes, want, a.Replicas, said)
		}
		if end := "It is gone.\n"; status != "" && !strings.HasSuffix(said, end) {
			t.Errorf("%q: said %s", status, said)
		}
		if again, err := detach(t, a, environment("eu-central-1"), "eu-central-1", true); err != nil ||
			again != "The user pool eu-west-1_AbC has no replica in eu-central-1.\n" {
			t.Errorf("%q: once more: error %v, said %s", status, err, again)
		}
	}
}

// TestDetach_OfARegionThatHasLeft needs neither the region in the configuration nor its stack.
func TestDetach_OfARegionThatHasLeft(t *testing.T) {
	for name, e := range map[string]config.Environment{
		"the stack is gone": environment(),
		"it is adopted":     {Name: "dev", Regions: []string{"eu-west-1"}, Adopted: []string{"eu-central-1"}},
		"another took over": {Name: "dev", Regions: []string{"eu-west-1", "eu-west-3"}, Adopted: []string{"eu-central-1"}},
	} {
		a := deployed(t, "ACTIVE")
		if said, err := detach(t, a, e, "eu-central-1", true); err != nil || len(a.Replicas) != 0 {
			t.Errorf("%s: error %v, left %v\n%s", name, err, a.Replicas, said)
		}
	}
}

func TestDetach_Refuses(t *testing.T) {
	serving := func(a *awstest.Account) { a.Stacks[service] = &awstest.Stack{Status: "CREATE_COMPLETE"} }
	for name, c := range map[string]struct {
		status, region string
		change         func(a *awstest.Account)
		leaving        []string
		yes            bool
		want           string
	}{
		"the primary": {"ACTIVE", "eu-west-1", serving, nil, true, "the user pool itself is in eu-west-1, and no replica of it"},
		"a region that serves": {
			"ACTIVE", "eu-central-1", serving, nil, true, "eu-central-1 serves: the stack SensorFlow-dev-eu-central-1 is there, and " +
				"environments.dev.leaving in cdk.json does not name the region",
		},
		"a no":     {"ACTIVE", "eu-central-1", serving, []string{"eu-central-1"}, false, "nothing was changed"},
		"too soon": {"CREATING", "eu-central-1", serving, []string{"eu-central-1"}, true, "the replica of the user pool eu-west-1_AbC in eu-central-1 is being made: wait until it is there"},
		"no pool": {
			"ACTIVE", "eu-central-1", func(a *awstest.Account) { delete(a.Stacks, state) }, nil, true,
			"there is no stack SensorFlow-dev-state in eu-west-1 with the output UserPoolId",
		},
		"a look that is not allowed": {
			"ACTIVE", "eu-central-1", func(a *awstest.Account) { a.Refuse["ListUserPoolReplicas"] = "AccessDeniedException" }, nil, true,
			"look at the replicas of eu-west-1_AbC: these credentials may not call cognito-idp:ListUserPoolReplicas",
		},
		"a change that is not allowed": {
			"ACTIVE", "eu-central-1", func(a *awstest.Account) { a.Refuse["UpdateUserPoolReplica"] = "AccessDeniedException" }, nil, true,
			"change the replica: these credentials may not call cognito-idp:UpdateUserPoolReplica",
		},
	} {
		a := deployed(t, c.status)
		c.change(a)
		_, err := detach(t, a, environment(c.leaving...), c.region, c.yes)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: error %v, want %s", name, err, c.want)
		}
		if len(c.want) > 0 && c.status == "ACTIVE" && a.Replicas["eu-central-1"] == "" {
			t.Errorf("%s: the replica is gone", name)
		}
	}
}
