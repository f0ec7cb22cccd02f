// Package deletion deletes readings, one or a range, on behalf of a client that may do so. A deletion of up to
// contract.DeletionReadingsMax readings is done when it is answered. A longer one is written down and worked on behind the
// answer, by any process of the region, until it is completed. Every deletion leaves tombstones by way of package ingest, so
// that late writes do not bring readings back, and renews those that it meets. DESIGN.md tells what is promised and how.
//
// It imports the domain, the contract, the kinds of faults, and the packages ingest and pacing; the tables stand behind the
// interfaces of store.go.
package deletion
