package pricing

import (
	"fmt"
	"math"
)

// Line is one thing that costs something.
type Line struct {
	What string
	// USD is what it costs a month, in the order of Estimate.Regions.
	USD []float64
}

// All is what the line costs in all regions.
func (l Line) All() (sum float64) {
	for _, usd := range l.USD {
		sum += usd
	}
	return sum
}

// Estimate is what a deployment costs a month.
type Estimate struct {
	Regions []string
	// AtRest costs the same without any reading; WithReadings comes with those of Usage.
	AtRest, WithReadings []Line
	Usage                Usage
	// Serves is set where something of it takes readings; a pipeline does not.
	Serves bool
	// Short are the regions whose largest number of tasks is below what the readings need.
	Short []Shortage
	// NotKnown is what the deployment has and the table of prices has not.
	NotKnown []string
}

// Shortage is a region that needs more tasks than its scaling may start.
type Shortage struct {
	Region           string
	Needed, TasksMax int
}

// NewEstimate works out what a deployment costs.
func NewEstimate(d *Deployment, u Usage) Estimate {
	e := Estimate{Usage: u, Serves: len(d.serving()) > 0, NotKnown: d.notKnown()}
	for _, r := range d.Regions {
		e.Regions = append(e.Regions, r.Name)
	}
	add := func(lines *[]Line, what string, cost func(r *Regional) float64) {
		line := Line{What: what}
		for _, r := range d.Regions {
			line.USD = append(line.USD, cost(r))
		}
		if line.All() > 0 {
			*lines = append(*lines, line)
		}
	}
	for _, l := range d.atRest(u) {
		add(&e.AtRest, l.what, l.cost)
	}
	if serving := len(d.serving()); serving > 0 && u.ReadingsPerSecond > 0 {
		for _, l := range d.withReadings(u, float64(serving)) {
			add(&e.WithReadings, l.what, l.cost)
		}
		for _, r := range d.serving() {
			needed := r.tasksFor(u.requestsOf(serving))
			if needed > float64(r.tasksMax) && r.tasksMax > 0 {
				e.Short = append(e.Short, Shortage{r.Name, int(needed), r.tasksMax})
			}
		}
	}
	return e
}

// costing is a line before it is worked out for each region.
type costing struct {
	what string
	cost func(r *Regional) float64
}

// Total is what everything costs a month.
func (e Estimate) Total() float64 { return total(e.AtRest) + total(e.WithReadings) }

// PerMillion is what a million readings cost beside what is there at rest, 0 where there are none.
func (e Estimate) PerMillion() float64 {
	if millions := e.Usage.millions(); millions > 0 {
		return total(e.WithReadings) / millions
	}
	return 0
}

func total(lines []Line) (sum float64) {
	for _, l := range lines {
		sum += l.All()
	}
	return sum
}

// taskMonth is what a task costs a month.
func (r *Regional) taskMonth() float64 {
	cpu, memory := float64(r.taskCPU)/1024, float64(r.taskMemoryMiB)/1024
	return monthHours * (cpu*fargateCPU.USD + memory*fargateMemory.USD)
}

func (d *Deployment) atRest(u Usage) []costing {
	return []costing{
		{d.taskName(), func(r *Regional) float64 { return float64(r.tasksMin) * r.taskMonth() }},
		{"NAT gateways, public addresses, endpoints", func(r *Regional) float64 {
			return monthHours * (float64(r.natGateways)*natGateway.USD + float64(r.publicIPv4)*publicIPv4.USD +
				float64(r.interfaceZones)*endpoint.USD)
		}},
		{"load balancer", func(r *Regional) float64 { return monthHours * float64(r.loadBalancers) * loadBalancer.USD }},
		{"firewall and its rules", func(r *Regional) float64 {
			return float64(r.webACLs)*webACL.USD + float64(r.webRules)*webRule.USD
		}},
		{"alarms, dashboard, metrics", func(r *Regional) float64 {
			return float64(r.alarmMetrics)*alarmMetric.USD + float64(r.dashboards)*dashboard.USD +
				float64(r.ownMetrics)*ownMetric.USD
		}},
		{"keys, secrets, health checks", func(r *Regional) float64 {
			return float64(r.keys)*kmsKey.USD + float64(r.secrets)*secret.USD +
				float64(r.healthChecks)*healthCheck.USD + float64(r.healthOptions)*healthOption.USD
		}},
		{"empty queues that are asked, audits", func(r *Regional) float64 {
			audits := monthHours * r.auditsPerHour
			return float64(r.queuePollers)*pollsPerQueue*queueRequest.USD +
				audits*(lambdaCall.USD+auditSeconds*r.auditGB*lambdaSecond.USD)
		}},
		{fmt.Sprintf("tokens of %d machines, every %s h; people", u.Machines, plain(u.TokenHours, 3)), func(r *Regional) float64 {
			tokens := float64(u.Machines) * monthHours / u.TokenHours * machineToken.USD
			if d.replicated() {
				tokens *= tokenReplicaFactor
			}
			return float64(r.userPools) * (tokens + math.Max(0, float64(u.Users-usersFree))*activeUser.USD)
		}},
	}
}

