package contract

// BucketEventName is the event name of the messages that EventBridge writes of new files in a bucket whose events it
// tells. In them keys stand as they are, while S3 encodes those of its own events like a form.
const BucketEventName = "ObjectCreated:EventBridge"

// BucketEventTemplate is what EventBridge writes to the queue of files: an event as S3 would send it. It puts the values
// of BucketEventPaths, with their quotes, in the place of their names.
const BucketEventTemplate = `{"Records":[{"eventName":"` + BucketEventName + `",` +
	`"s3":{"bucket":{"name":<bucket>},"object":{"key":<key>}}}]}`

// BucketEventPaths tells where the values are in an event of EventBridge
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html).
func BucketEventPaths() map[string]string {
	return map[string]string{"bucket": "$.detail.bucket.name", "key": "$.detail.object.key"}
}
