"""How long the engine takes to import (python -m tests.benchmarks.bench_import); the goal is 0.3 s."""

import subprocess
import sys
import time

RUNS = 7
WHAT = {
    "python alone": "pass",
    "NumPy": "import numpy",
    "engine": "import engine",
    "engine.training.lens": "import engine.training.lens",
    "engine.recognition.evaluate": "import engine.recognition.evaluate",
    "every command (revisit-cli --help)": "from engine.cli import build_parser; build_parser()",
    "torch": "import torch",
}


def main() -> None:
    """Print the shortest of several fresh processes each."""
    print(f"Import, fresh process, shortest of {RUNS}")
    alone = 0.0
    for name, code in WHAT.items():
        seconds = []
        for _ in range(RUNS):
            begun = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            seconds.append(time.perf_counter() - begun)
        if not alone:
            alone = min(seconds)
        print(f"  {name:<36} {min(seconds):.3f} s ({min(seconds) - alone:.3f} s over python alone)")


if __name__ == "__main__":
    main()
