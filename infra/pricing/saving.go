package pricing

import (
	"fmt"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
	"github.com/sensorflow/sensorflow/runtime/contract/rule"
)

// Saving is what another setting would cost less a month.
type Saving struct {
	// Setting is a key of cdk.json, or a way to use the service.
	Setting string
	// Change says from what to what, or why there is none.
	Change string
	// USD is what it saves; less than 0 where it costs more.
	USD float64
}

// Savings works out for each setting what it saves, by estimating the deployment with the setting changed.
func Savings(d *Deployment, u Usage) []Saving {
	serving := d.serving()
	if len(serving) == 0 {
		return nil
	}
	now, r := NewEstimate(d, u).Total(), serving[0]
	var all []Saving
	add := func(setting, change string, to *Deployment, use Usage) {
		all = append(all, Saving{setting, change, now - NewEstimate(to, use).Total()})
	}
	add("tasksMin", fmt.Sprintf("%d → %d", r.tasksMin, max(1, r.tasksMin-1)),
		d.changed(func(r *Regional) { r.tasksMin = max(1, r.tasksMin-1) }), u)
	cpu := r.smallerCPU()
	add("taskCpu", fmt.Sprintf("%d → %d", r.taskCPU, cpu), d.changed(func(r *Regional) { r.taskCPU = r.smallerCPU() }), u)
	add("spotPercent", fmt.Sprintf("%.0f → 100 (tasks above tasksMin; Spot at a third)", r.spotPercent),
		d.changed(func(r *Regional) { r.spotPercent = spotMost }), u)
	all = append(all, natSaving(d, u, r))
	add("zones", zonesChange(r), d.changed(func(r *Regional) {
		if r.publicIPv4 >= r.zones && r.distributions == 0 && r.zones > 2 {
			r.publicIPv4--
		}
	}), u)
	if r.distributions > 0 {
		add("domain", "CloudFront → a domain of your own", d.changed((*Regional).ownDomain), u)
	}
	all = append(all, Saving{"(firewall)", fmt.Sprintf("no setting leaves it out; it costs %.2f", firewall(d, u)), 0})
	if r.webLogs {
		add("firewallLog", "all → refused", d.changed(func(r *Regional) { r.webLogs = false }), u)
	} else {
		add("firewallLog", "refused → all", d.changed(func(r *Regional) { r.webLogs = true }), u)
	}
	window := float64(contract.AggregationWindowMax / time.Second)
	add("aggregationWindowSeconds", fmt.Sprintf("%.0f → %.0f", r.windowSeconds, window), d.changed(func(r *Regional) {
		r.windowSeconds = window
	}), u)
	days := min(7, r.logDays)
	add("logRetentionDays", fmt.Sprintf("%d → %d", r.logDays, days), d.changed(func(r *Regional) { r.logDays = days }), u)
	if len(serving) > 1 {
		last := serving[len(serving)-1].Name
		add("regions", fmt.Sprintf("without %s", last), d.withoutLast(), u)
	}
	if u.ReadingsPerSecond > 0 && u.ReadingsPerRequest < batchExample {
		batched := u
		batched.ReadingsPerRequest = batchExample
		add("(clients)", fmt.Sprintf("%d → %d readings a request", u.ReadingsPerRequest, batchExample), d, batched)
	}
	if u.Machines > 0 && u.TokenHours != 1 {
		hourly := u
		hourly.TokenHours = 1
		add("(clients)", fmt.Sprintf("a token every %s h → every hour", plain(u.TokenHours, 3)), d, hourly)
	}
	return all
}

// spotMost is the share of Spot at spotPercent 100: ECS ignores a capacity provider without weight, so that one task in a
// hundred is not on Spot.
const spotMost = 99

// batchExample is a request of a size that a gateway reaches easily.
const batchExample = 25

// smallerCPU is half the CPU, where Fargate takes it with the same memory.
func (r *Regional) smallerCPU() int {
	if half := r.taskCPU / 2; rule.TaskSize("cpu", half, "memory", r.taskMemoryMiB).Err() == nil {
		return half
	}
	return r.taskCPU
}

func natSaving(d *Deployment, u Usage, r *Regional) Saving {
	now := NewEstimate(d, u).Total()
	change := func(by int) float64 {
		return now - NewEstimate(d.changed(func(r *Regional) {
			r.natGateways, r.publicIPv4 = r.natGateways+by, r.publicIPv4+by
		}), u).Total()
	}
	if r.natGateways <= 1 {
		return Saving{"natGateways", fmt.Sprintf("%d → %d (a zone with none loses its way out)", r.natGateways, r.natGateways+1),
			change(1)}
	}
	return Saving{"natGateways", fmt.Sprintf("%d → 1", r.natGateways), change(1 - r.natGateways)}
}

// zonesChange says why two zones save little: nothing but a public load balancer has a part in each.
func zonesChange(r *Regional) string {
	if r.zones <= 2 {
		return fmt.Sprintf("%d, the fewest", r.zones)
	}
	return fmt.Sprintf("%d → %d (tasks and NAT gateways are counted apart)", r.zones, r.zones-1)
}

// ownDomain leaves CloudFront out: the load balancer gets an address in each zone, Route 53 looks at it, and the firewall
// has one more rule.
func (r *Regional) ownDomain() {
	r.distributions, r.edgeFunctions, r.vpcOrigins = 0, 0, 0
	r.publicIPv4 += r.zones
	r.webRules++
	r.healthChecks++
	r.healthOptions += 2 // by HTTPS, every ten seconds
}

// firewall is what the firewall costs, requests and their log included.
func firewall(d *Deployment, u Usage) float64 {
	return NewEstimate(d, u).Total() - NewEstimate(d.changed(func(r *Regional) {
		r.webACLs, r.webRules, r.webLogs = 0, 0, false
	}), u).Total()
}
