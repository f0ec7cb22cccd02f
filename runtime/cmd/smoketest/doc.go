// Command smoketest is the Lambda function that tries the API of its region.
//
// ECS invokes it while it deploys a new version, when the new tasks can be reached and no client has met them, and goes back where
// it answers FAILED. The delivery pipeline invokes it once a region is deployed, and then it comes as clients come.
package main
