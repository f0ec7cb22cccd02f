package goasset

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsecrassets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsecs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"

	"github.com/sensorflow/sensorflow/constructs/goasset/gobuild"
	"github.com/sensorflow/sensorflow/runtime/contract/rule"
)

// Architecture is the processor that a command is built for.
type Architecture int

// ARM64 is the default. The same work costs about a fifth less on AWS's own processors.
const (
	ARM64 Architecture = iota
	AMD64
)

// String returns Go's name of the architecture.
func (a Architecture) String() string {
	switch a {
	case ARM64:
		return gobuild.ARM64
	case AMD64:
		return gobuild.AMD64
	default:
		return fmt.Sprintf("Architecture(%d)", int(a))
	}
}

// Validate tells whether the architecture is one of the two.
func (a Architecture) Validate() error {
	return rule.Fault{Field: "Architecture", Rule: "must be goasset.ARM64 or goasset.AMD64", Got: a}.
		If(a != ARM64 && a != AMD64).Err()
}

// Function returns the architecture as Lambda functions take it.
func (a Architecture) Function() awslambda.Architecture {
	if a == AMD64 {
		return awslambda.Architecture_X86_64()
	}
	return awslambda.Architecture_ARM_64()
}

// Task returns the architecture as ECS task definitions take it.
func (a Architecture) Task() awsecs.CpuArchitecture {
	if a == AMD64 {
		return awsecs.CpuArchitecture_X86_64()
	}
	return awsecs.CpuArchitecture_ARM64()
}

// LambdaCode returns the command of that name as the code of a function with the runtime provided.al2023. The hash of
// the asset is that of its content, so that it changes exactly when the program does. It panics where the command
// cannot be built, with one sentence and the messages of the compiler.
func LambdaCode(command string, a Architecture) awslambda.Code {
	dir, err := gobuild.Function(command, a.String())
	if err != nil {
		panic(err)
	}
	return awslambda.Code_FromAsset(&dir, nil)
}

// ContainerImage returns an image of the command of that name, made from scratch: the program, CA certificates, a user
// without rights, port 8080. It panics as LambdaCode does.
func ContainerImage(command string, a Architecture) awsecs.ContainerImage {
	dir, err := gobuild.Image(command, a.String())
	if err != nil {
		panic(err)
	}
	platform := awsecrassets.Platform_LINUX_ARM64()
	if a == AMD64 {
		platform = awsecrassets.Platform_LINUX_AMD64()
	}
	return awsecs.ContainerImage_FromAsset(&dir, &awsecs.AssetImageProps{Platform: platform})
}
