// Package pricing works out what synthesized templates cost a month, before anybody deploys them: at rest and for each
// million readings.
//
// It knows nothing but the templates, a rate of readings and a table of prices, each with its source and date. What the
// table does not know is said and not counted as nothing. It imports neither the CDK nor the SDK of AWS.
//
// All numbers are estimates in US dollars and are kept as floats.
package pricing
