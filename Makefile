# Every target sets up what it needs once; a second run needs no set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STACK ?= dev

PROJECTS := components/pyproject.toml components/setup.py components/runtime/pyproject.toml policies/pyproject.toml policies/setup.py pictures/pyproject.toml preview/pyproject.toml
PACKS := policies/security policies/operations policies/acceptance

.PHONY: preview help test cover engine sandbox examples lint types docs site schema wheels compat bench mutants app database-user publish up destroy clean

preview: $(VENV)/ready  ## Preview every stack with its policies: no CLI, no account, no network
	$(BIN)/offline-preview

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s  %s\n", $$1, $$2 }' Makefile

test: $(VENV)/ready-dev lint types  ## Style, types and tests
	$(BIN)/python -m pytest -n 2 --dist worksteal

cover: $(VENV)/ready-dev  ## All tests with branch coverage, which must stay at 95 % or more; takes nearly twice as long
	$(BIN)/coverage erase
	$(BIN)/python -m pytest --cov --cov-report=term -n 2 --dist worksteal

engine: $(VENV)/ready-dev  ## Tests on the real Pulumi CLI, which must be on PATH; no account. Each is named when it begins; figures come at the end
	@command -v pulumi >/dev/null || { echo "no pulumi on PATH: https://www.pulumi.com/docs/iac/download-install/" >&2; exit 1; }
	$(BIN)/python -m pytest tests/engine -vv -n 2 --dist loadfile

sandbox: $(VENV)/ready  ## A whole up, a second up and destroy against a stand-in for AWS, without an account: make sandbox STACK=prod, or PROJECT=DIR
	$(BIN)/python -m sandbox $(if $(PROJECT),--project '$(PROJECT)' $(if $(filter-out file,$(origin STACK)),--stack $(STACK)),--stack $(STACK))

examples: $(VENV)/ready  ## The same of every example and of bootstrap, one after the other
	$(BIN)/python -m sandbox --examples

lint: $(VENV)/ready-dev  ## Style, layers of imports, repeated lines, and weaknesses of the workflows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	@! $(BIN)/symilar --duplicates=8 --ignore-docstrings --ignore-imports $(shell find components/cloudpatterns -name '*.py') | grep -B1 -A12 'similar lines in'
	$(BIN)/zizmor --quiet --offline --min-severity medium .github

types: $(VENV)/ready-dev  ## Types; also finds wrong argument names inside nested dictionaries of pulumi-aws
	$(BIN)/ty check

docs: $(VENV)/ready-dev  ## Write the generated files: the JSON schema of the settings, the profiles of the packs, the controls, what is judged, the catalogue of patterns
	$(BIN)/python -m settings.schema
	$(BIN)/python -m cloudpatterns_policies.core.profiles
	$(BIN)/python -m cloudpatterns_policies.core.catalogue
	$(BIN)/python -m tests.policies.acceptance.docs
	$(BIN)/python -m tests.policies.open_documents
	$(BIN)/python -m catalogue

site: $(VENV)/ready-dev  ## Build the documents and the catalogue as a static site, dist/site, which works offline too
	$(BIN)/sphinx-build -q -W --keep-going -b html docs dist/site

schema: $(VENV)/ready  ## When a version is released: the schema that the next one is compared with (see components/CHANGELOG.md)
	$(BIN)/python -m tests.release

wheels: $(VENV)/ready  ## Build the wheels of the five distributions into dist/, and use them in an empty environment
	$(BIN)/python -m tests.wheels

compat: $(VENV)/ready  ## Tests with the lowest and the latest supported versions of four distributions; takes long
	$(BIN)/python -m tests.compat lowest
	$(BIN)/python -m tests.compat latest

bench: $(VENV)/ready  ## Performance figures as ratios in one run; not part of the tests
	$(BIN)/python -m tests.bench

mutants: $(VENV)/ready-dev  ## Mutation testing of the policies, an hour and more; one module: MODULE=graph/rules.py; of the libraries: PACKAGE=runtime
	$(if $(PACKAGE),MUTATION_PACKAGE=$(PACKAGE) )$(BIN)/python -m tests.mutation $(MODULE)

app: $(VENV)/ready  ## Build the artifact of the sample application, dist/storefront-app.tar.gz; needs a package index
	$(BIN)/python examples/storefront_app/build.py

publish: $(VENV)/ready  ## Upload an artifact and set it as the version of the application: make publish STACK=dev ARTIFACT=dist/storefront-app.tar.gz
	$(BIN)/python -m publish --stack $(STACK)$(if $(ARTIFACT), --artifact '$(ARTIFACT)')$(if $(SET), --set $(SET))

