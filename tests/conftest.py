"""Fixtures that many tests share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real recordings and of LENS's own example, which is not part of the project."""
    root = Path(os.environ.get("REVISIT_SHARED", Path(__file__).resolve().parents[2] / "shared"))
    data = root / "data"
    if not data.is_dir():
        pytest.skip(f"the shared data is not at {data} (set REVISIT_SHARED to the folder that holds data/)")
    return data
