// Package memory finds out how much memory this process may use, and shares it out among what may grow with the requests of
// clients, so that all of it together stays below the limit. It imports the standard library only.
package memory
