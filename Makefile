# `make` alone prints what there is. Every target may be run at any time and any number of times; only those in .make/deploy.mk that
# say so need an AWS account.

SHELL = /bin/sh

# The CDK runs on Node.js 20, 22 and 24 alike; the banner about the first would hide what tests print.
export JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION = 20
.DEFAULT_GOAL = help

# What `make test` and `make check` look at.
PKG ?= ./...

# Versions of the checks, which are run from their modules and are no dependencies of this one.
GOLANGCI = github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK = golang.org/x/vuln/cmd/govulncheck@v1.9.0

# Package runtime/local/checkout builds with the same flags.
BUILDING = sh .make/patiently.sh 'building the programs; the first time takes minutes'
BUILD = $(BUILDING) go build -buildvcs=false -o .local/bin/ ./runtime/cmd/... ./runtime/local && \
	$(BUILDING) go build -C runtime/local/s3local/s3gateway -buildvcs=false -o '$(CURDIR)/.local/bin/' .

# What publishes the image without Docker. The tasks of .make/deploy.mk build it too.
BUILD_TOOLS = go build -C infra/operate -buildvcs=false -o '$(CURDIR)/.local/bin/' ./cmd/...

# How many histories `make simulate` runs.
SEEDS ?= 10000

# The longest that one package's tests may take: it ends what hangs. The slowest, test/browser, takes five minutes on two cores.
TEST_TIMEOUT = 45m

# How long `make fuzz` gives each target. A gate says FUZZTIME=5s: there are twenty, and all of them stay below three minutes.
FUZZTIME ?= 60s

##@ Start here

.PHONY: run
run: .prepared ## run the whole system on this machine (PORT=8080, DATA_DIR=folder to keep the data, REGIONS=2 REGIONS_DELAY=2s)
	@exec .local/bin/local -foreground

.PHONY: demo
demo: .prepared ## send a month of readings of 50 equipments, to the system that runs or to one that this starts
	@exec .local/bin/local demo -foreground

.PHONY: test
test: .set-up .built ## run every test, or those of some packages (PKG=./runtime/ingest)
	@sh .make/modules.sh '$(PKG)' go test -timeout $(TEST_TIMEOUT); tested=$$?; sh .make/left-out.sh && exit $$tested

##@ While it runs (cut and heal: with REGIONS=2)

.PHONY: cut
cut: .have-local ## part a region from the others, so that nothing passes between them (REGION=eu-central-1)
	@.local/bin/local cut -region '$(REGION)'

.PHONY: heal
heal: .have-local ## join it again; all that was missed on either side follows (REGION=eu-central-1)
	@.local/bin/local heal -region '$(REGION)'

.PHONY: audit
audit: .running ## compare the aggregates with the readings, and say what differs (ARGS='-sample 100', ARGS=-h for all)
	@env $$(cat .local/stack.env) .local/bin/aggregates audit -settle 5s -place .local/audit.place.json $(ARGS)

.PHONY: repair
repair: .running ## set aggregates to what the readings give (ARGS='-equipment EQ-1 -from 2026-03-01T08')
	@env $$(cat .local/stack.env) .local/bin/aggregates repair -place .local/repair.place.json $(ARGS)

##@ Every change

.PHONY: check
check: .have-go ## check format, vet, lint and known vulnerabilities (PKG=./runtime/ingest)
	@sh .make/check.sh '$(PKG)' $(GOLANGCI) $(GOVULNCHECK)

.PHONY: race
race: .set-up .built ## run the tests of the runtime and of the simulation under the race detector
	@go test -race -short -timeout $(TEST_TIMEOUT) ./runtime/... ./test/simulation/...

.PHONY: fuzz
fuzz: .have-go ## fuzz each function that has a fuzz test, in turn (FUZZTIME=60s, PKG=./runtime/csvfile)
	@sh .make/fuzz.sh '$(PKG)' '$(FUZZTIME)'

.PHONY: simulate
simulate: .have-go ## simulate several regions under all kinds of faults (SEEDS=10000; SEED=7 replays one and shows its steps)
	@SEEDS='$(SEEDS)' SEED='$(SEED)' go test -count=1 -v -timeout 0 -run EveryHistory ./test/simulation

.PHONY: simulate-nightly
simulate-nightly: SEEDS = 1000000
simulate-nightly: simulate ## the same for a million seeds

.PHONY: conformance
conformance: .have-go ## try what the service relies on in DynamoDB (ENDPOINT=http://host:port; without it on AWS, with your credentials)
	@go build -buildvcs=false -o .local/bin/conformance ./test/conformance && ENDPOINT='$(ENDPOINT)' exec .local/bin/conformance

.PHONY: schemathesis
schemathesis: CASES = 2000
schemathesis: .set-up ## send requests of all kinds, made from openapi.json, and compare the answers with it; takes an hour (CASES=2000 an operation, SEED=1)
	@CASES='$(CASES)' SEED='$(SEED)' go test -count=1 -v -timeout 0 -run FindsNothing ./test/schemathesis

.PHONY: attack
attack: .set-up ## let hostile and greedy clients attack it at full size, on this machine alone, with figures
	@ATTACK=full go test -count=1 -v -timeout 30m ./test/attack

