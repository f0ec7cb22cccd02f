// Package removal says what becomes of data when its stack goes.
package removal

import "github.com/aws/aws-cdk-go/awscdk/v2"

// Policy lets what keeps data stay when its stack goes, unless it is disposable.
func Policy(disposable bool) awscdk.RemovalPolicy {
	if disposable {
		return awscdk.RemovalPolicy_DESTROY
	}
	return awscdk.RemovalPolicy_RETAIN
}
