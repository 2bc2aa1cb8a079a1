"""What the architecture promises: no Qt and no heavy import in the engine, one door to the compiled loops."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ENGINE = sorted((ROOT / "engine").rglob("*.py"))


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env={**os.environ, **environment}, timeout=300
    )


def modules() -> list[str]:
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in ENGINE]
    return [name.removesuffix(".__init__") for name in names if not name.endswith("__main__")]


def test_importing_the_whole_engine_brings_no_window_no_torch_and_no_driver() -> None:
    heavy = ["PySide6", "pyqtgraph", "app", "torch", "sinabs", "samna", "cv2", "dv_processing", "h5py", "pyarrow", "rosbags"]
    code = f"import sys, importlib\nfor name in {modules()!r}: importlib.import_module(name)\n"
    done = python(code + f"print([name for name in {heavy!r} if name in sys.modules])")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("path", ENGINE, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_engine_native_imports_the_extension(path: Path) -> None:
    if path == ROOT / "engine/native/__init__.py":
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        module = node.module or "" if isinstance(node, ast.ImportFrom) else ""
        assert not any("_native" in f"{module}.{name}".split(".") for name in names), f"line {node.lineno}"


def test_a_missing_extension_is_said_once_and_loudly() -> None:
    done = python("import engine.native, engine.native as again; print(again.variant())", REVISIT_NATIVE="off")
    assert done.stdout.strip() == "numpy"
    assert done.stderr.count("WITHOUT its compiled loops") == 1


def test_the_extension_is_there() -> None:
    done = python("import engine.native; print(engine.native.variant())", REVISIT_NATIVE="")
    assert done.stdout.strip() in {"baseline", "avx2", "avx512"}, done.stderr


def test_a_vector_variant_can_be_forced() -> None:
    assert python("import engine.native; print(engine.native.variant())", REVISIT_NATIVE="baseline").stdout.strip() == "baseline"
