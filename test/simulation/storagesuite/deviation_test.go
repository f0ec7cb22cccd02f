package storagesuite_test

import "github.com/sensorflow/sensorflow/test/simulation/storagesuite"

const deviationKey = "STORAGE_DEVIATION"

func deviating(string) storagesuite.Storage { return storagesuite.Model() }
