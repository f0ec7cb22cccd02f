#!/bin/sh
# Runs the CDK's command line for an environment of cdk.json, and says in a sentence what is missing.
#
#	cdk.sh synth|golden|lint|bootstrap|diff|deploy|destroy
#
# It reads ENV, REGION, ACCOUNT and VALIDATE from the environment.
set -eu
cd "$(dirname "$0")/.."
task=$1
env=${ENV:-} region=${REGION:-} account=${ACCOUNT:-}

say() { echo "$task: $*" >&2; }
fail() {
	say "$@"
	exit 1
}

export CDK_DISABLE_CLI_TELEMETRY=true
# Node.js 20, 22 and 24 all run the CDK; fourteen lines each time that the first gets no more fixes are too many.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20
[ -z "$account" ] || export CDK_DEFAULT_ACCOUNT="$account"

cdk() { node .local/cdk/bin/cdk "$@"; }

# of_config EXPRESSION prints what a JavaScript expression makes of `environments` and `all`, the configuration in cdk.json.
of_config() {
	node -e '
		let all;
		try { all = JSON.parse(require("fs").readFileSync("cdk.json")).context.sensorflow; } catch { process.exit(0); }
		const environments = (all || {}).environments || {};
		const found = eval(process.argv[1]);
		if (found !== undefined) console.log(found);
	' "$1"
}

# choose_environment sets env, and region where one is named, to what cdk.json has.
choose_environment() {
	known=$(of_config 'Object.keys(environments).join(", ")')
	if [ -z "$env" ]; then
		case $known in
		*,*) fail "say which environment: make $task ENV=… is one of $known, or pipeline" ;;
		*) env=$known ;;
		esac
	fi
	[ "$env" != pipeline ] || return 0
	case ", $known, " in
	*", $env, "*) ;;
	*) fail "ENV must be one of $known, or pipeline, got $env" ;;
	esac
	[ -n "$region" ] || return 0
	regions=$(of_config "environments['$env'].regions.join(', ')")
	case ", $regions, " in
	*", $region, "*) ;;
	*) fail "REGION must be one of $regions, the regions of $env in cdk.json, got $region" ;;
	esac
}

# need_account stops where nothing tells the account: neither cdk.json nor ACCOUNT nor credentials.
need_account() {
	lacking=$(of_config "Object.entries(environments).filter(([name, e]) => !e.account && (!'$env' || '$env' == name || '$env' == 'pipeline')).map(([name]) => name).join(', ')")
	[ -n "$lacking" ] && [ -z "${CDK_DEFAULT_ACCOUNT:-}" ] || return 0
	has_credentials && return 0
	say "no account is known for $lacking. Write its 12 digits into cdk.json (context.sensorflow.environments.….account)," \
		"or name it once: make $task ACCOUNT=111122223333"
	exit 1
}

# has_credentials looks where the CDK's command line looks.
has_credentials() {
	[ -n "${AWS_ACCESS_KEY_ID:-}${AWS_PROFILE:-}${AWS_WEB_IDENTITY_TOKEN_FILE:-}" ] && return 0
	[ -n "${AWS_CONTAINER_CREDENTIALS_RELATIVE_URI:-}${AWS_CONTAINER_CREDENTIALS_FULL_URI:-}" ] && return 0
	[ -s "${AWS_SHARED_CREDENTIALS_FILE:-$HOME/.aws/credentials}" ] || [ -s "${AWS_CONFIG_FILE:-$HOME/.aws/config}" ] && return 0
	grep -qs 'Amazon EC2' /sys/devices/virtual/dmi/id/sys_vendor
}

need_credentials() {
	has_credentials && return 0
	cat >&2 <<-END
		$task: no AWS credentials were found. What it takes, in this order:
		  1. an AWS account, with its 12 digits in cdk.json (context.sensorflow.environments.….account);
		  2. credentials that may deploy there, such as: aws configure sso && aws sso login && export AWS_PROFILE=…
		     or the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY;
		  3. once in each region: make bootstrap ENV=${env:-…};
		  4. make deploy ENV=${env:-…}
		Without an account, make synth shows the templates (make synth ACCOUNT=111122223333), and make run runs the system here.
	END
	exit 1
}

