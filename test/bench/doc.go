// Package bench measures what the deployed programs cost, on the programs themselves: it builds them as they are deployed, for
// the processor of this machine. The milliseconds are those of this machine; ratios and goals hold on others too.
//
// `make bench` is its program measure, which runs the benchmarks that stand beside the code as well; README.md has its figures and
// RESULTS.md, in this folder, all of them. What does not depend on the machine is held by the tests here: row writes and write units of
// aggregates, read units of queries, sizes.
//
// What the three ways of writing cost was measured on 26 November 2026 by
//
//	go test -run - -bench Writes -benchtime 1000x ./test/bench
//
// in one go, on two cores at a load average of 28, nearly all of it by others. So the readings a second say little, and what to compare is the
// time on the processors, of this program and of DynamoDB Local. Nothing was measured on AWS.
//
// Against a stand-in that answers after 4 ms and stores nothing, 16 batches or 64 single calls in flight:
//
//	way of writing          readings         calls a reading   CPU µs a reading
//	BatchWriteItem          any              0.04              13
//	BatchExecuteStatement   new              0.04              13
//	                        again/corrected  0.08              24/20
//	PutItem, a condition    any              1                 136-143
//
// Against DynamoDB Local 1.25.1 in memory, a fresh one each time, 4 calls in flight. Write units are what it tells, which it does not for
// statements:
//
//	way of writing          readings         calls   CPU µs   its CPU µs   write units   readings a second
//	BatchWriteItem          new              0.04    23       400          1             759
//	                        again            0.04    26       380          1             973
//	                        corrected        0.04    28       340          1             1,621
//	BatchExecuteStatement   new              0.04    31       860          not told      374
//	                        again            0.08    71       1,570        not told      416
//	                        corrected        0.08    127      2,360        not told      123
//	PutItem, a condition    new              1       283      850          1             532
//	                        again            1       286      790          1             792
//	                        corrected        1       332      880          1             801
//
// DynamoDB Local's own times are no measure of AWS's: it runs PartiQL slowly, and gets slower the more tables and records it has (a
// statement took it 17 ms beside seventeen tables with some 11,500 writes).
package bench
