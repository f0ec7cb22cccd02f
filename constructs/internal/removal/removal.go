// Package removal says what becomes of data when its stack goes, and when the stack could not be made.
package removal

import "github.com/aws/aws-cdk-go/awscdk/v2"

// Policy lets what keeps data stay when its stack goes, unless it is disposable. It is for what CloudFormation names,
// so that what a failed stack has left is in nobody's way, and for what cannot be deleted as soon as it is there: a
// bucket into which a load balancer has written, a user pool that is protected. With Created such a thing would make
// the rollback fail, and CloudFormation could then neither go on nor go back.
func Policy(disposable bool) awscdk.RemovalPolicy {
	if disposable {
		return awscdk.RemovalPolicy_DESTROY
	}
	return awscdk.RemovalPolicy_RETAIN
}

// Created is Policy for what has a name of ours, or costs money as long as it is there, and can be deleted while it is
// new: where the deployment that makes it fails, it goes again, so that the next one does not find it there.
func Created(disposable bool) awscdk.RemovalPolicy {
	if disposable {
		return awscdk.RemovalPolicy_DESTROY
	}
	return awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE
}
