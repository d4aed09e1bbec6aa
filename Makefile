# The commands for people and CI. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
STACK ?= dev
PYTHON := /usr/bin/python3
VENV := .cloud/venv/bin
CODE := __main__.py config program components dynamic_providers clients policy operations host_image toolchain lab tests bench

# Only the stacks dev and hosts install and start the lab; hosts adds simulated hosts.
# GOGC: uses some 100 MB more memory and saves a tenth of the engine's processor time, docs/engine.md.
ENGINE_ENV := eval "$$($(PYTHON) -m toolchain env)"; export GOGC="$${GOGC:-400}"
HOSTS ?= 3
SINCE ?= origin/main
ifneq ($(filter $(STACK),dev hosts),)
LAB := lab
LAB_HOSTS := $(if $(filter $(STACK),hosts),--hosts $(HOSTS))
LAB_ENV := eval "$$($(PYTHON) -m lab env)"; mkdir -p .cloud/state
CONFIRM := --yes
else
LAB :=
LAB_ENV := :
CONFIRM := $(if $(YES),--yes)
endif
PULUMI := $(ENGINE_ENV); $(LAB_ENV); pulumi stack select --create $(STACK) >/dev/null; pulumi

.PHONY: help up preview report review drift fleet-recreate fleet-renew fleet-status fleet-notice login-files comment destroy adopt stack repair publish-image host-image down clean env status toolchain lab docs schema requirements lint types unit engine-test check lab-test test test-nightly test-changed test-times mutants soak-kills soak-names bench bench-image bench-launch bench-fleet bench-hosts bench-engine bench-expansion

##@ Start

help: ## this list
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: ## build or change the cloud as STACK's file says; dev and hosts: in the lab (YES=1: no question)
	@$(MAKE) --no-print-directory --jobs=2 toolchain $(LAB)
	@$(PULUMI) up --policy-pack policy $(CONFIRM)

env: ## settings for a shell: eval "$(make -s env)", then pulumi, openstack, ceph and rbd work
	@$(PYTHON) -m toolchain env
	@$(if $(LAB),$(PYTHON) -m lab env)

status: ## the lab's services: version, address, memory, health
	@$(PYTHON) -m lab status

down: ## stop the lab, and only what it started
	@$(PYTHON) -m lab down

clean: ## stop the lab and remove everything this checkout made (.cloud)
	@if [ -d .cloud/lab ]; then $(PYTHON) -m lab down; fi
	@rm -rf .cloud .mypy_cache .ruff_cache .pytest_cache

toolchain: ## install Pulumi's engine, its plugins and the Python environment into .cloud
	@$(PYTHON) -m toolchain install

lab: ## install and start the lab (HOSTS=3 with STACK=hosts; CEPH=reef or pacific)
	@$(PYTHON) -m lab install $(if $(CEPH),--ceph $(CEPH))
	@$(PYTHON) -m lab up $(LAB_HOSTS)

##@ Change a cloud (STACK=dev unless given)

stack: toolchain ## a new stack file: NAME=staging; lists the keys to fill in
	@$(VENV)/python -m operations.new_stack --name '$(NAME)'

preview: toolchain ## what `make up` would change, and which policies that breaks
	@$(PULUMI) preview --diff --policy-pack policy

REPORT = .cloud/report/$(STACK)
report: toolchain ## the same in words: who is affected, how badly, what drifted (FAIL_ON=interrupts NO_DRIFT=1)
	@$(ENGINE_ENV); $(LAB_ENV); mkdir -p $(dir $(REPORT)); pulumi stack select --create $(STACK) >/dev/null; $(VENV)/python -m operations.report \
		--stack $(STACK) --preview-args '--policy-pack policy' --html $(REPORT).html --json $(REPORT).json \
		$(if $(MARKDOWN),--markdown '$(MARKDOWN)') $(if $(FAIL_ON),--fail-on $(FAIL_ON)) $(if $(NO_DRIFT),--no-drift)

