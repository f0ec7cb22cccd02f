package preflight

import "github.com/sensorflow/sensorflow/infra/operate/awscall"

// failed is the finding of a check that got no answer, or that these credentials may not make.
func failed(point, region, call string, err error) Finding {
	return Finding{Point: point, Status: Unknown, Region: region, Text: awscall.Reason(call, err)}
}
