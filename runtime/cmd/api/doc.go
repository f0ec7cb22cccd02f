// Command api serves the HTTP API of one region. It is configured by environment variables alone (package config) and
// drains on SIGTERM: it says that it is no longer ready, finishes the requests in flight, and then ends.
//
// "api healthcheck" asks the server of the same environment whether it lives and exits with 0 if so: an image FROM scratch
// holds no other program that could ask.
package main
