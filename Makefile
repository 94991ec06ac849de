# On a machine with python3 (3.11 or later), pip and make: `make demo` and `make test` do everything.

PYTHON ?= python3
BIN := .venv/bin
# The peers of the benchmarks, in the versions they are compared in, disturb nobody there.
BENCH := .venv/benchmarks/bin

# tox looks for python3.11 to python3.14 on the PATH. Those of pyenv are put there themselves: its shims only run what
# `pyenv global` names. Names that end in t are free-threaded builds.
PYENV := $(or $(PYENV_ROOT),$(shell pyenv root 2>/dev/null),$(HOME)/.pyenv)
PYTHONS := $(filter-out %t/bin,$(wildcard $(PYENV)/versions/3.1[1234].*/bin))
# What is left out where there is the Python that the rest of the environments take.
FEWER := $(if $(findstring /3.13,$(PYTHONS))$(shell command -v python3.13),py31[124]|general,)
empty :=
space := $(empty) $(empty)

.PHONY: demo test check lint docs dist bench clean

demo: .venv/demo
	$(BIN)/python -m examples.demo $(if $(ONCE),--once)

# Each test on the newest Python that Quart's newest version is for, and once more with the lowest versions. SLOW=1 adds the
# other Pythons, the extensions' tests in all their ways, the road without shortcuts, and the tests that are marked slow.
# While one environment installs, or waits for its servers, others compute.
test: .venv/tox
	$(if $(SLOW),WAYS=,TOX_SKIP_ENV='$(FEWER)') PATH="$(subst $(space),:,$(PYTHONS)):$$PATH" \
		$(BIN)/tox run-parallel --parallel 3 --parallel-no-spinner $(if $(SLOW),,-- -m 'not slow')

# What a change is checked with while it is made: one Python, each behaviour on one entry and in one colour, and neither
# the servers nor the pages of the documentation.
check: .venv/tox
	$(BIN)/tox run -e lint,types,py -- -m 'not slow' --one-way

# All of them run, whichever miss their targets.
bench: .venv/benchmarks/installed
	missed=; for part in '' .growth .processes .streaming .websocket_messages .websocket_connections; do \
		$(BENCH)/python -m benchmarks$$part $(if $(QUICK),--quick) || missed="$$missed benchmarks$$part"; \
	done; \
	$(BENCH)/python -m benchmarks.soak $(if $(QUICK),--requests 5000) || missed="$$missed benchmarks.soak"; \
	test -z "$$missed" || { echo "missed:$$missed"; exit 1; }

lint: .venv/tox
	$(BIN)/tox run -e lint,types

# The site, in build/site.
docs: .venv/tox
	PATH="$(subst $(space),:,$(PYTHONS)):$$PATH" $(BIN)/tox run -e docs

# Both distributions in dist/; the source distribution is tested in a directory of its own.
dist:
	PYTHON=$(PYTHON) .ci/dist

clean:
	rm -rf .venv .tox build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find dualapp examples tests -name __pycache__ -prune -exec rm -rf {} +

# Stamps: each says what has been installed in .venv.
.venv/demo: .venv/made setup.cfg
	$(BIN)/python -m pip install --quiet --editable '.[servers]'
	touch $@

.venv/benchmarks/installed: .venv/made setup.cfg benchmarks/requirements.txt
	test -e $(BENCH)/python || $(BIN)/python -m venv .venv/benchmarks
	$(BENCH)/python -m pip install --quiet --requirement benchmarks/requirements.txt --editable .
	touch $@

.venv/tox: .venv/made
	$(BIN)/python -m pip install --quiet 'tox>=4.22'
	touch $@

.venv/made:
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("dualapp needs Python 3.11 or later: make PYTHON=...")'
	$(PYTHON) -m venv .venv
	touch $@
