// Package httpapi is the HTTP face of the service: it decodes and checks requests, calls the use cases and encodes their
// answers and problems as the API contract describes them. It also serves the documents: the OpenAPI description, a page to
// read that is made from it, and the web console of package console.
//
// It holds no business rules and knows no AWS. It imports the domain and use-case packages, whose work stands behind the
// interfaces in dependencies.go, and is imported by cmd alone.
package httpapi
