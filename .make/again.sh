#!/bin/sh
# Runs a command that needs the network, and where it fails runs it again after a pause, three times in all.
#
#	again.sh COMMAND...
set -u
for pause in 5 20; do
	"$@" && exit
	echo "    that failed; again in $pause s" >&2
	sleep $pause
done
exec "$@"
