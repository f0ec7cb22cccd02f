// Command aggregator is the Lambda function that takes in the stream of the readings table and keeps this region's aggregate
// rows equal to the readings. It answers with the records that failed, so that Lambda delivers only what is left.
package main
