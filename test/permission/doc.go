// Package permission holds what the roles may do against what the programs do, in both directions.
//
// permissions.txt is the table: each line is an action that a role may call on a resource, by the templates, and what has used it: the
// packages of tests, or a reason why none does. Package test/deployment holds the roles, actions and resources equal to the templates
// of the environments that it creates. It and the packages that run the local system record every call on its way to a service, with
// the role that makes it. A call that no line allows fails the test, and so does a line that names a package which no longer uses it.
// The test of this package fails for a line that nothing uses, unless a reason in reasons.go is about it, and for a reason that no line
// needs any more.
//
// The names in the table are those of the templates, without what differs from region to region, deployment to deployment and run to
// run. The local system's tables, bucket and queues stand for the template's (Watch).
//
// After a change, `go test -p 1 ./test/permission ./test/deployment ./test/contract ./test/faults -update` rewrites the table: read what
// changed. What the table cannot tell: what ECS, Lambda and S3 do for themselves, and what the services do with the key.
package permission
