package storage

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/constructs-go/constructs/v10"
)

// KeyProps configures a Key. The zero value of a field selects its default.
type KeyProps struct {
	// Alias is the key's alias without "alias/", such as "SensorFlow-dev". A ReplicaKey finds its primary by it.
	// Default: no alias.
	Alias string

	// MultiRegion makes a key that can have replicas in other regions. It cannot be changed later: CloudFormation refuses, since
	// data would be lost with the old key. Default: a key of one region.
	MultiRegion bool

	// Disposable lets the key be deleted with its stack, after KMS's waiting period; whatever is encrypted with it is lost
	// then. For test environments. Default: the key is retained.
	Disposable bool
}

// Key is a customer managed key that rotates every year, with a policy that names the services which use it.
type Key struct {
	constructs.Construct

	// Key is what the other constructs take.
	Key awskms.Key

	multiRegion bool
}
