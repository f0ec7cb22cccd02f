package pricing

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Deployment is what the templates hold that costs something.
type Deployment struct {
	// Regions are those that the templates name: the one with the user pool, which is the primary, and then the others.
	Regions []*Regional
	// Unpriced are the types of resources that the table does not know.
	Unpriced []string
}

// Regional is the part of a deployment that is billed in one region.
type Regional struct {
	Name string

	tasksMin, tasksMax           int // tasksMax is 0 where nothing tells
	taskCPU, taskMemoryMiB       int
	requestsPerTask, spotPercent float64 // a minute, and of the tasks above tasksMin

	natGateways, zones, publicIPv4, interfaceZones int
	loadBalancers, webACLs, webRules               int
	keys, secrets, healthChecks, healthOptions     int
	alarmMetrics, queryAlarms, dashboards          int
	ownMetrics, insights                           int
	distributions, edgeFunctions, vpcOrigins       int
	userPools, userPoolReplicas                    int

	windowSeconds float64 // that the aggregator's event source waits for more
	queuePollers  int     // functions that Lambda polls a queue for
	aggregatorGB  float64 // memory of the function behind the stream
	auditGB       float64 // of the functions that a schedule calls
	auditsPerHour float64
	logDays       int // of the API's log, and of the firewall's
	webLogs       bool
	accessLogDays int
	readings      bool // whether the region has a replica of the readings
	builds        int  // projects and pipelines
}

// Of reads what the stacks hold.
func Of(stacks []Stack) *Deployment {
	d := &Deployment{}
	unpriced := map[string]bool{}
	for _, s := range stacks {
		at := d.region(s.Region)
		for _, r := range s.Resources {
			kind, known := kinds[r.Type]
			if !known {
				unpriced[r.Type] = true
			} else if kind.count != nil {
				kind.count(reading{d, at, s}, r.Properties)
			}
		}
	}
	for name := range unpriced {
		d.Unpriced = append(d.Unpriced, name)
	}
	slices.Sort(d.Unpriced)
	slices.SortFunc(d.Regions, func(a, b *Regional) int {
		return cmp.Or(cmp.Compare(b.userPools, a.userPools), strings.Compare(a.Name, b.Name))
	})
	return d
}

// reading is what a count needs to know about where it stands.
type reading struct {
	all   *Deployment
	at    *Regional
	stack Stack
}

func (d *Deployment) region(name string) *Regional {
	for _, r := range d.Regions {
		if r.Name == name {
			return r
		}
	}
	r := &Regional{Name: name}
	d.Regions = append(d.Regions, r)
	return r
}

// serving are the regions that take requests; that of a pipeline takes none.
func (d *Deployment) serving() []*Regional {
	var all []*Regional
	for _, r := range d.Regions {
		if r.tasksMin > 0 {
			all = append(all, r)
		}
	}
	return all
}

// replicated tells whether the user pool has a replica.
func (d *Deployment) replicated() bool {
	return slices.ContainsFunc(d.Regions, func(r *Regional) bool { return r.userPoolReplicas > 0 })
}

// changed is the deployment with something else in every region that serves.
func (d *Deployment) changed(change func(r *Regional)) *Deployment {
	other := &Deployment{Unpriced: d.Unpriced}
	for _, r := range d.Regions {
		region := *r
		if region.tasksMin > 0 {
			change(&region)
		}
		other.Regions = append(other.Regions, &region)
	}
	return other
}

// withoutLast is the deployment without the last of the regions that serve, and without replication where one stays.
func (d *Deployment) withoutLast() *Deployment {
	serving := d.serving()
	last := serving[len(serving)-1]
	other := d.changed(func(*Regional) {})
	other.Regions = slices.DeleteFunc(other.Regions, func(r *Regional) bool { return r.Name == last.Name })
	if len(serving) == 2 {
		for _, r := range other.Regions {
			r.userPoolReplicas = 0
		}
	}
	return other
}

// notKnown lists what a deployment has and whose price the table does not know.
func (d *Deployment) notKnown() []string {
	has := func(of func(r *Regional) int) bool {
		return slices.ContainsFunc(d.Regions, func(r *Regional) bool { return of(r) > 0 })
	}
	var all []string
	add := func(there bool, what string, args ...any) {
		if there {
			all = append(all, fmt.Sprintf(what, args...))
		}
	}
	add(has(func(r *Regional) int { return r.insights }), "the metrics of Container Insights ($0.30 each; how many is not known)")
	add(has(func(r *Regional) int { return r.queryAlarms }), "alarms on a query of metrics")
	add(has(func(r *Regional) int { return r.vpcOrigins }), "VPC origins, and CloudFront's data to the origin")
	add(has(func(r *Regional) int { return r.keys }), "calls of KMS (services keep data keys for minutes)")
	add(has(func(r *Regional) int { return r.builds }), "minutes of CodePipeline and CodeBuild")
	for _, kind := range d.Unpriced {
		add(true, "%s", kind)
	}
	return all
}
