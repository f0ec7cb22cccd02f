#!/bin/sh
# Runs the CDK's command line for an environment of cdk.json.
#
#	cdk.sh synth|cost|golden|lint|programs|preflight|bootstrap|diff|deploy|rollback|detach|destroy
#
# ENV, REGION and ACCOUNT say what is meant, VALIDATE=yes lets the CDK check the templates, DOCKER=yes lets Docker publish the image, and
# YES=yes does not ask. Command infra/target, which reads them and cdk.json, says in a sentence what is missing, and so does command life
# of infra/operate, which asks AWS: the CDK's command line would end in a trace.
set -eu
cd "$(dirname "$0")/.."
task=$1
env=
stacks=

fail() {
	echo "$task: $*" >&2
	exit 1
}

export CDK_DISABLE_CLI_TELEMETRY=true
# Node.js 20, 22 and 24 all run the CDK. On the first it, and the SDK inside it, would print twenty lines each time: it gets no more fixes.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20 AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED=true
[ -z "${ACCOUNT:-}" ] || export CDK_DEFAULT_ACCOUNT="$ACCOUNT"

# target answers a question about the task: choose, regions or stays. It is built and run in two steps, since go run adds a line of
# its own to what the program says.
target() {
	go build -buildvcs=false -o .local/bin/target ./infra/target && .local/bin/target "$task" "$1"
}

# choose sets the environment that is meant, empty for all, and the pattern of its stacks.
choose() {
	chosen=$(target choose)
	env=${chosen% *} stacks=${chosen#* }
}

# cdk runs the command line with the one environment that is wanted, or the pipeline.
cdk() {
	case $env in
	'') node .local/cdk/bin/cdk "$@" ;;
	*) node .local/cdk/bin/cdk "$@" --context "env=$env" ;;
	esac
}

# synthesize makes the templates. With VALIDATE=yes the CDK checks them too, which takes seconds: the gate and the pipeline ask for it.
# The report must be there then: a check that is switched off somewhere must not pass for one that found nothing.
synthesize() {
	if [ "${VALIDATE:-}" != yes ]; then
		cdk synth --quiet
		return
	fi
	export CDK_VALIDATION=true
	cdk synth --quiet
	validated cdk.out
}

# validated fails where the CDK did not check the templates that were made last in a folder.
validated() {
	[ -s "$1/validation-report.json" ] || fail "the CDK has not checked the templates: $1 has no validation-report.json"
}

# stages prints the folders of a folder's stages, which hold the templates that a pipeline deploys.
stages() {
	sed -n 's|.*"directoryName": "\(assembly-[^"]*\)".*|\1|p' "$1/manifest.json"
}

