#!/bin/sh
# Runs a command on packages, in each module that has some of them, and says at the end in which it failed.
#
#	modules.sh PACKAGES COMMAND...
#
# PACKAGES is ./... for everything in all modules, or folders such as ./runtime/ingest, of any module. test/consumer stands
# apart: it is another team's app, which test/consumertest builds against this module as it is published.
set -u
cd "$(dirname "$0")/.." || exit 1
packages=$1
shift

# owner FOLDER prints the folder of its module.
owner() {
	at=$1
	until [ -f "$at/go.mod" ]; do
		at=$(dirname "$at")
	done
	echo "$at"
}

# within MODULE prints the packages that are the module's, as the Go command takes them there.
within() {
	for pattern in $packages; do
		folder=./${pattern#./}
		folder=${folder%/...}
		if [ "$pattern" = ./... ]; then
			echo ./...
		elif [ ! -d "$folder" ]; then # a path of an import, say: the Go command knows what it is, or says that it is nothing
			[ "$1" = . ] && echo "$pattern"
		elif [ "$(owner "$folder")" = "$1" ]; then
			case $pattern in
			*/...) echo ".${folder#"$1"}/..." ;;
			*) echo ".${folder#"$1"}" ;;
			esac
		fi
	done
}

# below PID prints the arguments of all processes below one.
below() {
	ps -A -o pid= -o ppid= -o args= 2>/dev/null | awk -v root="$1" '
		{ parent[$1] = $2; args[$1] = $0 }
		END { for (p in parent) { for (at = p; at in parent && at != root; at = parent[at]); if (at == root && p != root) print args[p] } }'
}

# tell says every ten seconds what runs, since the Go command shows the results of packages in their order, so that a slow one hides
# those behind it.
tell() {
	began=$(date +%s)
	while sleep 9 >/dev/null 2>&1; do # which may outlive the script, and must not hold its output open
		running=$(below "$1")
		tests=$(echo "$running" | sed -n 's|.*/\([a-z0-9]*\)\.test -test\..*|\1|p' | sort -u | tr '\n' ' ')
		compiled=$(echo "$running" | grep -c '/compile -o ')
		[ "$compiled" -eq 0 ] || tests="${tests}and $compiled compilers"
		echo "    $(($(date +%s) - began)) s: ${tests:-the Go command}" >&2
	done
}
tell $$ &
teller=$!
trap 'kill $teller 2>/dev/null' EXIT
trap 'exit 130' INT TERM HUP

failed='' found=''
for module in $(find . -name '.?*' -prune -o -name go.mod -print | sed 's|/go.mod$||' | grep -v '^\./test/consumer$' | sort); do
	patterns=$(within "$module")
	[ -n "$patterns" ] || continue
	found=yes
	# shellcheck disable=SC2086 # several patterns are several words
	(cd "$module" && "$@" $patterns) || failed="$failed $module"
done
[ -n "$found" ] || failed=" every module: none has packages in $packages"
[ -z "$failed" ] || echo "failed in$failed" >&2
[ -z "$failed" ]
