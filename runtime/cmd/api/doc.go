// Command api serves the HTTP API of one region. It is configured by environment variables alone (package config) and
// drains on SIGTERM: readiness falls, requests in flight finish, and only then does it end.
//
// "api healthcheck" asks the server of the same environment whether it lives and exits with 0 if so: images FROM scratch
// have no other program that could.
package main
