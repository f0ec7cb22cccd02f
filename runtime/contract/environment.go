package contract

// Environment keys of the deployed binaries. A key is listed with the binaries that read it.
const (
	// EnvRegion is the region that this process serves and writes as (all binaries). AWS sets it in Lambda and Fargate.
	EnvRegion = "AWS_REGION"

	// EnvReadingsTable names the readings table (all binaries).
	EnvReadingsTable = "READINGS_TABLE"
	// EnvAggregatesTable names the aggregates table (api, aggregator, repairer, auditor).
	EnvAggregatesTable = "AGGREGATES_TABLE"
	// EnvUploadsTable names the table of upload status (api, csvprocessor).
	EnvUploadsTable = "UPLOADS_TABLE"
	// EnvRevocationsTable names the table of tokens logged out (api).
	EnvRevocationsTable = "REVOCATIONS_TABLE"
	// EnvUploadsBucket names the bucket that receives CSV files (api, csvprocessor).
	EnvUploadsBucket = "UPLOADS_BUCKET"
	// EnvCSVQueueURL is the queue to which the CSV processor fans out the ranges of large files (csvprocessor).
	EnvCSVQueueURL = "CSV_QUEUE_URL"
	// EnvStreamFailuresURL is the queue of what the aggregator's event source has given up (repairer).
	EnvStreamFailuresURL = "STREAM_FAILURES_QUEUE_URL"
	// EnvStreamDeadLettersURL is the queue for what of it could not be repaired (repairer).
	EnvStreamDeadLettersURL = "STREAM_DEAD_LETTERS_QUEUE_URL"

	// EnvRetention is how long a raw reading is kept, as a Go duration; empty or 0 keeps readings for ever
	// (all binaries).
	EnvRetention = "RETENTION"
	// EnvIndexShards is the number of GLOBAL#<shard> partitions of the aggregates' index (api, aggregator, repairer, auditor).
	EnvIndexShards = "AGGREGATE_INDEX_SHARDS"
	// EnvFleetBuckets is the number of FLEET#<bucket> partitions that share the fleet totals (api, aggregator, repairer,
	// auditor).
	EnvFleetBuckets = "AGGREGATE_FLEET_BUCKETS"
	// EnvAdoptedRegions lists the regions that have left for good and whose rows this one keeps, separated by commas
	// (aggregator, repairer, auditor).
	EnvAdoptedRegions = "ADOPTED_REGIONS"
	// EnvAggregateCacheTTL is how long an aggregate answer may be reused, at most AggregateCacheTTLMax (api).
	EnvAggregateCacheTTL = "AGGREGATE_CACHE_TTL"

	// EnvUserPoolID is the Cognito user pool (api).
	EnvUserPoolID = "USER_POOL_ID"
	// EnvUserPoolRegion is the region whose Cognito endpoint signs people in; empty means EnvRegion. It differs where the pool
	// has no replica: Cognito replicates a pool to one other region at most (api).
	EnvUserPoolRegion = "USER_POOL_REGION"
	// EnvUserPoolIssuer is the exact `iss` of the pool's tokens, also the base of its JWKS address (api).
	EnvUserPoolIssuer = "USER_POOL_ISSUER"
	// EnvUserPoolJWKSURL overrides the JWKS address; empty means <issuer>/.well-known/jwks.json (api).
	EnvUserPoolJWKSURL = "USER_POOL_JWKS_URL"
	// EnvUserPoolClientID is the app client through which people sign in (api).
	EnvUserPoolClientID = "USER_POOL_CLIENT_ID"
	// EnvUserPoolClientSecret is that client's secret; in AWS it is injected from Secrets Manager (api).
	EnvUserPoolClientSecret = "USER_POOL_CLIENT_SECRET"
	// EnvMachineClientIDs lists the app clients of machines, separated by commas (api).
	EnvMachineClientIDs = "MACHINE_CLIENT_IDS"
	// EnvTokenURL is the OAuth 2.0 token endpoint that the documents name to machines (api).
	EnvTokenURL = "TOKEN_URL"

	// EnvListenAddress is the address that the API listens on (api).
	EnvListenAddress = "LISTEN_ADDRESS"
	// EnvAllowedOrigins lists the browser origins allowed to call with credentials, separated by commas (api).
	EnvAllowedOrigins = "ALLOWED_ORIGINS"
	// EnvPublicURL is the address under which clients reach the API, such as https://api.example.com (api).
	EnvPublicURL = "PUBLIC_URL"
	// EnvTrustedProxies is how many proxies in front of the API append to X-Forwarded-For (api).
	EnvTrustedProxies = "TRUSTED_PROXIES"
	// EnvMemoryLimit is how much memory the task has, in MiB; empty takes what the container's control group says (api).
	EnvMemoryLimit = "MEMORY_LIMIT_MIB"
	// EnvDrainTimeout bounds how long in-flight requests may take to finish after SIGTERM (api).
	EnvDrainTimeout = "DRAIN_TIMEOUT"
	// EnvAPIURL is the address of the API that is tried (smoketest).
	EnvAPIURL = "API_URL"
	// EnvMachineClient is the ARN of the secret with the machine client that tries it (smoketest).
	EnvMachineClient = "MACHINE_CLIENT_ARN"
	// EnvPprofAddress is where profiles of the process are served, such as 127.0.0.1:6060: on loopback alone, since they show what it
	// works on. Empty serves none (all binaries).
	EnvPprofAddress = "PPROF_ADDRESS"
	// EnvLogLevel is debug, info, warn or error (all binaries).
	EnvLogLevel = "LOG_LEVEL"
)