# in_context runs the command line with the one environment that is wanted; the pipeline needs them all.
in_context() {
	if [ -z "$env" ] || [ "$env" = pipeline ]; then
		cdk "$@"
	else
		cdk "$@" --context "env=$env"
	fi
}

# synthesize makes the templates. With VALIDATE=yes the CDK checks them too, which takes seconds: the gate and the pipeline ask for it,
# and its report must be there, so that a check that is switched off somewhere does not pass for one that found nothing.
synthesize() {
	if [ "${VALIDATE:-}" != yes ]; then
		in_context synth --quiet
		return
	fi
	export CDK_VALIDATION=true
	in_context synth --quiet
	[ -s cdk.out/validation-report.json ] || fail "the CDK has not checked the templates: cdk.out has no validation-report.json"
}

# chosen prints the names of the stacks that are wanted.
chosen() {
	if [ "$env" = pipeline ]; then
		echo SensorFlow-pipeline
	elif [ -n "$region" ]; then
		echo "SensorFlow-$env-$region"
	else
		echo "SensorFlow-$env-*"
	fi
}

hint() {
	say "if an environment is not bootstrapped, make bootstrap ENV=$env does that once; if credentials have expired, log in again"
	exit 1
}

# say_what_stays reads the templates, which have just been made.
say_what_stays() {
	node -e '
		const fs = require("fs"), [pattern] = process.argv.slice(1);
		const wanted = new RegExp("^" + pattern.replace("*", ".*") + "$"), stays = [];
		for (const file of fs.readdirSync("cdk.out").filter((f) => f.endsWith(".template.json"))) {
			const stack = file.replace(".template.json", "");
			if (!wanted.test(stack)) continue;
			for (const [id, r] of Object.entries(JSON.parse(fs.readFileSync("cdk.out/" + file)).Resources || {}))
				if (r.DeletionPolicy === "Retain") stays.push("  " + stack + "  " + r.Type + "  " + id);
		}
		console.log(stays.length
			? "These stay, with what is in them, and cost money until somebody deletes them:\n" + stays.join("\n") +
				"\nThe stacks are protected against being destroyed, too: aws cloudformation update-termination-protection" +
				" --no-enable-termination-protection --stack-name …\n\"disposable\": true in cdk.json and a deployment let everything go, the data included."
			: "Nothing stays: the environment is disposable, its data included.");
	' "$(chosen)"
}

case $task in
golden)
	packages=$(grep -rl --include='*_test.go' 'Golden(' constructs infra test/synth | xargs -n 1 dirname | sort -u | sed 's|^|./|')
	# shellcheck disable=SC2086 # a list
	exec go test $packages -update
	;;
lint)
	home=.local/cfn-lint
	command -v python3 >/dev/null || fail "Python 3 was not found; cfn-lint needs it"
	if ! cmp -s .make/cfn-lint.txt $home/cfn-lint.txt; then
		rm -rf $home
		python3 -m venv $home || fail "Python's venv is missing (Debian, Ubuntu: python3-venv)"
		$home/bin/pip install --quiet --disable-pip-version-check --no-deps --requirement .make/cfn-lint.txt || fail "pip could not get cfn-lint"
		cp .make/cfn-lint.txt $home/
	fi
	# shellcheck disable=SC2046 # a list
	exec $home/bin/cfn-lint --config-file .make/cfn-lint.yaml \
		--regions $(of_config '[...new Set(Object.values(environments).flatMap((e) => e.regions))].join(" ")') -- cdk.out/*.template.json
	;;
synth)
	[ -z "$env" ] || choose_environment
	need_account
	synthesize
	echo "synth: the templates are in cdk.out"
	;;
bootstrap)
	choose_environment
	need_credentials
	# The key for the assets is the account's own (--customer-key would make another), and nobody else is trusted.
	in_context bootstrap
	;;
diff)
	choose_environment
	need_credentials
	in_context diff "$(chosen)" || hint
	;;
deploy)
	choose_environment
	need_credentials
	in_context deploy "$(chosen)" || hint
	;;
destroy)
	choose_environment
	need_account
	synthesize
	say_what_stays
	need_credentials
	in_context destroy "$(chosen)" || hint
	;;
*)
	fail "there is no such task"
	;;
esac
