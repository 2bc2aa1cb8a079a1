# make run      set up and open the window (without a display: says so, and runs the demo in the shell)
# make demo     set up and run the demo
# make test     set up and run the tests
# make bench    run the benchmarks (prints ratios, never fails on time)
# make sanitize run the decoders' tests and fuzzing under the address and undefined-behaviour sanitizers
# make lint     ruff, mypy, the import contracts
# make wheel    build a wheel into dist/
# make bundle   build dist/revisit, a folder with everything that Revisit needs; make bundle-test tries it
# make deb      build a package for Debian and Ubuntu of it into dist/
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet
SOURCES := pyproject.toml constraints.txt CMakeLists.txt $(shell find engine/native -name '*.cpp' -o -name '*.hpp' -o -name CMakeLists.txt)
BENCHMARKS = $(sort $(wildcard tests/benchmarks/bench_*.py))

.PHONY: run demo test bench sanitize lint wheel bundle bundle-test deb clean

# An editable install names the project's folder as a second place of the package engine: the app would then be a part of it.
define LINT_IMPORTS
import sys
sys.meta_path[:] = [finder for finder in sys.meta_path if "Redirecting" not in type(finder).__name__]
from importlinter.cli import lint_imports_command
lint_imports_command()
endef
export LINT_IMPORTS

# revisit ends with 69 where no window can open
run: $(VENV)/installed
	@$(BIN)/revisit || { code=$$?; [ $$code -eq 69 ] || exit $$code; $(BIN)/revisit-cli demo; }

demo: $(VENV)/installed
	$(BIN)/revisit-cli demo

test: $(VENV)/installed
	$(BIN)/python -m pytest

bench: $(VENV)/installed
	@set -e; for file in $(BENCHMARKS); do echo; echo "== $$file"; $(BIN)/python -m tests.benchmarks.$$(basename $$file .py); done

sanitize: $(VENV)/installed
	$(PIP) install -c constraints.txt cmake ninja pybind11
	PATH="$(abspath $(BIN)):$$PATH" tests/sanitize.sh

lint: $(VENV)/installed-lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -c "$$LINT_IMPORTS"

wheel: $(VENV)/installed
	$(PIP) install -c constraints.txt build
	$(BIN)/python -m build --wheel

bundle: $(VENV)/installed
	$(PIP) install -c constraints.txt pyinstaller
	$(BIN)/pyinstaller packaging/revisit.spec --noconfirm --distpath dist --workpath build/bundle --log-level WARN

bundle-test: $(VENV)/installed
	$(BIN)/python packaging/smoke.py dist/revisit build/bundle-pictures

deb: $(VENV)/installed
	$(BIN)/python packaging/deb.py dist/revisit dist

clean:
	rm -rf build dist $(VENV)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "Python's venv is missing: on Debian and Ubuntu, apt-get install python3-venv."; exit 1; }

# torch comes first and pinned: asked for by a range, pip takes the build with several gigabytes of CUDA.
$(VENV)/installed: $(BIN)/python $(SOURCES)
	@echo "Setting up $(VENV) (some minutes the first time: torch is large, and the C++ loops are compiled)..."
	$(PIP) install -c constraints.txt torch
	$(PIP) install -c constraints.txt -e '.[test]'
	@touch $@

$(VENV)/installed-lint: $(VENV)/installed
	$(PIP) install -c constraints.txt ruff mypy import-linter
	@touch $@
