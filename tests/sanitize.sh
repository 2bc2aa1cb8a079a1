#!/usr/bin/env bash
# Builds the extension under the address and undefined-behaviour sanitizers and runs the decoders' tests and fuzzing on it, in a copy
# of the sources so that the usual build stays. Call from the project's root: tests/sanitize.sh [pytest arguments].
set -euo pipefail
python=${PYTHON:-python}
tree=build/sanitize/tree
mkdir -p "$tree"
rm -rf "$tree/engine" "$tree/tests"
cp -r engine tests pyproject.toml "$tree/"
rm -f "$tree"/engine/native/_native*
cmake -S . -B build/sanitize/cmake -DCMAKE_BUILD_TYPE=Release -DREVISIT_SANITIZE=ON \
  -Dpybind11_DIR="$("$python" -m pybind11 --cmakedir)" -DPython_EXECUTABLE="$(command -v "$python")" ${CMAKE_ARGUMENTS:-}
cmake --build build/sanitize/cmake --parallel
cmake --install build/sanitize/cmake --prefix "$tree"
cd "$tree"
# CPython itself keeps memory to the end: leaks are not looked for.
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export LD_PRELOAD="$(g++ -print-file-name=libasan.so):$(g++ -print-file-name=libubsan.so):$(g++ -print-file-name=libstdc++.so)"
export REVISIT_FUZZ=${REVISIT_FUZZ:-10} REVISIT_FUZZ_NATIVE=1 REVISIT_EXPLORE=1
[ $# -gt 0 ] || set -- tests/native tests/frames/test_binning.py tests/events/test_filters.py tests/events/test_fuzz.py
# An editable install would lead the import back to the usual build.
exec "$python" -c '
import sys
sys.path.insert(0, "")
sys.meta_path[:] = [finder for finder in sys.meta_path if "Redirecting" not in type(finder).__name__]
import engine, pytest
assert engine.__file__.endswith("build/sanitize/tree/engine/__init__.py"), engine.__file__
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[1:]]))' "$@"
