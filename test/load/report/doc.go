// Package report shows what a crowd of users saw: as a summary for a terminal, as an HTML page that needs nothing else, and as Markdown
// with pictures. It draws its pictures itself. It imports package users and the standard library alone.
package report