# lint lets cfn-lint check the templates of a folder and of its stages for some regions, and counts them.
linted=0
lint() {
	validated "$1"
	assembly=$1 regions=$2
	set -- "$assembly"/*.template.json
	for stage in $(stages "$assembly"); do
		[ -n "$(find "$assembly/$stage" -name '*.template.json' | head -n 1)" ] || fail "there are no templates of the stage $stage"
		set -- "$@" "$assembly/$stage"/*.template.json
	done
	# shellcheck disable=SC2086 # a list
	.local/cfn-lint/bin/cfn-lint --config-file .make/cfn-lint.yaml --regions $regions -- "$@" || fail "cfn-lint found something"
	linted=$((linted + $#))
}

# operate builds one of the programs that call AWS and registries.
operate() {
	go build -C infra/operate -buildvcs=false -o "$PWD/.local/bin/" "./cmd/$1"
}

# without_docker lets our own program publish the image, so that a machine with Go and Node.js is enough. DOCKER=yes takes Docker, and
# CDK_DOCKER any other program. What ours keeps, the registries' passwords included, is gone when the deployment ends.
without_docker() {
	[ "${DOCKER:-}" != yes ] && [ -z "${CDK_DOCKER:-}" ] || return 0
	operate publisher
	SENSORFLOW_PUBLISHER_DIR=$(mktemp -d)
	trap 'rm -rf "$SENSORFLOW_PUBLISHER_DIR"' EXIT
	trap 'exit 130' INT TERM HUP
	CDK_DOCKER=$PWD/.local/bin/publisher
	export CDK_DOCKER SENSORFLOW_PUBLISHER_DIR
}

# holds tells whether a folder has the templates of the environment, made after the last change of what they are made from.
holds() {
	[ -f "$1/manifest.json" ] && grep -q "\"SensorFlow-$env[-\"]" "$1/manifest.json" &&
		[ -z "$(find cdk.json go.mod infra constructs runtime/contract -type f -newer "$1/manifest.json" | head -n 1)" ]
}

# begin sees that AWS can be reached, accepts the credentials and takes them for the right account; for a deployment, that each region was
# prepared for the CDK, and that no stack whose creation failed is in the way.
begin() {
	operate life
	.local/bin/life begin "$task" "$env"
}

# quietly synthesizes into a folder, and shows what was said only where that fails.
quietly() {
	mkdir -p .local
	cdk synth --quiet --output "$1" >".local/$task.log" 2>&1 || {
		cat ".local/$task.log" >&2
		exit 1
	}
}

case $task in
golden)
	packages=$(grep -rl --include='*_test.go' 'Golden(\|HoldGrants(' constructs infra test | xargs -n 1 dirname | sort -u | sed 's|^|./|')
	# shellcheck disable=SC2086 # a list
	exec go test $packages -update
	;;
lint)
	sh .make/python.sh cfn-lint
	lint cdk.out "$(target regions)"
	# Whether or not cdk.json has a pipeline, its templates are checked: a made-up one, to two regions of
	# another account.
	env=pipeline
	export CDK_VALIDATION=true
	rm -rf .local/lint
	cdk synth --quiet --output .local/lint --context "sensorflow=$(tr -d '\n' <.make/pipeline.json)"
	[ -n "$(stages .local/lint)" ] || fail "the pipeline has no stage in .local/lint"
	lint .local/lint 'eu-west-1 eu-central-1'
	echo "lint-templates: $linted templates are clean, those of a delivery pipeline included"
	;;
synth)
	choose
	synthesize
	echo "synth: the templates are in cdk.out"
	;;
programs)
	# The steps of the pipeline after the first one have nothing but the assembly.
	assembly=${ASSEMBLY:-cdk.out}
	[ -f "$assembly/manifest.json" ] || fail "there are no templates in $assembly: make synth makes them"
	sh .make/npm.sh programs cdk-assets@4.7.3 sha512-8RC6CdrgnM0nO/VSPkIolCtEmbVeyuaormzMOuvO30hgZJeKy7dddSxvd9h7S4ZQVoAnlmmRAVnE00kkRktjGg== \
		'1 MB' .local/cdk-assets
	rm -rf "$assembly/programs"
	mkdir -p "$assembly/programs/publisher/bin"
	go build -C infra/operate -buildvcs=false -o "$(cd "$assembly" && pwd)/programs/publisher/bin/" ./cmd/publisher
	cp -R .local/cdk .local/cdk-assets "$assembly/programs/"
	rm -rf "$assembly/programs/cdk/lib/init-templates" # which hold Go files that the Go command would find here
	echo "programs: what the steps of the pipeline run is in $assembly/programs"
	;;
cost)
	# What things cost does not depend on the account. Without any, the templates of a made-up one do, in a folder of their own.
	export CDK_DEFAULT_ACCOUNT="${CDK_DEFAULT_ACCOUNT:-111122223333}"
	choose
	go build -buildvcs=false -o .local/bin/cost ./infra/cost
	.local/bin/cost -usage # a mistake is told before anything takes time
	assembly=cdk.out
	if ! holds $assembly; then
		assembly=.local/cost
		holds $assembly || {
			echo "cost: synthesizing the templates first" >&2
			quietly $assembly
		}
	fi
	ENV=$env exec .local/bin/cost -assembly $assembly
	;;
preflight)
	choose
	operate preflight
	exec .local/bin/preflight "$env"
	;;
rollback)
	choose
	begin
	operate rollback
	exec .local/bin/rollback ${YES:+-yes} "$stacks" "$REGION"
	;;
detach)
	choose
	operate life
	exec .local/bin/life detach ${YES:+-yes} "$env" "$REGION"
	;;
bootstrap)
	choose
	begin
	# The key for the assets is the account's own (--customer-key would make another), and nobody else is trusted.
	cdk bootstrap ${REGION:+"aws://*/$REGION"}
	;;
diff)
	choose
	begin
	cdk diff "$stacks"
	;;
deploy)
	choose
	begin
	without_docker
	cdk deploy "$stacks" ||
		fail "what failed stands above; infra/LIFE.md tells what is left of it, and the same command tries again"
	;;
destroy)
	choose
	quietly cdk.out
	target stays # which ends here without credentials
	begin
	# What stays is kept as a file, too: when the stacks are gone, nobody can ask them for names.
	list=.local/stays-$env${REGION:+-$REGION}.txt
	.local/bin/life stays "$env" "$stacks" >"$list" || {
		status=$?
		cat "$list"
		[ $status -ne 4 ] || exit 0
		exit 1
	}
	cat "$list"
	echo "The list is kept in $list."
	cdk destroy --app cdk.out "$stacks" ||
		fail "what refused stands above; run the commands that $list names, and the same command again"
	;;
*)
	fail "there is no such task"
	;;
esac
