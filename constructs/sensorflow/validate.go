package sensorflow

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"

	"github.com/sensorflow/sensorflow/constructs/identity"
	"github.com/sensorflow/sensorflow/constructs/internal/prop"
	"github.com/sensorflow/sensorflow/constructs/storage"
	"github.com/sensorflow/sensorflow/runtime/contract/rule"
)

// Validate reports everything that is wrong with the props, also what the parts would refuse, so that one answer names
// all of it before any part exists. Where several parts take the same prop, one of them reports it.
func (p SensorFlowProps) Validate() error {
	const poolAdvice = "it is for a new user pool"
	f := p.assumed()
	return rule.All(
		prop.LeftOut("MachineClients", p.Settings != nil && len(p.MachineClients) > 0, " with Settings", poolAdvice),
		prop.LeftOut("Mfa", p.Settings != nil && p.Mfa != identity.MfaOff, " with Settings", poolAdvice),
		prop.LeftOut("UserPool", p.Settings != nil && p.UserPool != nil, " with Settings",
			"they tell of the pool that signs people in"),
		rule.Fault{
			Field: "UserPoolRegion", Rule: "goes with Settings alone",
			Advice: "a new user pool lives in the stack's own region",
		}.If(p.Settings == nil && p.UserPoolRegion != ""),
		rule.Fault{
			Field: "SettingsRevision", Rule: "goes with Settings alone",
			Advice: "that of a new user pool is known",
		}.If(p.Settings == nil && p.SettingsRevision != ""),
		rule.Fault{
			Field: "Key", Rule: "is required with Tables or Settings",
			Advice: "give the one that they are encrypted with",
		}.If(p.Key == nil && (p.Tables != nil || p.Settings != nil)),
		rule.Of(p.identity(f).Validate()),
		rule.Of(p.uploads(f).Validate()),
		rule.Of(p.processing(f).Validate()),
		rule.Of(p.api(f).Validate()),
		prop.Known(rule.Emails("AlarmEmails[*]", p.AlarmEmails)),
		rule.Of(p.Alarms.Validate()),
	).Err()
}

// assumed stands for the parts that the construct is going to make. The props of the other parts are checked as if
// those existed.
func (p SensorFlowProps) assumed() *SensorFlow {
	f := &SensorFlow{Key: p.Key, Tables: p.Tables, Settings: p.Settings, Uploads: &storage.Uploads{}}
	if f.Key == nil {
		f.Key = struct{ awskms.IKey }{}
	}
	if f.Tables == nil {
		f.Tables = &storage.GlobalTables{}
	}
	if f.Settings == nil {
		f.Settings = struct{ awssecretsmanager.ISecret }{}
	}
	return f
}
