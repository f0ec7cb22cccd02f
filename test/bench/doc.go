// Package bench measures what the deployed programs cost, on the programs themselves: it builds them as they are deployed, for
// the processor of this machine. The milliseconds are those of this machine; ratios and goals hold on others too.
package bench
