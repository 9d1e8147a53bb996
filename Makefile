# The common tasks; `make help` lists them. On a fresh Debian 12 each installs what it lacks first.

PYTHON ?= python3
SIZE ?= 8GiB
ARGS ?=
TORTURE ?= 1
JOBS ?= $(shell nproc 2>/dev/null || echo 2)

VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet
BUILD := build/venv
DONE := $(VENV)/.done

# Debian's own cmake before whatever else is called so.
CMAKE := $(firstword $(wildcard /usr/bin/cmake) cmake)
CTEST := $(firstword $(wildcard /usr/bin/ctest) ctest)
export CMAKE_EXECUTABLE := $(CMAKE)
export CMAKE_BUILD_PARALLEL_LEVEL ?= $(JOBS)
export PYTHON

CPP_FILES = $(shell find include src tests/cpp tests/fuzz benchmarks/cpp benchmarks/journal python/bindings examples/cpp \
              \( -name '*.cpp' -o -name '*.hpp' \) 2>/dev/null)

.PHONY: help setup install test torture fuzz demo bench lint format clean
.DEFAULT_GOAL := help
# Two pips at once would spoil .venv; cmake and ctest are parallel by themselves.
.NOTPARALLEL:

help:
	@echo "make setup    system packages, .venv with all that development needs, hugehist in it"
	@echo "make install  hugehist in .venv, and no more than that"
	@echo "make test     build, install into .venv, run the C++ and the Python tests"
	@echo "make demo     real CMS events into a histogram larger than memory (SIZE=$(SIZE))"
	@echo "make torture  hours of crashes, failures and damage (TORTURE=0.1: a tenth of it)"
	@echo "make fuzz     libFuzzer on all that reads bytes (ARGS='--seconds 60')"
	@echo "make bench    hugehist beside its peers (ARGS=--smoke for a quick run)"
	@echo "make lint     formatters and linters, changing nothing"
	@echo "make format   format everything"
	@echo "make clean    remove what was built (not .venv; 'make distclean' does)"

# --- stamps: each step runs again only when what it depends on has changed ---------------------------

$(DONE)/system: tools/setup-system
	tools/setup-system
	@mkdir -p $(DONE) && touch $@

$(DONE)/venv: | $(DONE)/system
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed")'
	$(PYTHON) -m venv $(VENV)
	@touch $@

# deps-<extra>: what running needs, and the extra of pyproject.toml.
# pip runs when the list has changed, not when something else in pyproject.toml has.
$(DONE)/deps-%: pyproject.toml tools/requirements.py | $(DONE)/venv
	@$(PY) tools/requirements.py $(filter-out run,$*) > $@.new
	@cmp -s $@.new $@ || { echo "installing the Python packages for '$*'"; $(PIP) install -r $@.new; }
	@mv $@.new $@

# The list of sources counts as a source, so that a removed file is noticed.
SOURCES := $(shell find CMakeLists.txt pyproject.toml LICENSE cmake include src python -type f \
             -not -path '*/__pycache__/*' 2>/dev/null | LC_ALL=C sort)
build/sources.txt: FORCE
	@mkdir -p build
	@printf '%s\n' $(SOURCES) | cmp -s - $@ || printf '%s\n' $(SOURCES) > $@
.PHONY: FORCE
FORCE:

# The tree that pip builds in is an ordinary CMake tree: the tests and benchmarks are built in it too,
# and the core is compiled once.
$(DONE)/install: $(SOURCES) build/sources.txt | $(DONE)/deps-run
	HUGEHIST_BUILD_TESTS=ON HUGEHIST_BUILD_BENCHMARKS=ON \
	  $(PIP) install --no-build-isolation --no-deps --no-index --force-reinstall \
	  --config-settings=build-dir=$(BUILD) .
	@touch $@

# --- tasks -------------------------------------------------------------------------------------------

setup: $(DONE)/deps-dev $(DONE)/install
	tools/setup-system lint

install: $(DONE)/install

test: $(DONE)/deps-test $(DONE)/install
	$(CMAKE) --build $(BUILD) --target hugehist_tests
	$(CTEST) --test-dir $(BUILD) --output-on-failure --no-tests=error --parallel $(JOBS)
	$(PY) -m pytest --numprocesses $(JOBS) --dist worksteal $(ARGS)

torture: $(DONE)/deps-test $(DONE)/install
	$(CMAKE) --build $(BUILD) --target hugehist_tests
	$(PY) tests/torture/run.py --scale $(TORTURE)

fuzz: | $(DONE)/venv
	tools/setup-system fuzz
	$(CMAKE) --preset fuzz
	$(CMAKE) --build --preset fuzz
	$(PY) tests/torture/fuzz.py $(ARGS)

demo: $(DONE)/deps-demo $(DONE)/install
	$(PY) examples/nanoaod/demo.py --size $(SIZE) $(ARGS)

bench: $(DONE)/deps-benchmarks $(DONE)/install
	$(CMAKE) --build $(BUILD) --target hugehist_benchmarks
	$(PY) -m hugehist.benchmark run --output benchmarks/results $(ARGS)
	$(PY) benchmarks/service/run.py throughput $(filter --smoke,$(ARGS))

lint: $(DONE)/deps-lint $(DONE)/install
	tools/setup-system lint
	clang-format --dry-run --Werror $(CPP_FILES)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	tools/run-clang-tidy $(BUILD)

format: $(DONE)/deps-lint
	tools/setup-system lint
	clang-format -i $(CPP_FILES)
	$(PY) -m ruff check --fix-only .
	$(PY) -m ruff format .

clean:
	rm -rf build $(DONE)/install

.PHONY: distclean
distclean: clean
	rm -rf $(VENV)