// taskName tells the tasks of the first region that serves.
func (d *Deployment) taskName() string {
	for _, r := range d.serving() {
		return fmt.Sprintf("tasks: %d of %s vCPU and %s GB", r.tasksMin, plain(float64(r.taskCPU)/1024, 4),
			plain(float64(r.taskMemoryMiB)/1024, 4))
	}
	return "tasks"
}

// withReadings costs a month of readings; each of the regions that serve takes the same share.
func (d *Deployment) withReadings(u Usage, regions float64) []costing {
	readings := u.ReadingsPerSecond * monthSeconds
	own := readings / regions // those that a region takes itself
	requests := u.requestsOf(int(regions))
	gb := func(count, bytes float64) float64 { return count * bytes / 1e9 }
	in := gb(requests, requestBytes+listedBytes*float64(u.ReadingsPerRequest-1))
	out := gb(requests, answerBytes)
	s := u.Stream(int(regions), d.serving()[0].windowSeconds)
	writes, reads := AggregateUnits(s.Equipments)
	batches := s.Batches * monthSeconds
	serves := func(cost func(r *Regional) float64) func(r *Regional) float64 {
		return func(r *Regional) float64 {
			if r.tasksMin == 0 {
				return 0
			}
			return cost(r)
		}
	}
	elsewhere := regions - 1
	return []costing{
		{"readings: a write unit in each region", func(r *Regional) float64 {
			if !r.readings {
				return 0
			}
			return readings*writeUnit.USD + gb(own, readingBytes)*elsewhere*regionByte.USD
		}},
		{fmt.Sprintf("aggregates: %.1f write units a reading", writes/max(1, own/batches)), func(r *Regional) float64 {
			if !r.readings {
				return 0
			}
			return batches*(writes*regions*writeUnit.USD+reads*readUnit.USD) +
				gb(batches*s.Equipments, rowBytes)*elsewhere*regionByte.USD
		}},
		{"aggregator (50 ms a batch, assumed)", serves(func(r *Regional) float64 {
			return batches * (lambdaCall.USD + aggregatorSeconds*r.aggregatorGB*lambdaSecond.USD)
		})},
		{"CloudFront, or data to the internet", serves(func(r *Regional) float64 {
			if r.distributions == 0 {
				return out * internetByte.USD
			}
			return requests*(edgeRequest.USD+float64(r.edgeFunctions)*edgeFunction.USD) + out*edgeByte.USD
		})},
		{"firewall: requests and their log", serves(func(r *Regional) float64 {
			if r.webACLs == 0 {
				return 0
			}
			usd := requests * webRequest.USD
			if r.webLogs {
				usd += r.logged(gb(requests, webLogBytes))
			}
			return usd
		})},
		{"the API's log, and through the NAT gateway", serves(func(r *Regional) float64 {
			logs := gb(requests, logLineBytes)
			return r.logged(logs) + logs*natByte.USD
		})},
		{"load balancer's units, logs of access", serves(func(r *Regional) float64 {
			lines := float64(1 + min(1, r.distributions))
			return (in+out)*capacityUnit.USD + gb(requests*lines, accessBytes)*objectByte.USD*float64(r.accessLogDays)/monthDays
		})},
		{"tasks beyond the fewest", serves(func(r *Regional) float64 { return r.moreTasks(requests) })},
		{"keeping a month's readings, with backup", func(r *Regional) float64 {
			if !r.readings {
				return 0
			}
			return gb(readings, readingBytes) * (tableByte.USD + backup.USD)
		}},
	}
}

// logged is what a month's logs cost to take in, and to keep as long as all logs are kept.
func (r *Regional) logged(gb float64) float64 {
	return gb * (logIngest.USD + float64(r.logDays)/monthDays*logStorage.USD)
}

// tasksFor is how many tasks the scaling wants for a month's requests, 0 where it does not go by requests.
func (r *Regional) tasksFor(requests float64) float64 {
	if r.requestsPerTask == 0 {
		return 0
	}
	return math.Ceil(requests / monthSeconds * 60 / r.requestsPerTask)
}

// moreTasks is what the scaling adds for a month's requests, up to the largest number of tasks, a share of it on Spot.
func (r *Regional) moreTasks(requests float64) float64 {
	tasks := r.tasksFor(requests)
	if r.tasksMax > 0 {
		tasks = min(tasks, float64(r.tasksMax))
	}
	spot := r.spotPercent / 100
	return max(0, tasks-float64(r.tasksMin)) * r.taskMonth() * (1 - spot + spot*spotFactor)
}
