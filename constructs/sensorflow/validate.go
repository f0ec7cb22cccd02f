package sensorflow

import (
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssecretsmanager"

	"github.com/sensorflow/sensorflow/constructs/storage"
	"github.com/sensorflow/sensorflow/runtime/contract"
)

// Validate reports everything that is wrong with the props, what the parts would refuse included, so that one answer names it all
// before any of them exists.
func (p SensorFlowProps) Validate() error {
	var errs []error
	if p.Retention != 0 && p.Retention < contract.RetentionMin {
		errs = append(errs, fmt.Errorf("Retention must be at least 24h, got %s; leave it out to keep readings for ever", shortDuration(p.Retention)))
	}
	if p.Settings != nil && (len(p.MachineClients) > 0 || p.Mfa != 0) {
		errs = append(errs, errors.New("MachineClients and Mfa are for a new user pool and must be left out with Settings"))
	}
	if p.Settings == nil && p.UserPoolRegion != "" {
		errs = append(errs, errors.New("UserPoolRegion goes with Settings: a new user pool lives in the stack's own region"))
	}
	if p.Key == nil && (p.Tables != nil || p.Settings != nil) {
		errs = append(errs, errors.New("Key is required with Tables or Settings: it is the one that they are encrypted with"))
	}
	f := p.assumed()
	return oncePerField(append(errs, p.validateEmails(), p.identity(f).Validate(), p.uploads(f).Validate(), p.processing(f).Validate(), p.api(f).Validate()))
}

func (p SensorFlowProps) validateEmails() error {
	var errs []error
	for i, email := range p.AlarmEmails {
		if *awscdk.Token_IsUnresolved(email) {
			continue
		}
		if address, err := mail.ParseAddress(email); err != nil || address.Address != email {
			errs = append(errs, fmt.Errorf("AlarmEmails[%d] must be an e-mail address, got %q", i, email))
		}
	}
	return errors.Join(errs...)
}

// assumed stands for the parts that the construct is going to make: the other parts' props are checked as if they were there.
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

// oncePerField joins the sentences and drops those about a field that one before was about: several parts take the same field.
func oncePerField(errs []error) error {
	said := map[string]bool{}
	var all []error
	for _, err := range errs {
		for _, sentence := range sentences(err) {
			field, _, _ := strings.Cut(sentence.Error(), " ")
			if field = strings.TrimRight(field, ":,"); !said[field] {
				said[field] = true
				all = append(all, sentence)
			}
		}
	}
	return errors.Join(all...)
}

// sentences takes apart what errors.Join has joined.
func sentences(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		if err == nil {
			return nil
		}
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, sentences(e)...)
	}
	return all
}

// shortDuration writes 30m0s as 30m.
func shortDuration(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}
