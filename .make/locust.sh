#!/bin/sh
# Runs the users of test/load/locustfile.py: USERS of them for DURATION against URL with TOKEN, or, without URL, against the API beside a
# stand-in for what it calls, which is started. The page is .local/load/locust-USERS.html.
#
# The command of make load finds or starts it and judges what is wanted. Its status is 0 where the users were let loose and something was
# stored, whatever the figures.
set -eu
cd "$(dirname "$0")/.."
sh .make/prerequisites.sh python
mkdir -p .local/load
export USERS="${USERS:-1000}"
work=$(mktemp -d .local/locust.XXXXXX)
: >"$work/told" # which is looked into before the command has begun
SERVE=1 .local/bin/load >"$work/told" 2>"$work/log" &
server=$!
trap 'kill $server 2>/dev/null || true; wait $server 2>/dev/null || true; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
until grep -q '^DURATION=' "$work/told"; do
	kill -0 $server 2>/dev/null || { cat "$work/log" >&2; exit 2; }
	sleep 0.2
done
# Getting Locust takes a while, so that it comes after what may be refused.
sh .make/python.sh locust
told() { sed -n "s/^$1=//p" "$work/told"; }
URL=$(told URL) TOKEN=$(told TOKEN) DURATION=$(told DURATION)
export TOKEN DURATION
# As many processes as there are processors, as one of Python uses one of them.
.local/locust/bin/locust --locustfile test/load/locustfile.py --headless --only-summary --loglevel ERROR --host "$URL" --processes -1 \
	--html ".local/load/locust-$USERS.html" --exit-code-on-error 0
