// Command local runs the whole system on this machine until Ctrl-C: `make run`. It writes how to reach it to stack.json and
// prints the same as a table; what the parts print goes to files.
//
//	local [flags]        run the system
//	local demo [flags]   run it, or use the one that runs, and send it a month of readings: `make demo`
//	local cut -region R  let nothing pass between a region and the others of the system that runs: `make cut REGION=R`
//	local heal -region R bring it back, and tell what is still to travel until that has arrived: `make heal REGION=R`
//	local running        fail unless a system runs here: `make audit` asks
//
// PORT (default 8080), DATA_DIR (default: in memory) and RETENTION may stand in the environment or be given as flags, and so may
// REGIONS (default 1, up to 4) and REGIONS_DELAY (default 500ms), the lag between regions.
// AWS_ENDPOINT_URL_* point parts at another emulator or at AWS, as package runtime/local/stack describes.
//
// Nothing of this folder is deployed, and nothing that is deployed imports it. Beside this command lie
//
//   - stack, which starts and stops everything, for this command and for tests;
//   - a stand-in for each service of AWS: dynamolocal, s3local, sqslocal, cognitolocal and lambdalocal;
//   - replicator, which brings the writes of each region's tables to those of the others;
//   - eventsource, which brings events from the tables, the bucket and the queues to the functions;
//   - child, datadir and checkout: processes that end with this one, files that outlive it, and the programs' sources.
package main
