package rule

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sensorflow/sensorflow/runtime/contract"
)

// Between accepts the numbers from least to most. byDefault is the number where nothing is said.
func Between(key string, got, least, most, byDefault int) Faults {
	return Fault{
		Field: key, Rule: fmt.Sprintf("must be %d to %d", least, most), Got: got,
		Advice: fmt.Sprintf("leave it out for %d", byDefault),
	}.If(got < least || got > most)
}

func between(key string, got, least, most, byDefault time.Duration) Faults {
	return Fault{
		Field: key, Rule: "must be " + duration(least) + " to " + duration(most), Got: got,
		Advice: "leave it out for " + duration(byDefault),
	}.If(got < least || got > most)
}

// Shards accepts how many partitions the aggregates' index, or the fleet's totals, are spread over.
func Shards(key string, got int) Faults {
	return Between(key, got, 1, contract.ShardsMax, contract.IndexShardsDefault)
}

// CSVConcurrency accepts how many ranges of CSV files are worked on at once.
func CSVConcurrency(key string, got int) Faults {
	return Between(key, got, contract.CSVConcurrencyMin, contract.CSVConcurrencyMax, contract.CSVConcurrencyDefault)
}

// AggregationWindowSeconds accepts how long the aggregator's event source waits for more records; 0 does not wait.
func AggregationWindowSeconds(key string, got int) Faults {
	const most, byDefault = int(contract.AggregationWindowMax / time.Second), int(contract.AggregationWindowDefault / time.Second)
	return Between(key, got, 0, most, byDefault)
}

// AggregationWindow is AggregationWindowSeconds for a duration.
func AggregationWindow(key string, got time.Duration) Faults {
	return Fault{
		Field: key, Rule: "must be whole seconds up to " + duration(contract.AggregationWindowMax), Got: got,
		Advice: "leave it out for " + duration(contract.AggregationWindowDefault),
	}.If(got < 0 || got > contract.AggregationWindowMax || got%time.Second != 0)
}

// RequestLimit accepts how many requests of one address are let through in five minutes.
func RequestLimit(key string, got int) Faults {
	return Between(key, got, contract.RequestLimitMin, contract.RequestLimitMax, contract.RequestLimitDefault)
}

// SpotPercent accepts the share of tasks that run on Fargate Spot.
func SpotPercent(key string, got int) Faults {
	return Between(key, got, 0, contract.SpotPercentMax, 0)
}

// TrustedProxies accepts how many proxies in front of the API are trusted.
func TrustedProxies(key string, got int) Faults {
	return Between(key, got, 0, contract.TrustedProxiesMax, 0)
}

// TasksMaxDefault is the upper bound of the autoscaling where nothing is said but the lower one.
func TasksMaxDefault(least int) int {
	return min(max(contract.TasksMaxDefault, least), contract.TaskCountMax)
}

// Tasks accepts the bounds of the autoscaling.
func Tasks(leastKey string, least int, mostKey string, most int) Faults {
	mostDefault := TasksMaxDefault(least)
	return All(
		Between(leastKey, least, 1, contract.TaskCountMax, contract.TasksMinDefault),
		Between(mostKey, most, 1, contract.TaskCountMax, mostDefault),
		Fault{
			Field: mostKey, Rule: fmt.Sprintf("must be at least %s, %d", leastKey, least), Got: most,
			Advice: fmt.Sprintf("leave it out for %d", mostDefault),
		}.If(least <= contract.TaskCountMax && most < least),
	)
}

// taskSizes are the sizes of memory in MiB that Fargate offers for a number of CPU units, from contract.TaskMemoryMiBMin on
// (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html).
var taskSizes = []struct{ cpu, from, to, step int }{
	{256, 1024, 2048, 1024}, {512, 1024, 4096, 1024}, {1024, 2048, 8192, 1024}, {2048, 4096, 16384, 1024},
	{4096, 8192, 30720, 1024}, {8192, 16384, 61440, 4096}, {16384, 32768, 122880, 8192},
}

// TaskSize accepts the pairs of CPU units and MiB of memory that Fargate offers and that hold the API.
func TaskSize(cpuKey string, cpu int, memoryKey string, memory int) Faults {
	var offered []string
	for _, size := range taskSizes {
		if size.cpu == cpu {
			return Fault{
				Field: memoryKey, Got: memory,
				Rule: fmt.Sprintf("must be %d to %d in steps of %d with a %s of %d", size.from, size.to, size.step, cpuKey, cpu),
			}.If(memory < size.from || memory > size.to || memory%size.step != 0)
		}
		offered = append(offered, fmt.Sprint(size.cpu))
	}
	return Faults{{
		Field: cpuKey, Rule: "must be one of " + strings.Join(offered, ", "), Got: cpu,
		Advice: fmt.Sprintf("leave it out for %d", contract.TaskCPUDefault),
	}}
}

const forEver = "leave it out to keep readings for ever"

// Retention accepts how long raw readings are kept; 0 keeps them for ever.
func Retention(key string, got time.Duration) Faults {
	return All(
		Fault{Field: key, Rule: "must be at least " + duration(contract.RetentionMin), Got: got, Advice: forEver}.
			If(got != 0 && got < contract.RetentionMin),
		Fault{Field: key, Rule: "must be at most " + duration(contract.RetentionMax), Got: got, Advice: forEver}.
			If(got > contract.RetentionMax),
	)
}

// day is the unit of RetentionDays.
const day = 24 * time.Hour

// RetentionDays is Retention for a number of days.
func RetentionDays(key string, got int) Faults {
	most := int(contract.RetentionMax / day)
	return Fault{Field: key, Rule: fmt.Sprintf("must be %d to %d", contract.RetentionMin/day, most), Got: got, Advice: forEver}.
		If(got < 0 || got > most)
}

// logRetentionDays are the numbers of days that CloudWatch keeps logs for.
var logRetentionDays = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653}

// LogRetentionDays accepts how many days logs are kept.
func LogRetentionDays(key string, got int) Faults {
	return Fault{
		Field: key, Rule: "must be one of " + strings.Trim(strings.ReplaceAll(fmt.Sprint(logRetentionDays), " ", ", "), "[]"), Got: got,
		Advice: fmt.Sprintf("leave it out for %d", contract.LogRetentionDaysDefault),
	}.If(!slices.Contains(logRetentionDays, got))
}

// DrainTimeout accepts how long requests may take to finish when the API is stopped.
func DrainTimeout(key string, got time.Duration) Faults {
	return between(key, got, contract.DrainTimeoutMin, contract.DrainTimeoutMax, contract.DrainTimeoutDefault)
}

// AggregateCacheTTL accepts how long an answer about aggregates may be used again.
func AggregateCacheTTL(key string, got time.Duration) Faults {
	return between(key, got, 0, contract.AggregateCacheTTLMax, contract.AggregateCacheTTLMax)
}
