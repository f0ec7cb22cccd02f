#!/bin/sh
# Runs every check and says at the end which of them failed.
#
#	check.sh PACKAGES GOLANGCI GOVULNCHECK
set -u
cd "$(dirname "$0")/.." || exit 1
packages=$1 golangci=$2 govulncheck=$3

failed=
# check NAME COMMAND...
check() {
	name=$1
	shift
	echo "check: $name"
	"$@" || failed="$failed $name"
}

format() {
	unformatted=$(find . -name '.?*' -prune -o -name '*.go' -print | xargs gofmt -l) || return 1
	[ -z "$unformatted" ] && return
	echo "not formatted (make fmt does it):"
	echo "$unformatted"
	return 1
}

# The database of vulnerabilities is on the network. Where it cannot be reached, the script says that nothing was checked, and does
# not fail.
vulnerabilities() {
	output=$(sh .make/modules.sh "$packages" go run "$govulncheck" 2>&1)
	status=$?
	case $output in
	*'fetching vulnerabilities'*'dial tcp'* | *'fetching vulnerabilities'*'no such host'* | *'fetching vulnerabilities'*timeout*)
		[ $status -eq 0 ] || echo "vulnerabilities were NOT checked: their database cannot be reached from here"
		return 0
		;;
	esac
	[ $status -eq 0 ] || echo "$output"
	return $status
}

# Where they are not there yet, the checks themselves are downloaded.
sh .make/again.sh go run "$golangci" version >/dev/null
sh .make/again.sh go run "$govulncheck" -version >/dev/null
check gofmt format
check vet sh .make/modules.sh "$packages" go vet
# It includes staticcheck. Run by itself, that would load everything a second time, the CDK included, which takes minutes.
check golangci-lint sh .make/modules.sh "$packages" go run "$golangci" run
check govulncheck vulnerabilities
[ -z "$failed" ] || echo "check: failed:$failed" >&2
[ -z "$failed" ]
