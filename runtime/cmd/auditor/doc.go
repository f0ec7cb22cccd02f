// Command auditor is the Lambda function that compares a sample of the aggregate rows with their readings, by a schedule, and
// writes nothing. Its log's last line is what the metric and the alarm on differences are made of.
package main
