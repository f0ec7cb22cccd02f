// Package docs keeps the pages of the construct library true: its tests compare the tables, pictures and examples in constructs/*.md
// with the sources and with what is synthesized, and those of runtime/SCALING.md with the figures and constants that they follow from. With
// -update they write them:
//
//	go test ./test/docs -update
package docs
