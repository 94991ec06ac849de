# On a machine with python3 (3.11 or later), pip and make: `make demo` and `make test` do everything.

PYTHON ?= python3
BIN := .venv/bin

# tox looks for python3.11, python3.12 and python3.13 on the PATH. Those of pyenv are put there themselves: its shims only run
# what `pyenv global` names. Names that end in t are free-threaded builds.
PYENV := $(or $(PYENV_ROOT),$(shell pyenv root 2>/dev/null),$(HOME)/.pyenv)
PYTHONS := $(filter-out %t/bin,$(wildcard $(PYENV)/versions/3.1[123].*/bin))
empty :=
space := $(empty) $(empty)

.PHONY: demo test lint bench clean

demo: .venv/demo
	$(BIN)/python -m examples.demo $(if $(ONCE),--once)

test: .venv/tox
	PATH="$(subst $(space),:,$(PYTHONS)):$$PATH" $(BIN)/tox run

bench: .venv/bench
	$(BIN)/python -m benchmarks.crossings $(if $(QUICK),--quick)
	$(BIN)/python -m benchmarks.streaming $(if $(QUICK),--quick)
	$(BIN)/python -m benchmarks.soak $(if $(QUICK),--requests 10000)

lint: .venv/tox
	$(BIN)/tox run -e lint,types

clean:
	rm -rf .venv .tox build *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find dualapp examples tests -name __pycache__ -prune -exec rm -rf {} +

# Stamps: each says what has been installed in .venv.
.venv/demo: .venv/made setup.cfg
	$(BIN)/python -m pip install --quiet --editable '.[servers,examples]'
	touch $@

.venv/bench: .venv/demo benchmarks/requirements.txt
	$(BIN)/python -m pip install --quiet --requirement benchmarks/requirements.txt
	touch $@

.venv/tox: .venv/made
	$(BIN)/python -m pip install --quiet 'tox>=4.22'
	touch $@

.venv/made:
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("dualapp needs Python 3.11 or later: make PYTHON=...")'
	$(PYTHON) -m venv .venv
	touch $@
