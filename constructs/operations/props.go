package operations

import (
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"

	"github.com/sensorflow/sensorflow/constructs/apiservice"
	"github.com/sensorflow/sensorflow/constructs/internal/prop"
	"github.com/sensorflow/sensorflow/constructs/processing"
	"github.com/sensorflow/sensorflow/constructs/storage"
	"github.com/sensorflow/sensorflow/runtime/contract/rule"
)

// Defaults of OperationsProps.
const (
	LatencyMaxDefault      = time.Second
	ServerErrorsMaxDefault = 10 // in five minutes
	ThrottlesMaxDefault    = 100
	LagMaxDefault          = time.Minute
	ReplicationMaxDefault  = 30 * time.Second // usually it takes less than one
	// CsvAgeMaxDefault is time enough for a part of a file to fail twice and to be tried again.
	CsvAgeMaxDefault = time.Hour
)

// OperationsProps configure Operations. The zero value of an optional field selects its default.
type OperationsProps struct {
	// Api, Processing and Tables are what the alarms watch. Required.
	Api        *apiservice.ApiService
	Processing *processing.Processing
	Tables     *storage.GlobalTables

	// Key encrypts the messages of the alarms. Its policy must let CloudWatch use it, as that of storage.Key does.
	// Required.
	Key awskms.IKey

	// AlarmEmails receive the alarms; each address confirms once. Default: nobody.
	AlarmEmails []string

	// LatencyMax is how long the API's 99th percentile may be over ten minutes. Default: LatencyMaxDefault.
	LatencyMax time.Duration

	// ServerErrorsMax is how many answers with a status of 500 and above there may be in five minutes, of the tasks and
	// of the load balancer each. Default: ServerErrorsMaxDefault.
	ServerErrorsMax int

	// ThrottlesMax is how many requests to the tables may be refused in each of two periods of five minutes; each
	// request was repeated. Default: ThrottlesMaxDefault.
	ThrottlesMax int

	// LagMax is how far the aggregates may lag behind the readings for five minutes. Default: LagMaxDefault.
	LagMax time.Duration

	// ReplicationMax is how long readings may take to reach another region for five minutes. Default:
	// ReplicationMaxDefault.
	ReplicationMax time.Duration

	// CsvAgeMax is how long a CSV file or a part of one may wait or be worked on. Default: CsvAgeMaxDefault.
	CsvAgeMax time.Duration
}

// Validate returns every problem of the props.
func (p OperationsProps) Validate() error {
	return rule.All(
		prop.Required("Api", p.Api == nil, "apiservice.NewApiService"),
		prop.Required("Processing", p.Processing == nil, "processing.NewProcessing"),
		prop.Required("Tables", p.Tables == nil, "storage.NewGlobalTables or storage.ImportGlobalTables"),
		prop.Required("Key", p.Key == nil, "the Key of storage.NewKey or storage.NewReplicaKey"),
		prop.Known(rule.Emails("AlarmEmails[*]", p.AlarmEmails)),
		positive("LatencyMax", p.LatencyMax, LatencyMaxDefault),
		positive("ServerErrorsMax", p.ServerErrorsMax, ServerErrorsMaxDefault),
		positive("ThrottlesMax", p.ThrottlesMax, ThrottlesMaxDefault),
		positive("LagMax", p.LagMax, LagMaxDefault),
		positive("ReplicationMax", p.ReplicationMax, ReplicationMaxDefault),
		positive("CsvAgeMax", p.CsvAgeMax, CsvAgeMaxDefault),
	).Err()
}

// positive accepts a threshold above 0, and 0, which leaves it out.
func positive[N int | time.Duration](field string, got, byDefault N) rule.Faults {
	return rule.Fault{
		Field: field, Rule: "must be above 0", Got: got, Advice: "leave it out for " + rule.Show(byDefault),
	}.If(got < 0)
}

func (p OperationsProps) withDefaults() OperationsProps {
	p.LatencyMax = orDefault(p.LatencyMax, LatencyMaxDefault)
	p.ServerErrorsMax = orDefault(p.ServerErrorsMax, ServerErrorsMaxDefault)
	p.ThrottlesMax = orDefault(p.ThrottlesMax, ThrottlesMaxDefault)
	p.LagMax = orDefault(p.LagMax, LagMaxDefault)
	p.ReplicationMax = orDefault(p.ReplicationMax, ReplicationMaxDefault)
	p.CsvAgeMax = orDefault(p.CsvAgeMax, CsvAgeMaxDefault)
	return p
}

func orDefault[T comparable](value, byDefault T) T {
	var zero T
	if value == zero {
		return byDefault
	}
	return value
}
