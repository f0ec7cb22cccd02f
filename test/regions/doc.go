// Package regions holds drills of several regions on one machine: the programs as they are deployed, once for each region, with the
// local system's replication between their tables. One drill parts two regions and joins them again, another loses a region for
// good and has the other adopt it, a third kills everything again and again and starts it anew, and a fourth has one client of both
// regions, the first of which hangs, comes back and is killed. What must hold then is that nothing acknowledged is lost, that the
// regions are equal, and that the aggregates of each are exact.
package regions
