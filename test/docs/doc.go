// Package docs keeps the pages of the construct library true: its tests compare the tables, pictures and examples in constructs/*.md
// with the sources and with what is synthesized. With -update they write them:
//
//	go test ./test/docs -update
package docs
