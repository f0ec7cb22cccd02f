#!/bin/sh
# Checks that what the Makefile needs is on this machine, and names everything that is missing at once.
#
#	prerequisites.sh go node java python
set -u
cd "$(dirname "$0")/.." || exit 1

problems=0
# missing NAME DEBIAN FEDORA HOMEBREW
missing() {
	problems=$((problems + 1))
	echo "$1" >&2
	echo "    Debian, Ubuntu: $2   Fedora: $3   Homebrew: $4" >&2
}

# below VERSION MAJOR MINOR tells whether a version such as 1.26.3 is below MAJOR.MINOR.
below() {
	major=${1%%.*}
	rest=${1#*.}
	minor=${rest%%.*}
	case $major in '' | *[!0-9]*) return 0 ;; esac
	case $minor in '' | *[!0-9]*) minor=0 ;; esac
	[ "$major" -lt "$2" ] || { [ "$major" -eq "$2" ] && [ "$minor" -lt "$3" ]; }
}

check_go() {
	needed=$(sed -n 's/^go //p' go.mod)
	major=${needed%%.*}
	rest=${needed#*.}
	minor=${rest%%.*}
	# Outside the module: inside it, an older Go would fetch the version that go.mod asks for and report that one.
	version=$(cd / && GOTOOLCHAIN=local go env GOVERSION 2>/dev/null | sed 's/^go//')
	if [ -z "$version" ]; then
		missing "Go was not found; install $major.$minor or newer." "golang-go, or https://go.dev/dl where that is older" "golang" "go"
	elif below "$version" "$major" "$minor"; then
		missing "Go $version is too old; install $major.$minor or newer." "https://go.dev/dl" "golang" "go"
	fi
}

check_node() {
	version=$(node --version 2>/dev/null | sed 's/^v//')
	if [ -z "$version" ]; then
		missing "Node.js was not found; install 20 or newer." "nodejs" "nodejs" "node"
	elif below "$version" 20 0; then
		missing "Node.js $version is too old; install 20 or newer." "nodejs, or https://nodejs.org where that is older" "nodejs" "node"
	fi
	command -v npm >/dev/null 2>&1 || missing "npm was not found; it comes with Node.js or beside it." "npm" "nodejs-npm" "node"
}

check_java() {
	# Without Java, macOS has a command java that only says that Java is missing.
	version=$(java -version 2>&1 | sed -n 's/.*version "\([^"]*\)".*/\1/p' | sed -n 1p)
	if [ -z "$version" ]; then
		missing "Java was not found; install 17 or newer." "openjdk-17-jre-headless" "java-latest-openjdk-headless" "openjdk"
	elif below "$version" 17 0; then
		missing "Java $version is too old; install 17 or newer." "openjdk-17-jre-headless" "java-latest-openjdk-headless" "openjdk"
	fi
}

check_python() {
	version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
	if [ -z "$version" ]; then
		missing "Python was not found; install 3.11 or newer." "python3 python3-venv" "python3" "python"
	elif below "$version" 3 11; then
		missing "Python $version is too old; install 3.11 or newer." "python3, or https://www.python.org where that is older" "python3" "python"
	elif ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
		missing "Python's venv was not found." "python3-venv" "python3" "python"
	fi
}

for name in "$@"; do
	"check_$name"
done
[ "$problems" -eq 0 ]
