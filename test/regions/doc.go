// Package regions holds drills of several regions on one machine: the programs as they are deployed, once for each region, with the
// local system's replication between their tables. One drill parts two regions and joins them again, the other loses a region for
// good and has the other adopt it. What must hold then is that nothing acknowledged is lost, that the regions are equal, and that
// the aggregates of each are exact.
package regions
