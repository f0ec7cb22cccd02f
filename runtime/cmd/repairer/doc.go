// Command repairer is the Lambda function that restates the aggregate rows of what the aggregator's event source has given up. It
// finds the records in the stream while that still holds them. What it cannot repair it puts aside with the reason, and nothing is
// dropped.
package main
