#!/bin/sh
# Gets exactly the packages of .make/NAME/package-lock.json from npm's registry into .local/NAME. Does nothing where they are there
# already. Two may run at once.
#
#	node.sh NAME
set -eu
cd "$(dirname "$0")/.."
name=$1
home=.local/$name list=.make/$name

cmp -s "$list/package-lock.json" "$home/package-lock.json" && exit 0
mkdir -p .local
work=$(mktemp -d "$home.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
cp "$list/package.json" "$list/package-lock.json" "$work/"
echo "node: getting $name and what it needs"
sh .make/again.sh npm ci --silent --ignore-scripts --no-audit --no-fund --prefix "$work" >"$work/npm.log" 2>&1 || {
	cat "$work/npm.log" >&2
	echo "node: npm could not get the packages of $list; is the npm registry reachable?" >&2
	exit 1
}
[ ! -e "$home" ] || mv "$home" "$work/old" # other versions, or put there meanwhile by a second run
mv "$work" "$home"
rm -rf "$home/old"
