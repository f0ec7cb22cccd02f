package operations

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"

	"github.com/sensorflow/sensorflow/constructs/apiservice"
	"github.com/sensorflow/sensorflow/constructs/internal/prop"
	"github.com/sensorflow/sensorflow/constructs/processing"
	"github.com/sensorflow/sensorflow/constructs/storage"
	"github.com/sensorflow/sensorflow/runtime/contract/rule"
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

	// Alarms change the alarms one by one: each can be switched off, changed, or sent elsewhere. Default: as each
	// field of Alarms says.
	Alarms Alarms
}

// Validate returns every problem of the props.
func (p OperationsProps) Validate() error {
	return rule.All(
		prop.Required("Api", p.Api == nil, "apiservice.NewApiService"),
		prop.Required("Processing", p.Processing == nil, "processing.NewProcessing"),
		prop.Required("Tables", p.Tables == nil, "storage.NewGlobalTables or storage.ImportGlobalTables"),
		prop.Required("Key", p.Key == nil, "the Key of storage.NewKey or storage.NewReplicaKey"),
		prop.Known(rule.Emails("AlarmEmails[*]", p.AlarmEmails)),
		p.Alarms.faults(),
	).Err()
}
