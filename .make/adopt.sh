#!/bin/sh
# Makes the aggregates of a region that has left for good equal to the readings that it wrote. infra/LIFE.md, "A region leaves", says
# when.
#
#	adopt.sh [FLAGS]
#
# ENV and REGION say what is meant. The command aggregates runs here, with the configuration of the deployed functions that keep the
# region's rows: it is the same for all of them, and only a deployment that has adopted the region has it.
set -eu
cd "$(dirname "$0")/.."

fail() {
	echo "adopt: $*" >&2
	exit 1
}

[ -z "${ACCOUNT:-}" ] || export CDK_DEFAULT_ACCOUNT="$ACCOUNT"
go build -buildvcs=false -o .local/bin/ ./infra/target
keeper=$(.local/bin/target adopt keeper) # the environment, the region, and what the tables are called
command -v aws >/dev/null || fail "the AWS command line was not found; https://aws.amazon.com/cli has it"
env=${keeper%% *} keeper=${keeper#* }
region=${keeper% *} tables=${keeper#* }
go build -C infra/operate -buildvcs=false -o "$PWD/.local/bin/" ./cmd/life
.local/bin/life begin adopt "$env"
go build -buildvcs=false -o .local/bin/ ./runtime/cmd/aggregates
functions="Functions[?Environment.Variables.AGGREGATES_TABLE=='$tables-Aggregates' && Environment.Variables.ADOPTED_REGIONS]"
found=$(aws lambda list-functions --region "$region" --output json --query "$functions | [0].Environment.Variables") ||
	fail "the functions of $region could not be listed"
variables=$(printf '%s' "$found" | node -e '
	const variables = JSON.parse(require("fs").readFileSync(0, "utf8") || "null") || {}
	for (const [key, value] of Object.entries(variables)) console.log(key + "=" + value)
') || fail "aws lambda list-functions gave no JSON"
[ -n "$variables" ] || fail "no function in $region has adopted a region: deploy first"
# shellcheck disable=SC2046,SC2086 # one variable a word: none has a blank
exec env $variables AWS_REGION="$region" .local/bin/aggregates adopt -region "$REGION" -place ".local/adopt-$REGION.place.json" "$@"
