#!/bin/sh
# Gets DynamoDB Local, Amazon's own program, from an npm package that contains it, and puts it into .local/dynamodb. Does nothing
# where it is there already. Two may run at once.
set -eu
cd "$(dirname "$0")/.."

package=amplify-dynamodb-simulator@2.9.30
# The hash of the package that was reviewed.
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
trap 'rm -rf $lock' EXIT
trap 'exit 130' INT TERM HUP
echo $$ >$lock/pid
is_there && exit 0 # another run put it there meanwhile

sh .make/npm.sh setup $package $integrity '57 MB' $home emulator
