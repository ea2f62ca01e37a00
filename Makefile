# Every command installs what it needs first; the second time there is nothing to install.
PYTHON ?= python3.11
RUN = .venv/bin/python -m

.DEFAULT_GOAL := help
.PHONY: help demo test check up down soak bench load prices stripe install mutants sbom audit pins docs

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1 \t/' | expand -t 16

demo: install ## the whole system with a scripted customer; stays up until Ctrl-C (DEMO_EXIT=1: ends by itself)
	@$(RUN) dev.demo

test: install ## everything CI runs (ARGS="tests/ledger -k name" narrows it)
	@$(RUN) dev.suite $(ARGS)

check: install ## format, lint, types, import directions, house rules
	@$(RUN) dev.check

up: install ## the whole system in the background; writes .run/env (CREDITBASE_STACK=n: a second one beside it)
	@$(RUN) dev.stack up

down: install ## end what `make up` started
	@$(RUN) dev.stack down

soak: install ## what takes long: nets of the local Stripe, properties at random, then random lives for MINUTES=n (10)
	@$(RUN) dev.soak $(MINUTES)

bench: install ## taking credits side by side with library transactions, and the targets, in 8 minutes (ARGS=--short: a minute)
	@PYTHONPATH=functions $(RUN) dev.bench $(ARGS)

load: install ## 64 clients at a server with production settings for MINUTES=n (10): no 5xx, exact, flat memory
	@PYTHONPATH=functions $(RUN) dev.bench load --minutes $(or $(MINUTES),10)

docs: install ## the documents as a site: .run/site/index.html
	@$(RUN) dev.site

prices: install ## compile the price book and its report (docs/prices.md) from the pinned packages
	@$(RUN) dev.prices compile

stripe: install ## the local Stripe's scenarios on Stripe itself, where STRIPE_TEST_KEY holds a test key
	@$(RUN) dev.stripe_scenarios

mutants: install ## one small bug after another in the core: who survives? (ARGS="ledger/domain/grants.py", OF=6)
	@$(RUN) dev.mutants $(ARGS)

sbom: install ## what is deployed, as CycloneDX: .run/sbom.json
	@PYTHONPATH=functions $(RUN) dev.supply_chain

audit: install ## known flaws of every package; fails, too, for what it cannot ask about
	@PYTHONPATH=functions $(RUN) dev.audit

pins: install ## pin what the .in files name, with digests (ARGS=--upgrade: the newest of all)
	@$(RUN) dev.pins $(ARGS)

install:
	@command -v "$(PYTHON)" >/dev/null || { \
	  echo "Python 3.11 is needed, and $(PYTHON) was not found. Install it (Debian 12: apt-get install python3.11 python3.11-venv;"; \
	  echo "macOS: brew install python@3.11; any: pyenv install 3.11), or say where it is: make PYTHON=/path/to/python3.11"; exit 1; } >&2
	@$(PYTHON) dev/install.py
