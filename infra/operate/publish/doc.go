// Package publish answers the verbs of a container client that the CDK's command line uses when it publishes an image, so that it
// needs no Docker: inspect, images, build, tag, login and push. The CDK runs whatever the variable CDK_DOCKER names. What it asks, and
// with which flags, was read in its version 2.1148.1; a flag or a verb that it does not use is refused with a sentence.
//
// A registry that is silent for too long is given up, with a sentence that names it (NewTransport), and a slow push tells how far it is.
//
// Images and passwords are kept in one folder. Passwords are in files of mode 0600 and nowhere else: no message and no error has one.
package publish
