// Package bench measures what the deployed programs cost, on the programs themselves: it builds them as they are deployed, for
// the processor of this machine. The figures are of this machine; ratios and goals travel, milliseconds do not.
package bench
