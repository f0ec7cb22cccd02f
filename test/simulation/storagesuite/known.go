package storagesuite

// DynamoDBLocal is the name of Amazon's emulator.
const DynamoDBLocal = "DynamoDB Local"

// KnownDifferences tells in which cases an implementation is known to differ, and why nothing of the service breaks by it there. Of
// others than DynamoDB Local nothing is known, and of AWS nothing may be.
func KnownDifferences(implementation string) map[string]string {
	if implementation != DynamoDBLocal {
		return nil
	}
	return map[string]string{
		"a statement that a condition refuses tells the item on request": "it never tells the item; the service then reads it, which only costs a call",
		"a transaction names the item that cannot be written":            "it refuses such a transaction as a whole; the aggregator then finds the item by itself",
		"a transaction with two operations on one item is refused as a whole": "it cancels one whose conditions fail, with reasons; " +
			"the service writes an item once in a transaction",
		"a record tells when its change took place": "it cuts the time to the minute; only the measured lag of the aggregates depends on it",
	}
}
