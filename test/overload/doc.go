// Package overload offers the service more than it can serve, as a crowd of users and as clients that send batches, and holds it to
// what such clients may expect: what is accepted is accepted soon, the rest is refused at once and told when to come again, memory
// stays bounded, and a few seconds later everything is as before. It runs the API beside a stand-in for what it calls, whose capacity
// is limited (package standin).
//
// An ordinary run does so at a reduced size. `make load OVERLOAD=1` does it at full size and prints the figures as "name value unit".
package overload
