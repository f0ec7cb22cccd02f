#!/bin/sh
# Gets what the browser's tests need: axe-core from npm into .local/axe and, where it is missing, Chromium by Debian's packages, which
# takes root. Without both the tests are left out.
set -eu
cd "$(dirname "$0")/.."

sh .make/npm.sh browser axe-core@4.14.1 \
	sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ== '1 MB' .local/axe

for name in chromium chromium-browser google-chrome google-chrome-stable; do
	command -v $name >/dev/null 2>&1 && exit 0
done
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
	echo "browser: Chromium was not found; install it (Debian: chromium, Fedora: chromium, Homebrew: chromium)" >&2
	exit 1
fi
echo "browser: getting Chromium by apt-get" >&2
export DEBIAN_FRONTEND=noninteractive
{
	sh .make/again.sh apt-get update && sh .make/again.sh apt-get install -y --no-install-recommends chromium fonts-dejavu-core
} >.local/chromium.log 2>&1 || {
	cat .local/chromium.log >&2
	echo "browser: apt-get could not install chromium" >&2
	exit 1
}
