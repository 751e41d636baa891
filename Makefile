# SPDX-License-Identifier: Apache-2.0
# Every target does its own set-up and can be run first on a fresh clone. What each step printed is in build/logs/.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test bench lint format setup setup-user ctest pytest install release clean

STEP := tools/step
PYTHON := .venv/bin/python
REPORTS := $(CURDIR)/build/reports
BUILD := nice cmake --build --preset
# Most Python tests wait for processes: two at a time, wherever one comes first.
PYTEST := $(PYTHON) -m pytest -n 2 --dist worksteal
# Warnings stop CI, not users with a newer compiler.
CMAKE_ARGS := -DHOOP_WERROR=$(if $(CI),ON,OFF)

help:
	@echo "make demo    run a web service with a leak, and see who holds its memory"
	@echo "make test    build everything and run all tests"
	@echo "make lint    layers, text, ruff, mypy, clang-format, clang-tidy"
	@echo "make format  format C++ and Python in place"
	@echo "make bench   measure (BENCH_ARGS=--smoke: only prove that the benches run)"
	@echo "make clean   remove build/ and .venv/"

setup:
	@tools/setup dev

setup-user:
	@tools/setup user

demo: setup-user install
	@tools/demo

test: ctest pytest

build/%/configured: setup
	@$(STEP) configure-$* "configuring build/$*" cmake --preset $* $(CMAKE_ARGS)

ctest: build/dev/configured
	@$(STEP) build-dev "building build/dev: heap, shim, C++ tests, an agent for every Python found" $(BUILD) dev
	@mkdir -p $(REPORTS)
	@$(STEP) -s 'tests (passed|failed)' ctest-dev "C++ tests" ctest --preset dev --output-junit $(REPORTS)/ctest-dev.xml

pytest: setup install
	@mkdir -p $(REPORTS)
	@$(STEP) -s '(passed|failed|error).* in [0-9.]+s' pytest "Python tests" \
	  env HOOP_AGENTS=$(CURDIR)/build/dev/hoopsnake $(PYTEST) --junitxml=$(REPORTS)/pytest.xml $(PYTEST_ARGS)

install: .venv/.installed
.venv/.installed: $(shell find src python cmake CMakeLists.txt pyproject.toml -type f -not -path '*/.*' -not -name '*.pyc')
	@tools/install

release: build/release/configured
	@$(STEP) build-release "building build/release" $(BUILD) release

bench: setup install release
	@tools/bench $(BENCH_ARGS)

lint: build/dev/configured
	@tools/lint

format: setup
	@tools/lint --fix python format

clean:
	rm -rf build .venv
