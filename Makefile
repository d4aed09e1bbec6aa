# One way to run each thing, for people and CI alike. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
STACK ?= dev
PYTHON := /usr/bin/python3
VENV := .cloud/venv/bin
CODE := __main__.py config program components dynamic_providers clients policy operations host_image toolchain lab tests bench

# Debian's server packages and the OpenStack services run nowhere but under the lab's two stacks: dev, and hosts,
# which has simulated hosts besides.
# GOGC: memory (some 100 MB) for a tenth of the engine's processor time, docs/engine.md.
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

.PHONY: help up preview report review drift login-files comment destroy adopt stack repair publish-image host-image down clean env status toolchain lab docs requirements lint types unit engine-test check lab-test test test-nightly test-changed test-times mutants soak-kills soak-names bench bench-image bench-hosts bench-engine

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

up: toolchain $(LAB) ## engine, lab (dev stack only), and `pulumi up` of STACK (dev; YES=1: asks nobody)
	@$(PULUMI) up --policy-pack policy $(CONFIRM)

preview: toolchain ## what `make up` would change in STACK, and what policy/ says of it
	@$(PULUMI) preview --diff --policy-pack policy

REPORT = .cloud/report/$(STACK)
report: toolchain ## what `make up` would do, to whom, and what drifted (FAIL_ON=interrupts, NO_DRIFT=1); with a page to look at
	@$(ENGINE_ENV); $(LAB_ENV); mkdir -p $(dir $(REPORT)); pulumi stack select --create $(STACK) >/dev/null; $(VENV)/python -m operations.report \
		--stack $(STACK) --preview-args '--policy-pack policy' --html $(REPORT).html --json $(REPORT).json \
		$(if $(MARKDOWN),--markdown '$(MARKDOWN)') $(if $(FAIL_ON),--fail-on $(FAIL_ON)) $(if $(NO_DRIFT),--no-drift)

review: toolchain ## a change of STACK as CI judges it: its file, policy, risks, drift (FAIL_ON=loses-data)
	@$(ENGINE_ENV); $(LAB_ENV); pulumi stack select --create $(STACK) >/dev/null; $(VENV)/python -m operations.review \
		--stack $(STACK) $(if $(FAIL_ON),--fail-on $(FAIL_ON)) $(NOTHING_LEFT)

drift: NOTHING_LEFT := --nothing-left
drift: review ## the same, and it fails where anything is left to do or was changed by hand

login-files: ## in a CI job: clouds.yaml and Ceph's files, from the texts in its environment
	@$(PYTHON) -m operations.login_files

comment: ## in a job of a pull request on GitHub: what `make review` wrote of STACK, as its comment
	@$(PYTHON) -m operations.pull_request_comment --stack $(STACK) --file .cloud/review/$(STACK).md

destroy: toolchain ## remove everything STACK declares, once every image is seen to be free to go
	@$(ENGINE_ENV); $(LAB_ENV); pulumi stack select --create $(STACK) >/dev/null; $(VENV)/python -m operations.destroy --stack $(STACK)
	@$(PULUMI) destroy $(CONFIRM)

adopt: toolchain $(LAB) ## take over what STACK's cloud holds (DECLARED=1 ONLY=networks,… NAME='lab-*' DRY_RUN=1 YES=1)
	@$(ENGINE_ENV); $(LAB_ENV); pulumi stack select --create $(STACK) >/dev/null; $(VENV)/python -m operations.adopt \
		--stack $(STACK) $(if $(ONLY),--only $(ONLY)) $(if $(NAME),--name '$(NAME)') $(if $(DECLARED),--declared) $(if $(DRY_RUN),--dry-run) $(if $(YES),--yes,$(CONFIRM))

stack: toolchain ## a new stack file, NAME=staging, and what is left to fill in
	@$(VENV)/python -m operations.new_stack --name '$(NAME)'

repair: toolchain ## after a killed `up`: removes its lock, settles what was under way (FORCE=1: a lock of another machine)
	@$(ENGINE_ENV); $(LAB_ENV); $(VENV)/python -m operations.repair --stack $(STACK) $(if $(FORCE),--force)

publish-image: toolchain $(LAB) ## import an image for a stack that takes it later (ARGS='--stack private-cloud/prod --name … --help')
	@$(ENGINE_ENV); $(LAB_ENV); $(VENV)/python -m operations.publish_image $(ARGS)

host-image: ## build the hosts' image as STACK wants it (needs podman; host_image/Containerfile says what else)
	@$(PYTHON) -m operations.host_image --stack $(STACK)

env: ## lines for a shell: eval "$(make -s env)"
	@$(PYTHON) -m toolchain env
	@$(if $(LAB),$(PYTHON) -m lab env)

