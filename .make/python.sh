#!/bin/sh
# Makes a virtual environment of Python in .local/NAME that holds exactly the packages of .make/NAME.txt. Does nothing where it is
# there already. Two may run at once.
#
#	python.sh NAME
set -eu
cd "$(dirname "$0")/.."
name=$1
home=.local/$name list=.make/$name.txt

is_there() {
	cmp -s "$list" "$home/$name.txt"
}

is_there && exit 0
mkdir -p .local
sh .make/prerequisites.sh python
# Environments hold their own path, so that one cannot be made elsewhere and moved. The lock is a folder, which only one process can
# make; the lock of a process that has ended does not count.
lock=.local/$name.lock
until mkdir "$lock" 2>/dev/null; do
	owner=$(cat "$lock/pid" 2>/dev/null || true)
	if [ -n "$owner" ] && ! kill -0 "$owner" 2>/dev/null; then
		rm -rf "$lock"
		continue
	fi
	sleep 0.2
done
trap 'rm -rf "$lock"' EXIT
trap 'exit 130' INT TERM HUP
echo $$ >"$lock/pid"
is_there && exit 0 # another run made it meanwhile

echo "python: getting $(sed -n 's/ *#.*//; /==/{p;q;}' "$list") and what it needs"
rm -rf "$home"
python3 -m venv "$home"
sh .make/again.sh "$home/bin/pip" install --quiet --disable-pip-version-check --no-deps --requirement "$list" || {
	echo "python: pip could not get the packages of $list; is PyPI reachable?" >&2
	exit 1
}
cp "$list" "$home/"
