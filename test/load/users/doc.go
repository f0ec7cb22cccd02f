// Package users is a crowd that sends readings: each user has a connection of its own, sends one reading, waits, and sends the next at
// a moment that was fixed beforehand. How long an answer takes is counted from that moment, so that a service that stalls is seen as
// those see it who wanted to send meanwhile (an open loop). Package vegeta, the usual load library of Go, counts from the sending and
// lets all requests share connections, so that it measures something else.
//
// The crowd shares its machine with what it measures, so that it is lean: a user is one goroutine that writes HTTP/1.1 to its
// connection and reads the answer by itself. BenchmarkExchange weighs that against the client of net/http.
//
// It knows nothing of what it is used for: not of the local system, nor of reports. It imports the standard library alone.
package users
