//go:build !unix

package httpapi

import "net"

// closed leaves it to net/http to notice that the other side has closed a connection.
func closed(net.Conn) bool { return false }
