#!/bin/sh
# Runs a command, and says every ten seconds what is being waited for.
#
#	patiently.sh WHAT COMMAND...
set -u
what=$1
shift

tell() {
	began=$(date +%s)
	while sleep 9 >/dev/null 2>&1; do # which may outlive the script, and must not hold its output open
		echo "    $(($(date +%s) - began)) s: $what" >&2
	done
}
tell &
teller=$!
trap 'kill $teller 2>/dev/null' EXIT
trap 'exit 130' INT TERM HUP
"$@"