status: ## the lab's services
	@$(PYTHON) -m lab status

down: ## stop the lab, only what it started
	@$(PYTHON) -m lab down

clean: ## stop the lab and remove everything this checkout made
	@if [ -d .cloud/lab ]; then $(PYTHON) -m lab down; fi
	@rm -rf .cloud .mypy_cache .ruff_cache .pytest_cache

toolchain:
	@$(PYTHON) -m toolchain install

lab:
	@$(PYTHON) -m lab install
	@$(PYTHON) -m lab up $(LAB_HOSTS)

docs: toolchain ## the tables of docs/settings.md and docs/policy.md, from the code
	@$(VENV)/python -m operations.field_tables
	@$(VENV)/python -m operations.rule_table

UV ?= $(VENV)/uv
COMPILE := $(UV) pip compile --quiet --python $(PYTHON) --generate-hashes --custom-compile-command 'make requirements'
requirements: ## requirements.txt and tests/requirements.txt, from pyproject.toml (UV=uv: another uv than the environment's)
	@$(COMPILE) --output-file requirements.txt pyproject.toml
	@$(COMPILE) --output-file tests/requirements.txt --constraint requirements.txt --group pyproject.toml:dev

lint: toolchain ## ruff: rules and format; import-linter: which room may know which
	@$(VENV)/ruff check $(CODE)
	@$(VENV)/ruff format --check $(CODE)
	@$(VENV)/lint-imports --no-cache --no-logo

types: toolchain ## mypy, strict
	@$(VENV)/mypy $(CODE)

unit: toolchain ## pure tests, seconds
	@$(ENGINE_ENV); $(VENV)/python -m pytest -q tests/unit

engine-test: toolchain ## the real engine against fake backends
	@$(ENGINE_ENV); $(VENV)/python -m pytest -q tests/engine

check: lint types ## what needs no lab: before every commit
	@$(ENGINE_ENV); $(VENV)/python -m pytest -q -n $$(($$(nproc) + 1)) --dist worksteal -m "not nightly" tests/unit tests/engine

lab-test: toolchain ## real everything; brings the lab up
	@$(PYTHON) -m lab install
	@$(ENGINE_ENV); $(VENV)/python -m pytest -v tests/lab

test: lint types ## everything CI runs
	@$(PYTHON) -m lab install
	@$(ENGINE_ENV); $(VENV)/python -m tests.everything

test-nightly: lint types ## the same, with the whole matrix of faults, and the lab's own tests
	@$(PYTHON) -m lab install
	@$(ENGINE_ENV); $(VENV)/python -m tests.everything --nightly

test-changed: toolchain ## the tests of the lab that a change concerns (SINCE=origin/main)
	@$(PYTHON) -m lab install
	@$(ENGINE_ENV); files=$$($(VENV)/python -m tests.changed '$(SINCE)'); \
		if [ -n "$$files" ]; then $(VENV)/python -m tests.everything --nightly $$files; else echo 'It concerns none.'; fi

test-times: ## what the last run's tests cost: totals, and the slowest
	@$(VENV)/python -m tests.results

mutants: toolchain ## small seeded faults, each of which its tests have to notice (ARGS='--only networks'; by hand and at night)
	@$(ENGINE_ENV); $(VENV)/python -m tests.mutants $(ARGS)

soak-kills: toolchain lab ## kill runs of a small stack at random moments, repair, go on (ARGS='--seed 1 --count 20'; goes on where it stopped)
	@$(ENGINE_ENV); $(VENV)/python -m tests.soak.kills $(ARGS)

soak-names: toolchain lab ## change stacks whose names the services confuse; only what was taken out may go (ARGS as above)
	@$(ENGINE_ENV); $(VENV)/python -m tests.soak.names $(ARGS)

bench: bench-image bench-hosts bench-engine ## the figures

bench-image: toolchain lab ## the image import beside what people use today
	@$(ENGINE_ENV); $(LAB_ENV); $(VENV)/python -m bench.image

bench-hosts: toolchain ## enrolling hosts beside kolla-ansible by hand, and a link cut; six simulated hosts
	@$(PYTHON) -m lab install
	@$(PYTHON) -m lab up --hosts 6
	@$(ENGINE_ENV); eval "$$($(PYTHON) -m lab env)"; $(VENV)/python -m bench.hosts; $(VENV)/python -m bench.links

bench-engine: toolchain lab ## 10, 100 and 500 resources beside Terraform with the same plugin code, and Ansible (hours; ARGS=--help)
	@$(ENGINE_ENV); $(LAB_ENV); $(VENV)/python -m bench.engine $(ARGS)
