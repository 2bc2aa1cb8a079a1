"""Fixtures that many tests share."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The same examples in every run, so that a change that breaks nothing fails nothing; REVISIT_EXPLORE=1 looks for new ones.
# How long an example takes is the machine's affair.
settings.register_profile(
    "revisit", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=not os.environ.get("REVISIT_EXPLORE")
)
settings.load_profile("revisit")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real recordings and of LENS's own example, which is not part of the project."""
    root = Path(os.environ.get("REVISIT_SHARED", Path(__file__).resolve().parents[2] / "shared"))
    data = root / "data"
    if not data.is_dir():
        pytest.skip(f"the shared data is not at {data} (set REVISIT_SHARED to the folder that holds data/)")
    return data