adopt: toolchain $(LAB) ## import what the cloud has already (DRY_RUN=1 ONLY=networks NAME='lab-*' DECLARED=1 YES=1)
	@$(ENGINE_ENV); $(LAB_ENV); pulumi stack select --create $(STACK) >/dev/null; $(VENV)/python -m operations.adopt \
		--stack $(STACK) $(if $(ONLY),--only $(ONLY)) $(if $(NAME),--name '$(NAME)') $(if $(DECLARED),--declared) $(if $(DRY_RUN),--dry-run) $(if $(YES),--yes,$(CONFIRM))

fleet-recreate: toolchain $(LAB) ## make all servers of a fleet anew: NAME=nightly (writes today's date into the stack file, then `up`)
	@$(VENV)/python -m operations.fleet_recreate --stack $(STACK) --name '$(NAME)'
	@$(PULUMI) up --policy-pack policy $(CONFIRM)

fleet-renew: toolchain $(LAB) ## make somebody's machine anew: PERSON=anna (asks in the owner's place, then `up`)
	@$(LAB_ENV); $(VENV)/python -m operations.fleet_renew --stack $(STACK) --person '$(PERSON)'
	@$(PULUMI) up --policy-pack policy $(CONFIRM)

fleet-status: toolchain $(LAB) ## who has which machine of a fleet, and what waits for whom
	@$(LAB_ENV); $(VENV)/python -m operations.fleet_status --stack $(STACK)

fleet-notice: toolchain $(LAB) ## the same, and a line of JSON for each person concerned to the command that the fleet names
	@$(LAB_ENV); $(VENV)/python -m operations.fleet_status --stack $(STACK) --notice

publish-image: toolchain $(LAB) ## import an image that a stack takes over later (ARGS='--stack private-cloud/prod --name …')
	@$(ENGINE_ENV); $(LAB_ENV); $(VENV)/python -m operations.publish_image $(ARGS)

host-image: ## build the hosts' bootable image from host_image/ (needs podman)
	@$(PYTHON) -m operations.host_image --stack $(STACK)

repair: toolchain ## after a killed or failed `up`: unlock the state, settle pending operations (FORCE=1)
	@$(ENGINE_ENV); $(LAB_ENV); $(VENV)/python -m operations.repair --stack $(STACK) $(if $(FORCE),--force)

destroy: toolchain ## remove everything STACK declares, if every image may be deleted
	@$(ENGINE_ENV); $(LAB_ENV); pulumi stack select --create $(STACK) >/dev/null; $(VENV)/python -m operations.destroy --stack $(STACK)
	@$(PULUMI) destroy $(CONFIRM)

##@ CI, and to see what it would say

review: toolchain ## what CI says of a change: stack file, policies, risks, drift (FAIL_ON=loses-data)
	@$(ENGINE_ENV); $(LAB_ENV); pulumi stack select --create $(STACK) >/dev/null; $(VENV)/python -m operations.review \
		--stack $(STACK) $(if $(FAIL_ON),--fail-on $(FAIL_ON)) $(NOTHING_LEFT)

drift: NOTHING_LEFT := --nothing-left
drift: review ## the same, and it fails if anything is left to do or was changed by hand

login-files: ## CI only: write clouds.yaml and the Ceph files from environment variables
	@$(PYTHON) -m operations.login_files

comment: ## CI only: post what `make review` wrote as a comment on the pull request
	@$(PYTHON) -m operations.pull_request_comment --stack $(STACK) --file .cloud/review/$(STACK).md

##@ Test

check: lint types ## lint, types, unit and engine tests: before every commit; no lab
	@$(ENGINE_ENV); $(VENV)/python -m pytest -q -n $$(($$(nproc) + 1)) --dist worksteal -m "not nightly" tests/unit tests/engine

test: lint types ## everything CI runs, with the lab
	@$(PYTHON) -m lab install
	@$(ENGINE_ENV); $(VENV)/python -m tests.everything

test-changed: toolchain ## the lab tests that a branch concerns (SINCE=origin/main)
	@$(PYTHON) -m lab install
	@$(ENGINE_ENV); files=$$($(VENV)/python -m tests.changed '$(SINCE)'); \
		if [ -n "$$files" ]; then $(VENV)/python -m tests.everything --nightly $$files; else echo 'It concerns none.'; fi

