// Package admission shares what is limited, such as memory or the writers of a table, among those who ask for it: first come,
// first served, and no caller takes it all. It is not for limiting rates. It imports the standard library only.
package admission
