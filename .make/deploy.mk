##@ Deploy (ENV=dev is one of cdk.json's environments, or pipeline; REGION=eu-west-1 is one of its regions)

# All but these work without an AWS account; each says what it lacks.
CDK_TASK = sh .make/cdk.sh

.PHONY: synth
synth: .have-cdk ## make the templates in cdk.out, offline (ACCOUNT=111122223333 where cdk.json has none; VALIDATE=yes checks them)
	@$(CDK_TASK) synth

.PHONY: golden
golden: .have-go ## rewrite the templates and pages that the tests compare with; read what changed before you commit it
	@$(CDK_TASK) golden

.PHONY: lint-templates
lint-templates: export VALIDATE = yes
lint-templates: synth ## check the templates, and those of a pipeline and its stages, by the CDK and by cfn-lint (needs Python)
	@$(CDK_TASK) lint

.PHONY: pipeline-programs
pipeline-programs: .have-cdk ## put the programs that the pipeline's later steps run beside the templates in cdk.out
	@$(CDK_TASK) programs

.PHONY: cost
cost: .have-cdk ## what an environment costs a month (READINGS_PER_SECOND=100 READINGS_PER_REQUEST=1 EQUIPMENTS=1000 MACHINES=100 TOKEN_HOURS=24 USERS=10)
	@$(CDK_TASK) cost

.PHONY: prices
prices: .have-go ## the prices that make cost multiplies by, with source and date
	@go run ./infra/cost -prices

.PHONY: preflight
preflight: .have-go ## say in one screen what a deployment would fail for; changes nothing
	@$(CDK_TASK) preflight

.PHONY: bootstrap
bootstrap: .have-cdk ## prepare the account for the CDK, once in each region
	@$(CDK_TASK) bootstrap

.PHONY: diff
diff: .have-cdk ## show what a deployment would change
	@$(CDK_TASK) diff

.PHONY: deploy
deploy: .have-cdk ## deploy an environment, or one region of it and what it needs (DOCKER=yes publishes the image with Docker)
	@$(CDK_TASK) deploy

.PHONY: rollback
rollback: .have-go ## put one region's service and functions back on what ran before the last deployment (REGION=eu-west-1; YES=yes does not ask)
	@$(CDK_TASK) rollback

.PHONY: detach
detach: .have-go ## delete the user pool's replica in a region that is lost or whose place another one takes (REGION=eu-central-1; YES=yes does not ask)
	@$(CDK_TASK) detach

.PHONY: destroy
destroy: .have-cdk ## destroy an environment, or one region's stack, after saying what stays
	@$(CDK_TASK) destroy

.PHONY: adopt
adopt: .have-cdk ## set the aggregates of a region that has left to what its readings give, once it is deployed as adopted (ARGS='-reads 2000')
	@sh .make/adopt.sh $(ARGS)

.PHONY: .have-cdk
.have-cdk:
	@sh .make/prerequisites.sh go node
	@sh .make/cdk-cli.sh
