#!/bin/sh
# Says which tests are left out on this machine, and what would bring them. Where CI is true nothing may be left out, and it fails.
set -u
cd "$(dirname "$0")/.." || exit 1

left=0
# out TESTS REASON
out() {
	left=$((left + 1))
	echo "left out: $1: $2"
}

if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
	out 'test/deployment (the stacks on an emulator of AWS)' 'it needs Python 3.11 with venv'
	out 'test/schemathesis (requests made from the description)' 'it needs Python 3.11 with venv'
	out 'test/generated (a client made from the description)' 'it needs Python 3.11 with venv'
fi
if ! command -v python3 >/dev/null 2>&1; then
	out 'test/load (what the users of Locust print)' 'it needs Python 3.11'
fi
browser=
for name in chromium chromium-browser google-chrome google-chrome-stable; do
	command -v $name >/dev/null 2>&1 && browser=yes
done
if [ -z "$browser" ] || [ ! -f .local/axe/axe.min.js ]; then
	out 'test/browser (the console in a real browser)' 'it needs Chromium and axe-core; make browser gets them'
fi
[ "$left" -eq 0 ] || [ "${CI:-}" != true ]
