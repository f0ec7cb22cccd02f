// Package deployment lets the CloudFormation of an emulator, moto, create the synthesized stacks of two regions, and runs the API and the
// functions on what was created: readings, files of several ranges, sign-in, deletions, aggregates, repairs and audits go through in both.
//
// The app is synthesized by its own program, so that nothing here imports the CDK: the templates are JSON, and what they hold is what
// is tested. The programs get their configuration from what was created alone: the task definition, the secret, the settings of the
// functions, and the event sources with their filters, destinations and batches. Only addresses, credentials and the port are the test's.
//
// Where the emulator cannot make a resource as the template has it, a table says what is done instead, and why
// (adaptations_test.go). The test fails for a type of resource that the emulator does not make and that is not in the table, for an entry
// that no template needs, and for one that the emulator does not need any more: that says of a type that the emulator does not know it,
// or that changes a resource which it makes as it is (needless_test.go). Those that keep it from running functions in Docker are left out.
//
// The bucket and the queues are the emulator's: it takes presigned addresses and uploads in parts, and sends events to the queue by the
// notifications that the template configures. It checks no signature; package test/contract holds those, on another S3. The tables are
// DynamoDB Local's, made from what the emulator says about its own, since its PartiQL takes no parameters. Tokens are those of
// runtime/local/cognitolocal, with the ids, clients, groups and scopes that were created: the emulator's tokens name another issuer than
// the pool is configured for, and it gives machines none.
//
// The smoke test is invoked as ECS does it, by the hook of the service, with the settings of its template alone: it calls the address of
// CloudFront and the domain of the user pool by HTTPS, through a proxy that is the internet here.
//
// Every call that the programs make is recorded on its way to a service, with the role whose credentials sign it, and held against the
// policies that were created: a call that no statement allows fails the test. What the roles may do, and which of it was used, is held
// against the table of package test/permission. An operator's command aggregates, for which no stack makes a role, audits with the rights
// of the auditor alone, and repairs and adopts with those of the repairer beside them. Besides the two regions an environment is created
// that is thrown away, whose buckets' policies allow a role more, and one with every other setting is synthesized and not created: its
// roles must be allowed nothing that is not in the table. The roles of the delivery pipeline are not in it, as the emulator makes no
// pipeline: package infra/stacks holds them. What the services do with the key, and what ECS and Lambda do for themselves, stays unseen.
//
// TestLife goes through the life that infra/LIFE.md tells: first deployments that fail and are tried again, a kept environment that is
// destroyed, of which only that stays which a deployer was told, a disposable one of which nothing stays, with something in every bucket,
// and that is made again, and a region that leaves. The emulator takes nothing back by itself and knows no protection of stacks and load
// balancers: the test deletes by the policies of the templates, as CloudFormation does.
//
// Mistakes are planted in the templates, one at a time, each of which must be found (faults_test.go): each time those that are found before
// a flow runs, and with DEPLOYMENT_FAULTS=1 all of them, which takes minutes.
//
// `make setup` installs the emulator, in the versions of .make/moto.txt.
package deployment
