# Only Python, pip and make are needed. `make help` lists the targets.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PARK   ?= configs/parks/yizhuang.yaml
JOBS   ?= 2

# An environment belongs to one state of the lock files and one interpreter: its stamp carries their hash. A second call
# finds the stamp and does nothing; a changed lock makes a new environment instead of patching the old one.
STATE := $(shell $(PYTHON) -c "import hashlib,pathlib,sys; print(hashlib.sha256(b''.join(pathlib.Path(p).read_bytes() for p in ('locks/run.txt','locks/dev.txt'))+sys.version.encode()).hexdigest()[:16])")
RUN   := $(VENV)/run-$(STATE)
DEV   := $(VENV)/dev-$(STATE)
# The modelling layers that the benchmarks compare with, on top of dev.txt: only where somebody asks for them.
PEERS := $(VENV)/peers-$(STATE)-$(shell $(PYTHON) -c "import hashlib,pathlib; print(hashlib.sha256(pathlib.Path('locks/bench.txt').read_bytes()).hexdigest()[:16])")
# Peers whose own dependencies cannot stand beside ours: an environment each, asked as a process, made only when asked for.
BESIDE := openstef emhass egret microgrid
beside = .venv-$(1)/ready-$(shell $(PYTHON) -c "import hashlib,pathlib,sys; print(hashlib.sha256(pathlib.Path('locks/$(1).txt').read_bytes()+sys.version.encode()).hexdigest()[:16])")
# dev.txt holds everything that run.txt holds, at the same versions: where it is installed, it serves both.
# A lock file is complete, so nothing is resolved (--no-deps): pip's resolver would look at releases newer than the lock.
ENV   := $(if $(wildcard $(DEV)),$(DEV),$(RUN))
HERE  := $(VENV)/here

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help environment run test coverage test-all lint format types contracts client docs pictures wheel bench bench-all bench-env peers-env $(BESIDE:%=%-env) lock clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

environment: $(DEV) $(HERE) ## what all targets below but `run` need; they make it themselves where it is missing

run: $(ENV) $(HERE) ## plan one day of the example park and write its report
	$(BIN)/parkwatt plan $(PARK)

test: $(DEV) $(HERE) ## all tests but the slow ones; ARGS="-k tariff" for some
	$(BIN)/python -m pytest -n $(JOBS) -m "not slow and not wheel" $(ARGS)

# Tracing every line costs nearly as much as the tests themselves (28 s of them took 50 s), so it is asked for apart.
coverage: $(DEV) $(HERE) ## the same tests with the coverage floor, in nearly twice the time
	$(BIN)/python -m pytest -n $(JOBS) -m "not slow and not wheel" --cov --cov-report=term

test-all: $(DEV) $(HERE) ## the slow ones too
	$(BIN)/python -m pytest -n $(JOBS) -m "not wheel" $(ARGS)

lint: $(DEV) ## style, complexity, formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(DEV) ## apply what can be applied
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(DEV) $(HERE) ## mypy, strict
	$(BIN)/mypy

contracts: $(DEV) $(HERE) ## who may import whom
	$(BIN)/lint-imports

client: $(DEV) $(HERE) ## the OpenAPI document from the routes, and the typed client from the document
	$(BIN)/parkwatt openapi --out docs/openapi.json
	$(BIN)/python -m dispatch.client.generator docs/openapi.json

docs: $(DEV) $(HERE) ## the documentation as a site in docs/_build/html; a warning fails it, and nothing is fetched
	$(BIN)/python -m sphinx -j $(JOBS) -W --keep-going -n -q -b html docs docs/_build/html

pictures: $(DEV) $(HERE) ## draw docs/pictures anew from the plans they show
	$(BIN)/python -m benchmarks.picture

wheel: $(DEV) $(HERE) ## build the wheel, look inside, run the main job from it in a clean environment
	$(BIN)/python -m pytest -m wheel tests/packaging $(ARGS)

bench: $(DEV) $(if $(or $(if $(TOPIC),,all),$(filter scheduler assets grid studies,$(TOPIC))),$(PEERS)) $(HERE) ## the results page in 30 minutes; TOPIC=spine shows one topic, ARGS="--fresh" measures its slow rows too
	$(BIN)/python -m benchmarks $(if $(TOPIC),show $(TOPIC),results --minutes 30) $(ARGS)

bench-all: peers-env ## the results page with every row measured in the present state; goes on where it was stopped
	$(BIN)/python -m benchmarks results --all $(ARGS)

bench-env: $(PEERS) $(HERE) ## the environment with the peers that benchmarks compare with; TOPIC=scheduler makes it too

openstef-env: ## OpenSTEF in .venv-openstef: it needs older numpy and pandas than we do, so it lives apart
emhass-env: ## EMHASS in .venv-emhass: it needs an older cvxpy and numpy
egret-env: ## Egret in .venv-egret: what it brings along is no business of ours
microgrid-env: ## python-microgrid in .venv-microgrid: it needs numpy 1

peers-env: $(PEERS) $(BESIDE:%=%-env) $(HERE) ## all peers, here and beside us: what `python -m benchmarks peers` compares with

# No address gets into a lock file: where packages come from is a setting of the machine, what they are is in the hashes.
LOCK = env -u PIP_FIND_LINKS -u PIP_EXTRA_INDEX_URL -u UV_FIND_LINKS $(BIN)/uv pip compile --quiet --no-config \
	--universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links
# Who is compared with us solves with our release of the solver.
SOLVER = sed -n 's/^\(highspy==[0-9.]*\).*/\1/p' locks/run.txt
lock: $(DEV) ## choose versions anew: writes locks/run.txt, locks/dev.txt, locks/bench.txt and those of the peers beside us
	$(LOCK) --upgrade pyproject.toml --extra simbench --extra service --extra postgres --group build -o locks/run.txt
	$(LOCK) --upgrade pyproject.toml --extra simbench --extra service --extra postgres --extra entsoe --group dev -c locks/run.txt -o locks/dev.txt
	$(LOCK) --upgrade pyproject.toml --extra simbench --extra service --extra postgres --extra entsoe --extra bench --group dev -c locks/dev.txt -o locks/bench.txt
	echo 'openstef[cpu]==3.4.93' | $(LOCK) --upgrade - -o locks/openstef.txt
	{ echo 'emhass==0.18.7'; $(SOLVER); } | $(LOCK) --upgrade - -o locks/emhass.txt
	{ echo 'gridx-egret==0.6.2'; $(SOLVER); } | $(LOCK) --upgrade - -o locks/egret.txt
	{ printf 'python-microgrid==1.4.1\nnumpy<2\npandas<3\n'; $(SOLVER); } | $(LOCK) --upgrade - -o locks/microgrid.txt

clean: ## forget environments, caches and results
	rm -rf $(VENV) $(BESIDE:%=.venv-%) build dist docs/_build docs/reference/generated .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage .coverage.*

# ---- environments

$(RUN):
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r locks/run.txt
	touch $@

$(DEV):
	test -e $(RUN) || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r locks/dev.txt
	touch $@

$(PEERS): $(DEV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r locks/bench.txt
	touch $@

define environment
$(1)-env: $(call beside,$(1))

$(call beside,$(1)):
	$(PYTHON) -m venv --clear .venv-$(1)
	.venv-$(1)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r locks/$(1).txt
	touch $$@
endef
$(foreach name,$(BESIDE),$(eval $(call environment,$(name))))

# This checkout itself, editable; anew when its metadata changed. It lives inside the environment and goes with it.
$(HERE): pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@
