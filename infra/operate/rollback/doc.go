// Package rollback puts the service and the functions of a region back on what ran before the last deployment that changed them.
//
// What that deployment changed is read from the events of the region's stack. The service goes back to the task definition of its last
// successful deployment before; a function gets the code of its newest version from before. Functions keep their settings of now: old code
// on them is what every deployment has for a moment, whereas old settings could know fewer partitions than the tables have by now. For the
// same reason the service is not put back where the two task definitions differ in such a setting.
//
// CloudFormation does not know of a rollback: the next deployment that changes a part brings the part's new version.
package rollback
