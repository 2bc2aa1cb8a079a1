"""The guide's example sender is run as it is printed."""

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np

from engine.events.sources import SourceState, StreamSource

from .helpers import collect

PAGE = Path(__file__).parents[3] / "resources" / "guide" / "cameras-and-streams.md"


def test_the_sender_of_the_guide_works() -> None:
    block = re.search(r"((?:    .*\n|\n)*    import socket.*\n(?:    .*\n|\n)*)", PAGE.read_text(encoding="utf-8"))
    assert block is not None
    program = textwrap.dedent(block.group(1))
    assert '("127.0.0.1", 7777)).accept()' in program
    program = program.replace(
        'socket.create_server(("127.0.0.1", 7777)).accept()',
        '(lambda s: (print(s.getsockname()[1], flush=True), s.accept())[1])(socket.create_server(("127.0.0.1", 0)))',
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        with StreamSource(f"127.0.0.1:{process.stdout.readline().strip()}") as source:
            events = collect(source)
            assert (source.state, source.size) == (SourceState.ENDED, (346, 260))
    assert process.returncode == 0
    assert len(events) == 100_000
    assert (np.diff(events["timestamp"]) > 0).all()
    assert np.array_equal(events["x"], np.repeat(np.arange(100), 1000))
