#!/bin/sh
# Fuzzes every target of the packages, one after the other, and says at the end which found something.
#
#	fuzz.sh PACKAGES TIME
#
# The targets are read from the sources: asking the test binaries would build all of them and run what they start.
set -u
cd "$(dirname "$0")/.." || exit 1
packages=$1 time=$2

# shellcheck disable=SC2086 # several patterns are several words
targets=$(go list -f '{{$p := .}}{{range .TestGoFiles}}{{$p.ImportPath}} {{$p.Dir}} {{.}}
{{end}}{{range .XTestGoFiles}}{{$p.ImportPath}} {{$p.Dir}} {{.}}
{{end}}' $packages | while read -r package dir file; do
	sed -n "s#^func \(Fuzz[A-Za-z0-9_]*\)(f \*testing\.F).*#$package $dir \1#p" "$dir/$file"
done)
[ -n "$targets" ] || {
	echo "fuzz: no targets in $packages" >&2
	exit 1
}

total=$(echo "$targets" | wc -l | tr -d ' ')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
cache=$(go env GOCACHE)/fuzz

# fuzz NAME returns whether nothing was found. Up to Go 1.26 a run may end with "context deadline exceeded" alone, when its
# time is over at a bad moment (https://go.dev/issue/75804); what was found names its input.
fuzz() {
	(cd "$dir" && exec "$work/fuzz.test" -test.run '^$' -test.fuzz "^$1\$" -test.fuzztime "$time" -test.fuzzminimizetime 2s \
		-test.fuzzcachedir "$cache/$package") >"$work/output" 2>&1 </dev/null && return
	grep -q '^    context deadline exceeded$' "$work/output" && ! grep -q 'Failing input written\|panic:\|_test\.go:' "$work/output"
}

n=0 failed='' built='' began=$(date +%s)
while read -r package dir name; do
	n=$((n + 1))
	if [ "$package" != "$built" ]; then # one build serves all targets of a package
		echo "fuzz: building ${package#*/*/*/}"
		go test -c -vet=off -fuzz . -o "$work/fuzz.test" "$package" || {
			failed="$failed $package"
			continue
		}
		built=$package
	fi
	echo "fuzz: $n of $total: ${package#*/*/*/} $name ($time)"
	fuzz "$name" || {
		failed="$failed $name"
		cat "$work/output"
	}
	sed -n 's/^fuzz: elapsed: [^,]*, \(execs: .*\)/      \1/p' "$work/output" | tail -n 1
done <<END
$targets
END
echo "fuzz: $total targets in $(($(date +%s) - began)) s"
[ -z "$failed" ] || echo "fuzz: failed:$failed; the inputs are in testdata/fuzz of their packages, keep them" >&2
[ -z "$failed" ]
