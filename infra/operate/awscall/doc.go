// Package awscall makes single signed calls to AWS services whose part of the SDK this module does without: KMS, Secrets Manager, CloudWatch
// Logs, IAM and Lambda, and EC2, whose part takes minutes to compile and to check, for three calls. It speaks their three protocols, JSON, Query and REST, and gives a service's refusal as smithy.APIError, as the
// SDK does.
package awscall
