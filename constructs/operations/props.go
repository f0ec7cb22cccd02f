package operations

import (
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"

	"github.com/sensorflow/sensorflow/constructs/apiservice"
	"github.com/sensorflow/sensorflow/constructs/processing"
	"github.com/sensorflow/sensorflow/constructs/storage"
)

// Defaults of OperationsProps.
const (
	LatencyMaxDefault      = time.Second
	ServerErrorsMaxDefault = 10 // in five minutes
	ThrottlesMaxDefault    = 100
	LagMaxDefault          = time.Minute
	ReplicationMaxDefault  = 30 * time.Second // usually it takes less than one
	// CsvAgeMaxDefault lets a part of a file fail and be tried again twice.
	CsvAgeMaxDefault = time.Hour
)

// OperationsProps configure Operations. The zero value of an optional field selects its default.
type OperationsProps struct {
	// Api, Processing and Tables are what is watched. Required.
	Api        *apiservice.ApiService
	Processing *processing.Processing
	Tables     *storage.GlobalTables

	// Key encrypts the messages of the alarms. Its policy must let CloudWatch use it, as that of storage.Key does. Required.
	Key awskms.IKey

	// AlarmEmails receive the alarms; each address confirms once. Default: nobody.
	AlarmEmails []string

	// LatencyMax is how long the API's 99th percentile may be over ten minutes. Default: LatencyMaxDefault.
	LatencyMax time.Duration

	// ServerErrorsMax is how many answers with a status of 500 and above there may be in five minutes, of the tasks and of the load
	// balancer each. Default: ServerErrorsMaxDefault.
	ServerErrorsMax int

	// ThrottlesMax is how many requests to the tables may be refused in five minutes, twice in a row; each was repeated.
	// Default: ThrottlesMaxDefault.
	ThrottlesMax int

	// LagMax is how far the aggregates may lag behind the readings for five minutes. Default: LagMaxDefault.
	LagMax time.Duration

	// ReplicationMax is how long readings may take to reach another region for five minutes. Default: ReplicationMaxDefault.
	ReplicationMax time.Duration

	// CsvAgeMax is how long a CSV file or a part of one may wait or be worked on. Default: CsvAgeMaxDefault.
	CsvAgeMax time.Duration
}

// Validate returns every problem of the props.
func (p OperationsProps) Validate() error {
	var problems []error
	for _, required := range []struct {
		missing       bool
		field, advice string
	}{
		{p.Api == nil, "Api", "apiservice.NewApiService"},
		{p.Processing == nil, "Processing", "processing.NewProcessing"},
		{p.Tables == nil, "Tables", "storage.NewGlobalTables or storage.ImportGlobalTables"},
		{p.Key == nil, "Key", "the Key of storage.NewKey or storage.NewReplicaKey"},
	} {
		if required.missing {
			problems = append(problems, fmt.Errorf("%s is required: give %s", required.field, required.advice))
		}
	}
	for i, email := range p.AlarmEmails {
		if *awscdk.Token_IsUnresolved(email) {
			continue
		}
		if address, err := mail.ParseAddress(email); err != nil || address.Address != email {
			problems = append(problems, fmt.Errorf("AlarmEmails[%d] must be an e-mail address, got %q", i, email))
		} else if slices.Contains(p.AlarmEmails[:i], email) {
			problems = append(problems, fmt.Errorf("AlarmEmails[%d] must be given once, got %q again", i, email))
		}
	}
	for _, bounded := range []struct {
		field     string
		negative  bool
		got       any
		byDefault any
	}{
		{"LatencyMax", p.LatencyMax < 0, p.LatencyMax, LatencyMaxDefault},
		{"ServerErrorsMax", p.ServerErrorsMax < 0, p.ServerErrorsMax, ServerErrorsMaxDefault},
		{"ThrottlesMax", p.ThrottlesMax < 0, p.ThrottlesMax, ThrottlesMaxDefault},
		{"LagMax", p.LagMax < 0, p.LagMax, LagMaxDefault},
		{"ReplicationMax", p.ReplicationMax < 0, p.ReplicationMax, ReplicationMaxDefault},
		{"CsvAgeMax", p.CsvAgeMax < 0, p.CsvAgeMax, CsvAgeMaxDefault},
	} {
		if bounded.negative {
			problems = append(problems, fmt.Errorf("%s must be above 0, got %v; leave it out for %v", bounded.field, bounded.got, bounded.byDefault))
		}
	}
	return errors.Join(problems...)
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
