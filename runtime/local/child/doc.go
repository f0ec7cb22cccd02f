// Package child runs programs that must never outlive the one that started them: the servers and functions of the local
// stack. It imports nothing but the standard library.
package child