test-nightly: lint types ## the same with all tests marked nightly
	@$(PYTHON) -m lab install
	@$(ENGINE_ENV); $(VENV)/python -m tests.everything --nightly

test-times: ## what the last run cost: totals, slowest tests
	@$(VENV)/python -m tests.results

lint: toolchain ## ruff, its formatter, import-linter
	@$(VENV)/ruff check $(CODE)
	@$(VENV)/ruff format --check $(CODE)
	@$(VENV)/lint-imports --no-cache --no-logo

types: toolchain ## mypy --strict
	@$(VENV)/mypy $(CODE)

unit: toolchain ## unit tests: seconds
	@$(ENGINE_ENV); $(VENV)/python -m pytest -q tests/unit

engine-test: toolchain ## tests with Pulumi's engine and fake backends
	@$(ENGINE_ENV); $(VENV)/python -m pytest -q tests/engine

lab-test: toolchain ## tests against the lab; brings it up
	@$(PYTHON) -m lab install
	@$(ENGINE_ENV); $(VENV)/python -m pytest -v tests/lab

mutants: toolchain ## seed small faults and check that tests fail (ARGS='--only networks')
	@$(ENGINE_ENV); $(VENV)/python -m tests.mutants $(ARGS)

soak-kills: toolchain lab ## kill runs at random moments, repair, repeat (ARGS='--seed 1 --count 20')
	@$(ENGINE_ENV); $(VENV)/python -m tests.soak.kills $(ARGS)

soak-names: toolchain lab ## change stacks with names that services confuse (ARGS as above)
	@$(ENGINE_ENV); $(VENV)/python -m tests.soak.names $(ARGS)

##@ Develop

docs: toolchain ## regenerate the tables in docs/settings.md and docs/policy.md
	@$(VENV)/python -m operations.field_tables
	@$(VENV)/python -m operations.rule_table

schema: toolchain ## pin keys, outputs and names in state anew (tests/schema.yaml), after CHANGELOG.md says what changed
	@$(VENV)/python -m tests.schema

UV ?= $(VENV)/uv
COMPILE := $(UV) pip compile --quiet --python $(PYTHON) --generate-hashes --custom-compile-command 'make requirements'
requirements: ## compile requirements.txt and tests/requirements.txt from pyproject.toml (UV=uv)
	@$(COMPILE) --output-file requirements.txt pyproject.toml
	@$(COMPILE) --output-file tests/requirements.txt --constraint requirements.txt --group pyproject.toml:dev

bench: bench-image bench-launch bench-fleet bench-hosts bench-engine bench-expansion ## all six benchmarks

bench-image: toolchain lab ## the image import beside qemu-img, rbd and Glance
	@$(ENGINE_ENV); $(LAB_ENV); $(VENV)/python -m bench.image $(ARGS)

bench-launch: toolchain lab ## from creating a server to its first line on the console, by the kind of its image
	@$(ENGINE_ENV); $(LAB_ENV); $(VENV)/python -m bench.launch $(ARGS)

bench-fleet: toolchain lab ## servers made anew beside the CLI, Terraform and Ansible (an hour; ARGS=--help)
	@$(ENGINE_ENV); $(LAB_ENV); $(VENV)/python -m bench.fleet $(ARGS)

bench-hosts: toolchain ## enrolling six simulated hosts beside kolla-ansible, and a link cut
	@$(PYTHON) -m lab install
	@$(PYTHON) -m lab up --hosts 6
	@$(ENGINE_ENV); eval "$$($(PYTHON) -m lab env)"; $(VENV)/python -m bench.hosts; $(VENV)/python -m bench.links

bench-expansion: toolchain ## an OSD that joins a small Ceph, by several ways (ARGS=--help); goes on with what it has, stops the lab
	@$(PYTHON) -m lab install
	@$(PYTHON) -m lab down
	@$(ENGINE_ENV); $(VENV)/python -m bench.expansion $(ARGS)

bench-engine: toolchain lab ## up to 500 resources beside Terraform and Ansible (hours; ARGS=--help)
	@$(ENGINE_ENV); $(LAB_ENV); $(VENV)/python -m bench.engine $(ARGS)
