// Package image builds a container image from a folder with a Dockerfile, without Docker. It knows images FROM scratch only, and
// of the instructions those that copy files and that describe the container. Nothing runs in a build, so an image is
// made for any platform on any machine.
//
// The same files give the same digest, whenever and wherever they are built: no time, owner or umask of this machine gets into the
// image, and the compression is that of a library in the version of go.mod, since the one of the Go toolchain may change its output.
package image
