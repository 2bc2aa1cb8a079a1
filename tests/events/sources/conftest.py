"""Every test of sources must leave no thread and no process behind."""

import multiprocessing
import threading
import time
from collections.abc import Iterator

import pytest

from tests.waiting import PATIENCE_S


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + PATIENCE_S
    while (left := set(threading.enumerate()) - before) and time.monotonic() < deadline:
        for thread in left:
            thread.join(0.1)
    assert not left, f"threads left behind: {left}"
    assert not multiprocessing.active_children()