.PHONY: load
load: .have-go ## let many users send readings, and draw the latencies (USERS=10000 DURATION=60s RAMP=20s; URL=, TOKEN=, VERIFY=1; TABLE=dynamodb FAULTS=5; OVERLOAD=1)
	@if [ -n '$(OVERLOAD)' ]; then OVERLOAD=1 exec go test -count=1 -v -timeout 30m ./test/overload; fi; \
	go build -buildvcs=false -o .local/bin/load ./test/load && USERS='$(USERS)' DURATION='$(DURATION)' RAMP='$(RAMP)' URL='$(URL)' \
		TOKEN='$(TOKEN)' TABLE='$(TABLE)' FAULTS='$(FAULTS)' VERIFY='$(VERIFY)' REPORTS='$(REPORTS)' exec .local/bin/load

.PHONY: soak
soak: DURATION = 1h
soak: .have-all ## an hour of 1,000 users, files, corrections and deletions: nothing may grow, drift or be left behind (DURATION=1h)
	@SOAK=settings DURATION='$(DURATION)' USERS='$(USERS)' $(BUILDING) go test -count=1 -run TestSoak ./test/soak
	@$(GETTING) sh .make/setup.sh
	@mkdir -p .local/bin && $(BUILD)
	@SOAK=yes DURATION='$(DURATION)' USERS='$(USERS)' go test -count=1 -v -timeout 0 ./test/soak

.PHONY: locust
locust: .have-go ## let the users of load come from Locust, which needs more of the processors (USERS=1000 DURATION=60s; URL=, TOKEN=)
	@go build -buildvcs=false -o .local/bin/load ./test/load && USERS='$(USERS)' DURATION='$(DURATION)' URL='$(URL)' TOKEN='$(TOKEN)' sh .make/locust.sh

.PHONY: load-reports
load-reports: REPORTS = test/load/reports
load-reports: load ## write the reports of 500 to 10,000 users in test/load/reports, on a machine with nothing else to do

.PHONY: consumer
consumer: .have-cdk ## build and synthesize an app of another team (CDK=latest: with the newest CDK that there is)
	@CONSUMER_CDK='$(CDK)' go test -count=1 -v -timeout $(TEST_TIMEOUT) ./test/consumertest

.PHONY: bench
bench: .have-go ## measure what requests, rows and batches cost, beside what is usual, within 15 minutes (BENCH='post csv', PUBLISH=yes for the pages)
	@mkdir -p .local/bin && go build -buildvcs=false -o .local/bin/ ./test/bench/measure && PUBLISH='$(PUBLISH)' .local/bin/measure $(BENCH)
	@if [ -n '$(PUBLISH)' ]; then go test -count=1 -run Scaling ./test/docs -update; fi

.PHONY: fmt
fmt: .have-go ## format the Go files
	@find . -name '.?*' -prune -o -name '*.go' -print | xargs gofmt -l -w

.PHONY: build
build: .have-go ## build the programs into .local/bin
	@mkdir -p .local/bin && $(BUILD) && $(BUILD_TOOLS)

.PHONY: setup
setup: .set-up ## get what the local system and the tests need: DynamoDB Local and, where there is Python, its packages (make browser: the rest)
	@echo "setup: everything is there"

.PHONY: browser
browser: .have-all ## get what the browser's tests need: axe-core and, as root on Debian, Chromium
	@mkdir -p .local && $(GETTING) sh .make/browser.sh && echo "browser: everything is there"

.PHONY: clean
clean: ## remove everything that was built or brought (not the data of a DATA_DIR)
	@rm -rf .local

.PHONY: help
help:
	@echo 'SensorFlow takes readings of equipment and answers exact aggregates. The whole service runs on this machine, without an AWS account.'
	@echo
	@echo 'make run     starts it, and prints an address for the browser with a name and a password'
	@echo 'make demo    fills it with a month of readings, to look at'
	@echo 'make test    runs every test, and says every ten seconds what it is doing'
	@echo
	@echo 'README.md has commands to paste for a first try, and tells how to deploy. These are all commands of make, with their settings in brackets:'
	@echo
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { line[++n] = substr($$0, 5) } \
		/^[a-z-]+:.*## / { name[++n] = $$1; line[n] = $$2; if (length($$1) > width) width = length($$1) } \
		END { for (i = 1; i <= n; i++) if (name[i]) printf "  %-*s  %s\n", width, name[i], line[i]; else print line[i] }' \
		$(MAKEFILE_LIST)

include .make/deploy.mk

.PHONY: .have-go .have-all .have-local .set-up .built .prepared .running
GETTING = sh .make/patiently.sh 'getting what is needed'

.have-local:
	@test -x .local/bin/local || { echo 'nothing runs here; start it with make run' >&2; exit 1; }

.running: .have-local
	@.local/bin/local running

.have-go:
	@sh .make/prerequisites.sh go

.have-all:
	@sh .make/prerequisites.sh go node java

# Without Python or Chromium the tests that need them are left out, which .make/left-out.sh says. Only in the gate that is a failure.
.set-up: .have-all
	@$(GETTING) sh .make/setup.sh
	@sh .make/left-out.sh
	@$(GETTING) sh .make/node.sh openapi-typescript
	@if python3 -c 'import ensurepip, venv' 2>/dev/null; then for name in moto schemathesis openapi-python-client; do \
		$(GETTING) sh .make/python.sh $$name || exit 1; done; fi

# Tests start the programs. Without this the first of them would compile all, in the time that it gives the start of a program.
.built:
	@mkdir -p .local/bin && $(BUILD)

# Downloading and compiling wait for different things, so they go side by side.
.prepared: .have-all
	@mkdir -p .local/bin; $(GETTING) sh .make/setup.sh & setup=$$!; \
	$(BUILD); built=$$?; \
	wait $$setup; brought=$$?; exit $$((built + brought))
