#!/bin/sh
# Gets a package from npm's registry, compares it with the hash of the package that was reviewed, and puts it into a folder. Does nothing
# where it is there already.
#
#	npm.sh TASK PACKAGE@VERSION INTEGRITY SIZE FOLDER [PART]
#
# TASK begins what it says, SIZE is what it says of the download, and PART is the folder of the package that is kept, without any the
# whole of it. A folder has the file integrity, which tells what is in it.
set -eu
cd "$(dirname "$0")/.."
task=$1 package=$2 integrity=$3 size=$4 home=$5 part=package${6:+/$6}

[ "$(cat "$home/integrity" 2>/dev/null)" = "$integrity" ] && exit 0
mkdir -p "$(dirname "$home")"
work=$(mktemp -d "$home.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
echo "$task: getting $package ($size)" >&2
if ! sh .make/again.sh npm pack --silent --pack-destination "$work" "$package" >"$work/npm.log" 2>&1; then
	cat "$work/npm.log" >&2
	echo "$task: npm could not get $package; is the npm registry reachable?" >&2
	exit 1
fi
archive=$(echo "$work"/*.tgz)
found=$(node -e '
	const hash = require("crypto").createHash("sha512");
	hash.update(require("fs").readFileSync(process.argv[1]));
	console.log("sha512-" + hash.digest("base64"));
' "$archive")
if [ "$found" != "$integrity" ]; then
	echo "$task: $package is not what was reviewed: got $found, want $integrity" >&2
	exit 1
fi
tar -xzf "$archive" -C "$work" "$part"
echo "$integrity" >"$work/$part/integrity"
[ ! -e "$home" ] || mv "$home" "$work/old" # another version, or put there meanwhile by a second run; what runs keeps its open files
mv "$work/$part" "$home"
