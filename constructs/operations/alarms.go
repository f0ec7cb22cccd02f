package operations

import (
	"cmp"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"

	"github.com/sensorflow/sensorflow/runtime/contract/rule"
)

// Defaults of Alarms.
const (
	LatencyMaxDefault      = time.Second
	ServerErrorsMaxDefault = 10
	ThrottlesMaxDefault    = 100
	LagMaxDefault          = time.Minute
	ReplicationMaxDefault  = 30 * time.Second // usually it takes less than one
	// CsvAgeMaxDefault is time enough for a part of a file to fail twice and to be tried again.
	CsvAgeMaxDefault = time.Hour

	// PeriodsMax is how many periods an alarm may look back. CloudWatch looks back for a day at most, or for a week
	// where periods are an hour.
	PeriodsMax = 24
)

// Alarms are the options of each alarm. The zero value of a field leaves its alarm as it is by default. An alarm that
// is made is in Operations.Alarms, under the name of its field.
type Alarms struct {
	// ServerErrors is about answers of tasks with a status of 500 and above. Default: more than ServerErrorsMaxDefault
	// in five minutes.
	ServerErrors CountAlarm
	// Unanswered is about answers with such a status that the load balancer gave in place of tasks. Default: more than
	// ServerErrorsMaxDefault in five minutes.
	Unanswered CountAlarm
	// Latency is about the API's 99th percentile. Default: more than LatencyMaxDefault in two periods of five minutes.
	Latency DurationAlarm
	// NoTasks is about a region in which no task serves. Default: in five periods of a minute.
	NoTasks StateAlarm
	// UnhealthyTasks is about tasks that do not answer. Default: more than 0 in five periods of a minute.
	UnhealthyTasks CountAlarm
	// Throttles is about requests that the tables refuse; each is repeated. Default: more than ThrottlesMaxDefault in each
	// of two periods of five minutes.
	Throttles CountAlarm
	// AggregationLag is about how far the aggregates lag behind the readings. Default: more than LagMaxDefault in five
	// periods of a minute.
	AggregationLag DurationAlarm
	// Replication is about how long readings take to the slowest region. Default: more than ReplicationMaxDefault in five
	// periods of a minute.
	Replication DurationAlarm
	// StreamFailures is about changes that the aggregator gave up and the repairer takes on. Default: more than 0 in five
	// minutes.
	StreamFailures CountAlarm
	// StreamDeadLetters is about rows that could not be repaired. Default: more than 0 for a minute.
	StreamDeadLetters CountAlarm
	// AggregateDifferences is about aggregates that an audit found to be wrong. Default: more than 0 in an hour.
	AggregateDifferences CountAlarm
	// AuditErrors is about audits that could not be finished. Default: more than 0 in each of two hours.
	AuditErrors CountAlarm
	// DeadLetters is about parts of CSV files that were put aside. Default: more than 0 for a minute.
	DeadLetters CountAlarm
	// CsvAge is about how long a CSV file, or a part of one, waits or is worked on. Default: more than CsvAgeMaxDefault in
	// five periods of a minute.
	CsvAge DurationAlarm
}

// CountAlarm are the options of an alarm on a number. The zero value of a field selects its default.
type CountAlarm struct {
	// Disabled leaves the alarm out. Default: false.
	Disabled bool
	// Max is the number above which the alarm goes off, 0 or more. Default: nil, for that of the alarm.
	Max *int
	// Periods is in how many periods in a row, 1 to PeriodsMax. Default: that of the alarm.
	Periods int
	// Actions are what is done when the alarm goes off, and when it is over, in place of telling Operations.Topic.
	// Default: the topic.
	Actions []awscloudwatch.IAlarmAction
}

// DurationAlarm are the options of an alarm on a duration. The zero value of a field selects its default.
type DurationAlarm struct {
	// Disabled leaves the alarm out. Default: false.
	Disabled bool
	// Max is the duration above which the alarm goes off, at least a millisecond. Default: 0, for that of the alarm.
	Max time.Duration
	// Periods is in how many periods in a row, 1 to PeriodsMax. Default: that of the alarm.
	Periods int
	// Actions are what is done when the alarm goes off, and when it is over, in place of telling Operations.Topic.
	// Default: the topic.
	Actions []awscloudwatch.IAlarmAction
}

// StateAlarm are the options of an alarm on a state. The zero value of a field selects its default.
type StateAlarm struct {
	// Disabled leaves the alarm out. Default: false.
	Disabled bool
	// Periods is in how many periods in a row, 1 to PeriodsMax. Default: that of the alarm.
	Periods int
	// Actions are what is done when the alarm goes off, and when it is over, in place of telling Operations.Topic.
	// Default: the topic.
	Actions []awscloudwatch.IAlarmAction
}

// options are what all kinds of alarms have in common.
type options struct {
	disabled bool
	periods  int
	actions  []awscloudwatch.IAlarmAction
}

func (a CountAlarm) options() options    { return options{a.Disabled, a.Periods, a.Actions} }
func (a DurationAlarm) options() options { return options{a.Disabled, a.Periods, a.Actions} }
func (a StateAlarm) options() options    { return options{a.Disabled, a.Periods, a.Actions} }

// max is the number above which the alarm goes off.
func (a CountAlarm) max(byDefault int) float64 {
	if a.Max == nil {
		return float64(byDefault)
	}
	return float64(*a.Max)
}

// max is the duration above which the alarm goes off.
func (a DurationAlarm) max(byDefault time.Duration) time.Duration { return cmp.Or(a.Max, byDefault) }

// Validate returns every problem of the options.
func (a Alarms) Validate() error { return a.faults().Err() }

func (a Alarms) faults() rule.Faults {
	count := func(name string, of CountAlarm) rule.Faults {
		return rule.All(of.options().faults(name), rule.Fault{
			Field: "Alarms." + name + ".Max", Rule: "must be 0 or more", Got: shown(of.Max),
			Advice: "leave it out for that of the alarm",
		}.If(of.Max != nil && *of.Max < 0))
	}
	duration := func(name string, of DurationAlarm) rule.Faults {
		return rule.All(of.options().faults(name), rule.Fault{
			Field: "Alarms." + name + ".Max", Rule: "must be at least " + rule.Show(time.Millisecond), Got: of.Max,
			Advice: "leave it out for that of the alarm",
		}.If(of.Max != 0 && of.Max < time.Millisecond))
	}
	return rule.All(
		count("ServerErrors", a.ServerErrors), count("Unanswered", a.Unanswered), duration("Latency", a.Latency),
		a.NoTasks.options().faults(noTasks), count("UnhealthyTasks", a.UnhealthyTasks), count("Throttles", a.Throttles),
		duration("AggregationLag", a.AggregationLag), duration("Replication", a.Replication),
		count("StreamFailures", a.StreamFailures), count("StreamDeadLetters", a.StreamDeadLetters),
		count("AggregateDifferences", a.AggregateDifferences), count("AuditErrors", a.AuditErrors),
		count("DeadLetters", a.DeadLetters), duration("CsvAge", a.CsvAge),
	)
}

func (o options) faults(name string) rule.Faults {
	return rule.Fault{
		Field: "Alarms." + name + ".Periods", Rule: "must be 1 to " + rule.Show(PeriodsMax), Got: o.periods,
		Advice: "leave it out for that of the alarm",
	}.If(o.periods < 0 || o.periods > PeriodsMax)
}

func shown(number *int) any {
	if number == nil {
		return nil
	}
	return *number
}
