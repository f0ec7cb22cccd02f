#!/bin/sh
# Gets the CDK's command line, in the version that fits the library in go.mod, and puts it into .local/cdk. Does nothing where it
# is there already.
set -eu
cd "$(dirname "$0")/.."

package=aws-cdk@2.1148.1
# npm compares the package with what the registry says. This is the hash of the package that was reviewed.
integrity=sha512-K3d02L17IwmAuiBWNuX1DzYhKUs9GrKYI7bZnGJfJ1bKz9ymXFxfudBOL3rUb8JAusDNSULiQU2fsJH7kyY2XA==
home=.local/cdk

[ "$(cat $home/integrity 2>/dev/null)" = "$integrity" ] && exit 0
mkdir -p .local
work=$(mktemp -d .local/cdk.XXXXXX)
trap 'rm -rf "$work"' EXIT
echo "cdk: getting $package (8 MB)" >&2
if ! npm pack --silent --pack-destination "$work" $package >"$work/npm.log" 2>&1; then
	cat "$work/npm.log" >&2
	echo "cdk: npm could not get $package; is the npm registry reachable?" >&2
	exit 1
fi
archive=$(echo "$work"/*.tgz)
found=$(node -e '
	const hash = require("crypto").createHash("sha512");
	hash.update(require("fs").readFileSync(process.argv[1]));
	console.log("sha512-" + hash.digest("base64"));
' "$archive")
if [ "$found" != "$integrity" ]; then
	echo "cdk: $package is not what was reviewed: got $found, want $integrity" >&2
	exit 1
fi
tar -xzf "$archive" -C "$work"
echo "$integrity" >"$work/package/integrity"
[ ! -e $home ] || mv $home "$work/old" # another version, or put there meanwhile by a second run
mv "$work/package" $home
