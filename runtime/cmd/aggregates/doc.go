// Command aggregates looks after the aggregates of a region from outside, while the service goes on working:
//
//	aggregates audit   compares them with the readings and writes nothing; it ends with status 1 where something differs
//	aggregates repair  sets them to what the readings give; it ends with status 1 where something could not be mended
//	aggregates adopt   does so with all of a region that has left for good and that this one has adopted
//
// The first two take an equipment, a range of hours or everything. All keep to a bound on their reads, and go on from where they
// were when they are started again. infra/LIFE.md says when to adopt ("A region leaves"). Tables, region and credentials come from the environment, under the names that the functions have them by.
package main
