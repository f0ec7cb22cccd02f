package pricing

import (
	"errors"
	"fmt"
	"math"
	"strconv"
)

// Usage is what passes through a deployment, all regions together. Each takes the same share.
type Usage struct {
	// ReadingsPerSecond is how many readings arrive, at any hour alike; 0 shows the cost at rest.
	ReadingsPerSecond float64
	// ReadingsPerRequest is how many of them come with one request, 1 to 5000.
	ReadingsPerRequest int
	// Equipments is how many equipments send them, 1 or more.
	Equipments int
	// Machines is how many programs get a token every TokenHours hours, 1/12 to 24.
	Machines   int
	TokenHours float64
	// Users is how many people sign in at least once a month.
	Users int
}

// UsageOf reads a Usage from the environment: READINGS_PER_SECOND, READINGS_PER_REQUEST, EQUIPMENTS, MACHINES,
// TOKEN_HOURS and USERS. The error has a line for each value that is wrong.
func UsageOf(getenv func(key string) string) (Usage, error) {
	u := Usage{ReadingsPerSecond: 100, ReadingsPerRequest: 1, Equipments: 1000, Machines: 100, TokenHours: 24, Users: 10}
	var wrong []error
	read := func(key string, lowest, highest float64, whole bool, set func(float64)) {
		text := getenv(key)
		if text == "" {
			return
		}
		n, err := strconv.ParseFloat(text, 64)
		if err != nil || !(n >= lowest && n <= highest) || whole && n != math.Trunc(n) {
			kind := "a number"
			if whole {
				kind = "a whole number"
			}
			wrong = append(wrong, fmt.Errorf("%s must be %s from %s to %s, got %q", key, kind, plain(lowest, 3),
				plain(highest, 3), text))
			return
		}
		set(n)
	}
	count := func(key string, lowest, highest float64, into *int) {
		read(key, lowest, highest, true, func(n float64) { *into = int(n) })
	}
	read("READINGS_PER_SECOND", 0, 10_000_000, false, func(n float64) { u.ReadingsPerSecond = n })
	count("READINGS_PER_REQUEST", 1, 5000, &u.ReadingsPerRequest)
	count("EQUIPMENTS", 1, 1_000_000_000, &u.Equipments)
	count("MACHINES", 0, 100_000_000, &u.Machines)
	read("TOKEN_HOURS", 1.0/12, 24, false, func(n float64) { u.TokenHours = n })
	count("USERS", 0, 1_000_000_000, &u.Users)
	return u, errors.Join(wrong...)
}

// What is assumed where nothing was measured on AWS. Each is on the screen or small beside what is.
const (
	monthHours   = 730
	monthSeconds = monthHours * 3600
	monthDays    = monthHours / 24.0

	readingBytes  = 160 + 100 // an ordinary reading (test/bench), and what DynamoDB adds to each item
	rowBytes      = 635 + 250 + 200
	requestBytes  = 1500 // most of it the token
	listedBytes   = 110  // of each further reading of a request
	answerBytes   = 500
	logLineBytes  = 300  // of the API, a line a request
	webLogBytes   = 1500 // of the firewall, an entry a request
	accessBytes   = 400  // a line of CloudFront or the load balancer
	pollsPerShard = 4    // a second, by Lambda
	shardsLeast   = 4    // of a new on-demand table
	shardWrites   = 1000 // a second, of a partition

	aggregatorSeconds = 0.05 // of an invocation, most of it waiting for the table
	auditSeconds      = 60
	pollsPerQueue     = 5 * 3600 / 20 * monthHours // five pollers, 20 seconds each, a month
)

// AggregateUnits is how many write units a batch costs the table of aggregates whose readings are of some equipments,
// and how many read units. A row and each of the fleet's three rows are written in transactions, at two units; the
// entry of the row in the index is another unit. Test/bench measures it.
func AggregateUnits(equipments float64) (writes, reads float64) {
	const fleetRows, transactionItems = 3, 100
	transactions := math.Ceil(equipments / (transactionItems - fleetRows))
	return 3*equipments + 2*fleetRows*transactions, equipments
}

// Stream is how the readings of a region reach its aggregator: so many shards, batches a second, and different equipments in each.
type Stream struct{ Shards, Batches, Equipments float64 }

// Stream takes it that a shard gives what has arrived since it was asked last, at once or after a window, and that equipments send
// evenly.
func (u Usage) Stream(regions int, windowSeconds float64) Stream {
	rate := u.ReadingsPerSecond / float64(regions)
	shards := max(shardsLeast, math.Ceil(u.ReadingsPerSecond/shardWrites))
	batches := min(rate, shards*min(pollsPerShard, 1/windowSeconds))
	if batches == 0 {
		return Stream{Shards: shards}
	}
	perBatch, perShard := rate/batches, max(1, float64(u.Equipments)/shards)
	return Stream{shards, batches, perShard * (1 - math.Pow(1-1/perShard, perBatch))}
}

// requestsOf is how many requests a month each of so many regions gets.
func (u Usage) requestsOf(regions int) float64 {
	return u.ReadingsPerSecond * monthSeconds / float64(regions) / float64(u.ReadingsPerRequest)
}

// plain writes a number with so many significant digits, never with an exponent.
func plain(number float64, digits int) string {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(number, 'g', digits, 64), 64)
	if err != nil {
		return strconv.FormatFloat(number, 'f', -1, 64)
	}
	return strconv.FormatFloat(rounded, 'f', -1, 64)
}

// millions is how many million readings a month brings.
func (u Usage) millions() float64 { return u.ReadingsPerSecond * monthSeconds / 1e6 }
