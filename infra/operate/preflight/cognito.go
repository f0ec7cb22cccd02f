package preflight

import (
	"context"
	"fmt"
	"slices"

	"github.com/sensorflow/sensorflow/infra/operate/replica"
)

// plansWithReplicas are those of Cognito's plans that replicate user pools.
var plansWithReplicas = []string{"ESSENTIALS", "PLUS"}

// cognito finds out whether the user pool can have its replica. Of a new one the configuration and the template decide;
// of one that is there, Cognito tells its plan and its replicas. AWS says that some old pools cannot be replicated yet,
// and no call that tells of which that is true:
// https://docs.aws.amazon.com/cognito/latest/developerguide/user-pool-multi-region.html
func (l *look) cognito(ctx context.Context) []Finding {
	f := Finding{Point: pointCognito, Status: Fine}
	regions := l.Environment.Regions
	pool := l.stacks[l.Environment.State().Name].outputs[replica.PoolOutput]
	switch {
	case len(regions) == 1:
		f.Text = "one region, so that the user pool needs no replica"
		return []Finding{f}
	case pool == "":
		f.Text = fmt.Sprintf("replicates user pools from %s to %s, with the plan Essentials, which the stack asks for", regions[0], regions[1])
		return []Finding{f}
	}
	var described struct{ UserPool struct{ UserPoolTier string } }
	err := l.calls.JSON(ctx, "cognito-idp", regions[0], "AWSCognitoIdentityProviderService.DescribeUserPool",
		map[string]any{"UserPoolId": pool}, &described)
	if err != nil {
		return []Finding{failed(pointCognito, "", "cognito-idp:DescribeUserPool", err)}
	}
	replicas, err := replica.List(ctx, l.calls, regions[0], pool)
	if err != nil {
		return []Finding{failed(pointCognito, "", "cognito-idp:ListUserPoolReplicas", err)}
	}
	elsewhere := slices.IndexFunc(replicas, func(r replica.Replica) bool { return r.RegionName != regions[1] })
	switch plan := described.UserPool.UserPoolTier; {
	case !slices.Contains(plansWithReplicas, plan):
		f.Status, f.Text = Missing, fmt.Sprintf("the user pool %s has the plan %s, which replicates none: give it ESSENTIALS", pool, plan)
	case elsewhere >= 0:
		f.Status = Missing
		f.Text = fmt.Sprintf("the user pool %s has its replica in %s, and may have one: make detach ENV=%s REGION=%s", pool,
			replicas[elsewhere].RegionName, l.Environment.Name, replicas[elsewhere].RegionName)
	case len(replicas) == 0:
		f.Text = fmt.Sprintf("the user pool %s has the plan %s, and gets its replica in %s; whether it is too old for one, Cognito's console tells", pool, plan, regions[1])
	default:
		f.Text = fmt.Sprintf("the user pool %s has its replica in %s, which is %s", pool, regions[1], replicas[0].Status)
	}
	return []Finding{f}
}
