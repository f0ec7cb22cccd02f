#!/bin/sh
# Gets DynamoDB Local, Amazon's own program, from an npm package that contains it, and puts it into .local/dynamodb. Does nothing
# where it is there already. Two may run at once.
set -eu
cd "$(dirname "$0")/.."

package=amplify-dynamodb-simulator@2.9.30
# npm compares the package with what the registry says. This is the hash of the package that was reviewed.
integrity=sha512-xTeeRLvzEfqyd5lh3bH4c0kHvSHHmmhD5ZDsHFKAQ5g2Zl6JqlFdutaQhCLHzxEp6Ry1o7TB6niIoXuQAnSewQ==
home=.local/dynamodb
lock=.local/setup.lock

is_there() {
	[ "$(cat $home/integrity 2>/dev/null)" = "$integrity" ] && [ -f $home/DynamoDBLocal.jar ]
}

is_there && exit 0
mkdir -p .local

# The lock is a folder, which only one process can make. The lock of a process that has ended does not count.
until mkdir $lock 2>/dev/null; do
	is_there && exit 0
	owner=$(cat $lock/pid 2>/dev/null || true)
	if [ -n "$owner" ] && ! kill -0 "$owner" 2>/dev/null; then
		rm -rf $lock
		continue
	fi
	sleep 0.2
done
work=
trap 'rm -rf $lock ${work:+"$work"}' EXIT
trap 'exit 130' INT TERM HUP
echo $$ >$lock/pid
is_there && exit 0 # another run put it there meanwhile

echo "setup: getting DynamoDB Local ($package, 57 MB)"
work=$(mktemp -d .local/setup.XXXXXX)
if ! npm pack --silent --pack-destination "$work" $package >"$work/npm.log" 2>&1; then
	cat "$work/npm.log" >&2
	echo "setup: npm could not get $package; is the npm registry reachable?" >&2
	exit 1
fi
archive=$(echo "$work"/*.tgz)
found=$(node -e '
	const hash = require("crypto").createHash("sha512");
	hash.update(require("fs").readFileSync(process.argv[1]));
	console.log("sha512-" + hash.digest("base64"));
' "$archive")
if [ "$found" != "$integrity" ]; then
	echo "setup: $package is not what was reviewed: got $found, want $integrity" >&2
	exit 1
fi
tar -xzf "$archive" -C "$work" package/emulator
echo "$integrity" >"$work/package/emulator/integrity"
rm -rf "$work/old"
[ ! -e $home ] || mv $home "$work/old" # a DynamoDB Local that runs keeps its open files
mv "$work/package/emulator" $home
