// Package deployment lets the CloudFormation of an emulator, moto, create the synthesized stacks of two regions, and runs the API and the
// functions on what was created: readings, files of several ranges, sign-in, deletions, aggregates, repairs and audits go through in both.
//
// The app is synthesized by its own program, so that nothing here imports the CDK: the templates are JSON, and what they hold is what
// is tested. The programs get their configuration from what was created alone: the task definition, the secret, the settings of the
// functions, and the event sources with their filters, destinations and batches. Only addresses, credentials and the port are the test's.
//
// Where the emulator cannot make a resource as the template has it, a table says what is done instead, and why
// (adaptations_test.go). The test fails for a type of resource that the emulator does not make and that is not in the table, for an entry
// that no template needs, and for one that says of a type that the emulator does not know it, once it does.
//
// The bucket and the queues are the emulator's: it takes presigned addresses and uploads in parts, and sends events to the queue by the
// notifications that the template configures. It checks no signature; package test/contract holds those, on another S3. The tables are
// DynamoDB Local's, made from what the emulator says about its own, since its PartiQL takes no parameters. Tokens are those of
// runtime/local/cognitolocal, with the ids, clients, groups and scopes that were created: the emulator's tokens name another issuer than
// the pool is configured for, and it gives machines none.
//
// Every call that the programs make is recorded on its way to a service, with the role whose credentials sign it, and held against the
// policies that were created: a call that no statement allows fails the test, and so does a statement's action on a resource that
// nothing has used, unless a reason stands in permissions_test.go. The table of all permissions is testdata/permissions.golden.txt;
// `make golden` rewrites it. What the role's services do with the key, and what ECS and Lambda do for themselves, stays unseen.
//
// TestLife goes through the life that infra/LIFE.md tells: first deployments that fail and are tried again, a kept environment that is
// destroyed, of which only that stays which a deployer was told, a disposable one of which nothing stays, with something in every bucket,
// and that is made again, and a region that leaves. The emulator takes nothing back by itself and knows no protection of stacks and load
// balancers: the test deletes by the policies of the templates, as CloudFormation does.
//
// DEPLOYMENT_FAULTS=1 also plants mistakes in the templates, one at a time, each of which must be found (faults_test.go).
//
// `make setup` installs the emulator, in the versions of .make/moto.txt.
package deployment