database-user: $(VENV)/ready  ## Show the commands that create the application's database user, once for each database: make database-user STACK=dev
	@$(BIN)/python -m publish.database_user --stack $(STACK)

up: $(VENV)/ready  ## Deploy for real: make up STACK=dev
	@set -e; for pack in $(PACKS); do \
	    profile=$$($(BIN)/python -m offline_preview.packs $(STACK) $$pack); \
	    set -- "$$@" --policy-pack $$pack --policy-pack-config $$profile; \
	done; [ '$(EXAMPLES)' = yes ] || $(BIN)/python -m settings.placeholders '$(STACK)'; set -x; pulumi up --stack $(STACK) "$$@"

destroy: $(VENV)/ready  ## Destroy the deployment: make destroy STACK=dev
	pulumi destroy --stack $(STACK)

clean:  ## Remove everything that these targets created
	rm -rf $(VENV) .coverage .coverage.* .hypothesis .mutants .pytest_cache .ruff_cache htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	rm -rf components/*.egg-info components/runtime/*.egg-info pictures/*.egg-info policies/*.egg-info preview/*.egg-info
	rm -rf components/.venv components/build components/runtime/build policies/build dist

# The environment is created anew when an earlier set-up did not finish, its Python is gone or was replaced, or the folder was moved: its scripts
# and the packages of this repository have the folder's name in them. A healthy one is not touched, so that nothing is installed again.
HEALTHY = $(BIN)/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null

.PHONY: FORCE
$(VENV)/pyvenv.cfg: FORCE
	@if [ ! -e $(VENV) ] && [ ! -L $(VENV) ]; then why=; \
	elif ! $(HEALTHY); then why=' anew: the one there has no pip or no Python 3.11, as after a set-up that did not finish'; \
	elif [ -s $(VENV)/ready ] && [ "$$(cat $(VENV)/ready)" != '$(CURDIR)' ]; then why=" anew: the one there is of $$(cat $(VENV)/ready)"; \
	else exit 0; fi; \
	command -v $(firstword $(PYTHON)) >/dev/null || { echo 'error: no $(firstword $(PYTHON)) on PATH: install Python 3.11 or newer, or name it: make PYTHON=python3.12' >&2; exit 1; }; \
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "error: Python 3.11 or newer is needed; $(PYTHON) is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.12")' || exit 1; \
	echo "Creating $(VENV)$$why ..." >&2; \
	rm -rf $(VENV); \
	$(PYTHON) -m venv $(VENV) >&2 && $(HEALTHY) || { rm -rf $(VENV); \
	echo 'error: $(PYTHON) -m venv made no environment with pip. Debian and Ubuntu: sudo apt install python3-venv. Or is the disk full? Then try again.' >&2; exit 1; }

$(VENV)/ready: $(VENV)/pyvenv.cfg requirements.txt requirements-no-deps.txt $(PROJECTS)
	@$(BIN)/python .ci/install.py requirements.txt
	@$(BIN)/python .ci/install.py requirements-no-deps.txt --no-deps
	@echo '$(CURDIR)' > $@

$(VENV)/ready-dev: $(VENV)/ready requirements-dev.txt tests/emulators/requirements.txt tests/emulators/awscli.txt tests/emulators/browser.txt tests/emulators/asl_validator/package-lock.json tests/emulators/axe/package-lock.json examples/storefront_app/requirements.txt
	@$(BIN)/python .ci/install.py requirements-dev.txt
	@$(BIN)/python .ci/install.py tests/emulators/requirements.txt --target $(VENV)/ministack --upgrade
	@$(BIN)/python .ci/install.py tests/emulators/awscli.txt --target $(VENV)/awscli --upgrade
	@if command -v chromium >/dev/null; then $(BIN)/python .ci/install.py tests/emulators/browser.txt --target $(VENV)/browser --upgrade \
	    || echo "Playwright cannot be installed: the tests that need it skip" >&2; fi
	@if command -v npm >/dev/null; then npm ci --prefix tests/emulators/asl_validator --no-audit --no-fund --loglevel=error >/dev/null \
	    || echo "asl-validator cannot be installed: the tests that need it skip" >&2; fi
	@if command -v npm >/dev/null; then npm ci --prefix tests/emulators/axe --no-audit --no-fund --loglevel=error >/dev/null \
	    || echo "axe-core cannot be installed: the tests that need it skip" >&2; fi
	@$(BIN)/python examples/storefront_app/build.py --download $(VENV)/storefront-app
	@touch $@
