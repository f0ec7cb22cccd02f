// Command csvprocessor is the Lambda function that stores the readings of uploaded CSV files. Its queue carries S3's events of
// new files and the function's own messages, one for each range of a large file. It answers with the messages that failed, so
// that only those come back.
package main
