// Package httpapi is the HTTP face of the service: it decodes and checks requests, calls the use cases and encodes their
// answers, problems included, as the API contract has it. It also serves the documents: the OpenAPI description, a page to
// read made from it, and the web console.
//
// It holds no business rules and knows no AWS. It imports the domain and use-case packages, whose work stands behind the
// interfaces in dependencies.go, and is imported by cmd alone.
package httpapi
