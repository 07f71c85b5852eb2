# The commands of a checkout; `make` alone lists them. Everything is installed into .venv/ and
# .tools/ of the checkout, from the hashed locks, and only when a lock has changed.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
# The stamps carry the locks' checksums, so a changed lock asks for a stamp that is not there.
RUNTIME := .venv/.runtime-$(firstword $(shell cat requirements-build.txt requirements.txt | sha256sum))
DEVELOPMENT := .venv/.development-$(firstword $(shell cat requirements-build.txt requirements-dev.txt | sha256sum))
TERRAFORM_NEEDED := $(BIN)/python -m paas.running.terraform || $(BIN)/python -m paas.tools.tofu
# Where the platform looks too: the setting, the search path, what tofu.py has fetched.
TERRAFORM = $(or $(PAAS_TERRAFORM),$(shell command -v terraform || command -v tofu || echo .tools/tofu))
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: help demo run test lint format bench lab lab-down lock

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(RUNTIME) ## Start the platform and deploy a sample; ONCE=1 destroys it again and ends
	@$(TERRAFORM_NEEDED)
	@$(BIN)/paas demo $(if $(filter 1,$(ONCE)),--once)

run: $(RUNTIME) ## Start the platform on http://127.0.0.1:5000 until Ctrl-C
	@$(TERRAFORM_NEEDED)
	@$(BIN)/paas run

test: $(DEVELOPMENT) ## Run the whole test suite, naming what is skipped; ARGS="tests/unit -x"
	@$(TERRAFORM_NEEDED)
	@$(BIN)/python -m pytest $(or $(ARGS),--numprocesses auto --no-loadscope-reorder)

lint: $(DEVELOPMENT) ## Check style, types, the rooms' borders and the Terraform modules
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(TERRAFORM_NEEDED)
	$(TERRAFORM) fmt -check -recursive terraform
	@PAAS_TERRAFORM=$(TERRAFORM) $(BIN)/python -m tests.modules

format: $(DEVELOPMENT) ## Format the Python and Terraform sources
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	@$(TERRAFORM_NEEDED)
	$(TERRAFORM) fmt -recursive terraform

bench: $(DEVELOPMENT) ## Measure the platform and write docs/benchmarks.md
	@$(TERRAFORM_NEEDED)
	@$(BIN)/python -m bench

lab: $(DEVELOPMENT) ## Start a fake Proxmox with real guests until Ctrl-C, as root; docs/lab.md
	@$(TERRAFORM_NEEDED)
	@$(BIN)/python -m tests.lab

lab-down: $(DEVELOPMENT) ## Remove what a lab left that was killed
	@$(BIN)/python -m tests.lab down

lock: $(DEVELOPMENT) ## Pin the dependencies of pyproject.toml anew, with hashes
	$(LOCK) --group build --output-file requirements-build.txt
	$(LOCK) pyproject.toml --output-file requirements.txt
	$(LOCK) pyproject.toml --extra dev --constraint requirements.txt \
		--output-file requirements-dev.txt

define make_venv
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "Python 3.11 or newer is needed; name one with: make PYTHON=/path/to/python3"; exit 1; }
@$(PYTHON) -c 'import ensurepip, venv' || \
	{ echo "The venv module is missing; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
@$(BIN)/python -m pip --version >/dev/null 2>&1 || { echo "Making .venv ..."; $(PYTHON) -m venv .venv; }
endef

# What has no wheel is built with the locked setuptools: an isolated build would fetch another.
define install
$(PIP) install --require-hashes -r requirements-build.txt
$(PIP) install --require-hashes --no-build-isolation --use-pep517 -r $(1)
$(PIP) install --no-deps --no-build-isolation --editable .
endef

$(RUNTIME):
	$(make_venv)
	@echo "Installing what the platform needs into .venv (only when requirements.txt changes) ..."
	$(call install,requirements.txt)
	@rm -f .venv/.runtime-*
	@touch $@

# The development lock has everything of the runtime lock, at the same versions.
$(DEVELOPMENT):
	$(make_venv)
	@echo "Installing what the tests need into .venv (only when a lock changes) ..."
	$(call install,requirements-dev.txt)
	@rm -f .venv/.runtime-* .venv/.development-*
	@touch $@ $(RUNTIME)
