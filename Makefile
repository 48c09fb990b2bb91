# Every target sets up what it needs once; a second run needs no set-up.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STACK ?= dev

PROJECTS := components/pyproject.toml components/setup.py components/runtime/pyproject.toml policies/pyproject.toml preview/pyproject.toml
# A stack without its own profile uses that of its environment, which is its name up to the first dash.
profile = $(firstword $(wildcard policies/$(1)/$(STACK).json) policies/$(1)/$(firstword $(subst -, ,$(STACK))).json)
PACKS := $(foreach pack,security operations,--policy-pack policies/$(pack) --policy-pack-config $(call profile,$(pack)))

.PHONY: preview test cover engine sandbox lint types docs schema wheels compat bench mutants app up destroy clean

preview: $(VENV)/ready  ## Preview every stack with its policies: no CLI, no account, no network
	$(BIN)/offline-preview

test: $(VENV)/ready-dev lint types  ## Style, types and tests
	$(BIN)/python -m pytest -n 2 --dist worksteal

cover: $(VENV)/ready-dev  ## All tests with branch coverage, which must stay at 95 % or more; takes nearly twice as long
	$(BIN)/coverage erase
	$(BIN)/python -m pytest --cov --cov-report=term -n 2 --dist worksteal

engine: $(VENV)/ready-dev  ## Tests on the real Pulumi CLI, which must be on PATH; no account. Figures are shown at the end
	@command -v pulumi >/dev/null || { echo "no pulumi on PATH: https://www.pulumi.com/docs/iac/download-install/" >&2; exit 1; }
	$(BIN)/python -m pytest tests/engine -n 2 --dist loadfile

sandbox: $(VENV)/ready  ## A whole up, a second up and destroy against a stand-in for AWS, without an account: make sandbox STACK=prod
	$(BIN)/python -m sandbox --stack $(STACK)

lint: $(VENV)/ready-dev  ## Style, layers of imports, repeated lines, and weaknesses of the workflows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	@! $(BIN)/symilar --duplicates=8 --ignore-docstrings $(shell find components/cloudpatterns -name '*.py') | grep -B1 -A12 'similar lines in'
	$(BIN)/zizmor --quiet --offline --min-severity medium .github

types: $(VENV)/ready-dev  ## Types; also finds wrong argument names inside nested dictionaries of pulumi-aws
	$(BIN)/ty check

docs: $(VENV)/ready  ## Write the generated files: the JSON schema of the settings, the profiles of the packs, the catalogue of controls
	$(BIN)/python -m settings.schema
	$(BIN)/python -m cloudpatterns_policies.core.profiles
	$(BIN)/python -m cloudpatterns_policies.core.catalogue

schema: $(VENV)/ready  ## When a version is released: the schema that the next one is compared with (see components/CHANGELOG.md)
	$(BIN)/python -m tests.release

wheels: $(VENV)/ready  ## Build the wheels of the four distributions into dist/, and use them in an empty environment
	$(BIN)/python -m tests.wheels

compat: $(VENV)/ready  ## Tests with the lowest and the latest supported versions of the four distributions; takes long
	$(BIN)/python -m tests.compat lowest
	$(BIN)/python -m tests.compat latest

bench: $(VENV)/ready  ## Performance figures as ratios in one run; not part of the tests
	$(BIN)/python -m tests.bench

mutants: $(VENV)/ready-dev  ## Mutation testing of the policies, an hour and more; of one module: make mutants MODULE=graph/rules.py
	$(BIN)/python -m tests.mutation $(MODULE)

app: $(VENV)/ready  ## Build the artifact of the sample application, dist/storefront-app.tar.gz; needs a package index
	$(BIN)/python examples/storefront_app/build.py

up: $(VENV)/ready  ## Deploy for real: make up STACK=dev
	pulumi up --stack $(STACK) $(PACKS)

destroy: $(VENV)/ready  ## Destroy the deployment: make destroy STACK=dev
	pulumi destroy --stack $(STACK)

clean:  ## Remove everything that these targets created
	rm -rf $(VENV) .coverage .coverage.* .hypothesis .mutants .pytest_cache .ruff_cache htmlcov
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	rm -rf components/*.egg-info components/runtime/*.egg-info policies/*.egg-info preview/*.egg-info
	rm -rf components/.venv components/build components/runtime/build dist

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)

$(VENV)/ready: $(VENV)/bin/python requirements.txt $(PROJECTS)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/ready-dev: $(VENV)/ready requirements-dev.txt examples/storefront_app/requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	$(BIN)/python examples/storefront_app/build.py --download $(VENV)/storefront-app
	touch $@
