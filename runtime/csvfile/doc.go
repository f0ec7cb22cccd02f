// Package csvfile takes CSV files of readings, up to contract.UploadBytesMax, in constant memory: Uploads gives out upload addresses and reports
// the state of uploads, Processor divides a file into byte ranges, stores the readings of each and commits its counts once.
// DESIGN.md tells why the counts are exact and the later line wins however often parts of the work are repeated.
//
// The package knows neither AWS nor HTTP. Of this module it imports the contract and the packages fault,
// ingest, pacing and reading; table, bucket and queue stand behind the interfaces of store.go.
package csvfile
