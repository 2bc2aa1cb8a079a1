"""The similarity matrix on the screen: how long a large one takes to open, and how fast it is painted on.

    python -m tests.benchmarks.bench_matrix_view [--side 5000] [--panel] [--picture FILE]

Opening is from set_matrix to the painted window. Painting: the Ground truth panel's own tools get the pencil's moves as fast as
the window takes them, each drawn before the next (offscreen, in software); then moves come 60 times a second, as from a mouse,
and the longest times are those between two ticks of a timer of 1 ms. `--panel` also opens a pair of traverses of so many frames.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
from PySide6.QtCore import QEvent, QEventLoop, QPointF, QSettings, Qt, QTimer
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication, QWidget

from app.settings import Settings
from app.theme import Theme
from app.truth_editor import TruthEditor
from app.truth_tools import TruthTools
from app.views.ground_truth import GroundTruthView
from app.widgets.matrix_view import MatrixView
from app.window import MainWindow
from engine.places.traverse import TraverseInfo, write_traverse
from engine.places.truth.document import TruthDocument
from engine.places.workspace import Workspace

SIZE = (760, 700)
SECONDS = 6.0
GOAL_FPS, GOAL_OPEN_S = 30, 1.0


def wait(seconds: float) -> None:
    """Let the window work."""
    loop = QEventLoop()
    QTimer.singleShot(round(1000 * seconds), loop.quit)
    loop.exec()


def wait_until(condition: Callable[[], object], patience_s: float = 120) -> None:
    """Let the window work until something is so."""
    end = time.perf_counter() + patience_s
    while not condition():
        if time.perf_counter() > end:
            raise TimeoutError("what was waited for did not come")
        wait(0.005)


def street(side: int) -> np.ndarray:
    """A matrix that is alike along its diagonal, float32."""
    rng = np.random.default_rng(0)
    matrix = rng.random((side, side), np.float32)
    numbers = np.arange(side)
    for shift in range(-6, 7):
        rows = np.clip(numbers + shift, 0, side - 1)
        matrix[rows, numbers] += 2 - abs(shift) / 4
    return matrix


def mouse(view: QWidget, kind: QEvent.Type, place: QPointF, button: Qt.MouseButton) -> None:
    """Send one event of a mouse."""
    held = Qt.MouseButton.NoButton if kind is QEvent.Type.MouseButtonRelease else Qt.MouseButton.LeftButton
    event = QMouseEvent(kind, place, view.mapToGlobal(place), button, held, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(view, event)


def moves(view: MatrixView, count: int, lift: float = 0.0) -> list[QPointF]:
    """Places of a wavy stroke from corner to corner, `lift` of the references further down."""
    rows, columns = view.canvas.shape
    along = np.linspace(0.02, 0.98, count)
    return [
        QPointF(
            view.place_of(int((rows - 1) * min(max(part + 0.03 * np.sin(40 * part) + lift, 0), 1)), int((columns - 1) * part))
        )
        for part in along
    ]


def paint_flat_out(view: MatrixView, strokes: int = 5, steps: int = 120) -> float:
    """Pictures a second when every move is drawn before the next one comes."""
    begun, pictures = time.perf_counter(), 0
    for stroke in range(strokes):
        places = moves(view, steps, 0.02 * (1 + stroke))
        mouse(view, QEvent.Type.MouseButtonPress, places[0], Qt.MouseButton.LeftButton)
        for place in places[1:]:
            mouse(view, QEvent.Type.MouseMove, place, Qt.MouseButton.NoButton)
            view.repaint()
            pictures += 1
        mouse(view, QEvent.Type.MouseButtonRelease, places[-1], Qt.MouseButton.LeftButton)
    return pictures / (time.perf_counter() - begun)


def paint_like_a_hand(view: MatrixView) -> tuple[float, float, float]:
    """(pictures a second, the 99th percentile and the largest of the event loop's turns, ms) with 60 moves a second."""
    places = moves(view, round(60 * SECONDS))
    turns: list[float] = []
    last = time.perf_counter()
    ticker = QTimer(view)
    ticker.setTimerType(Qt.TimerType.PreciseTimer)
    ticker.setInterval(1)

    def tick() -> None:
        nonlocal last
        now = time.perf_counter()
        turns.append(now - last)
        last = now

    ticker.timeout.connect(tick)
    mover = QTimer(view)
    mover.setTimerType(Qt.TimerType.PreciseTimer)
    mover.setInterval(16)
    queue = iter(places[1:])
    loop = QEventLoop()

    def move() -> None:
        place = next(queue, None)
        if place is None:
            loop.quit()
        else:
            mouse(view, QEvent.Type.MouseMove, place, Qt.MouseButton.NoButton)

    mover.timeout.connect(move)
    mouse(view, QEvent.Type.MouseButtonPress, places[0], Qt.MouseButton.LeftButton)
    before, begun, last = view.drawn, time.perf_counter(), time.perf_counter()
    ticker.start()
    mover.start()
    loop.exec()
    rate = (view.drawn - before) / (time.perf_counter() - begun)
    ticker.stop()
    mover.stop()
    mouse(view, QEvent.Type.MouseButtonRelease, places[-1], Qt.MouseButton.LeftButton)
    return rate, 1000 * float(np.percentile(turns, 99)), 1000 * max(turns)


def measure_view(theme: Theme, side: int, scratch: Path, picture: Path | None) -> dict[str, str]:
    """Open and paint, with the panel's own editor, journal and tools."""
    matrix = street(side)
    view = MatrixView(theme)
    view.resize(*SIZE)
    view.show()
    wait(0.1)
    begun = time.perf_counter()
    drawn = view.drawn
    view.set_matrix(matrix)
    held = time.perf_counter() - begun
    wait_until(lambda: view.coloured and view.drawn > drawn)
    view.repaint()
    opened = time.perf_counter() - begun
    editor = TruthEditor(view)
    editor.open(scratch / "a_b_GT.npy", TruthDocument.empty(side, side))
    editor.changed.connect(lambda change, where: view.truth_changed(where, change.cells) if where is not None else None)
    assert editor.document is not None
    begun = time.perf_counter()
    view.set_truth(editor.document.matrix, editor.document.mask, 3)
    view.repaint()
    truth = time.perf_counter() - begun
    tools = TruthTools(view, editor, view)
    tools.choose("pencil")
    flat_out = paint_flat_out(view)
    assert editor.stack.count() == 5 and editor.document.matrix.any(axis=0).sum() > 0.9 * side
    hand, p99, most = paint_like_a_hand(view)
    if picture is not None:
        view.grab().save(str(picture))
    begun = time.perf_counter()
    editor.stack.undo()
    view.repaint()
    undone = time.perf_counter() - begun
    editor.close()
    view.stop()
    view.close()
    return {
        "opened and painted": f"{opened:.3f} s  (goal under {GOAL_OPEN_S:g} s; the window was held up {1000 * held:.0f} ms)",
        "ground truth over it": f"{1000 * truth:.0f} ms",
        "painted flat out": f"{flat_out:.0f} pictures/s  (goal {GOAL_FPS})",
        "painted by a hand, 60 moves/s": f"{hand:.0f} pictures/s",
        "event loop while painting, p99": f"{p99:.1f} ms, longest {most:.0f} ms",
        "undo of the whole stroke": f"{1000 * undone:.0f} ms",
    }


def measure_panel(theme: Theme, side: int, scratch: Path) -> dict[str, str]:
    """The panel on a pair of traverses of `side` frames of 12 x 12 pixels."""
    rng = np.random.default_rng(0)
    workspace = Workspace.create(scratch / "lab")
    frames = rng.integers(0, 60, (side, 12, 12), np.uint8)
    for name in ("monday", "tuesday"):
        noisy = np.clip(frames + rng.integers(-3, 4, frames.shape), 0, 255).astype(np.uint8)
        write_traverse(workspace.frames_folder("street", "dvs", name), workspace.index_file(name), noisy, TraverseInfo())
    window = MainWindow(Settings(QSettings(str(scratch / "settings.ini"), QSettings.Format.IniFormat)), theme)
    window.resize(1280, 800)
    window.show()
    window.open_workspace(workspace.root)
    turns: list[float] = []
    last = time.perf_counter()
    ticker = QTimer(window)

    def tick() -> None:
        nonlocal last
        now = time.perf_counter()
        turns.append(now - last)
        last = now

    ticker.timeout.connect(tick)
    ticker.start(1)
    result: dict[str, str] = {}

    def step(name: str, act: Callable[[], object], done: Callable[[], object]) -> None:
        nonlocal last
        wait(0.2)
        turns.clear()
        last = begun = time.perf_counter()
        act()
        wait_until(done)
        wait(0.1)
        result[name] = f"{time.perf_counter() - begun - 0.1:.2f} s, window held up {1000 * max(turns):.0f} ms at most"

    window.show_panel("ground_truth")
    view = window.current_view
    assert isinstance(view, GroundTruthView)
    wait_until(lambda: view.opened is not None)
    step("panel: similarity there and coloured", lambda: None, lambda: view.similarity is not None and view.parts.matrix.coloured)
    view.parts.make.choose("identity")
    step("panel: a proposal", view.proposals.start, lambda: view.proposals.proposal is not None)
    step("panel: using it", view.proposals.take, lambda: view.editor.dirty)
    step("panel: check", view.review.start_check, lambda: view.review.check is not None)
    view.parts.foot.tolerance.setValue(3)
    view.choose_tool("pencil")
    hand, p99, most = paint_like_a_hand(view.parts.matrix)
    result["panel: painted by a hand"] = f"{hand:.0f} pictures/s, event loop p99 {p99:.1f} ms, longest {most:.0f} ms"
    step("panel: confirm", view.review.confirm, lambda: True)
    step("panel: undo", view.undo, lambda: True)
    step("panel: save", view.saving.save, lambda: not view.editor.dirty)
    ticker.stop()
    window.stop_and_close()
    wait(0.3)
    return result


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=5000, help="references and queries")
    parser.add_argument("--panel", action="store_true", help="measure the whole panel too")
    parser.add_argument("--picture", type=Path, help="save a picture of the painted matrix")
    arguments = parser.parse_args()
    application = QApplication([sys.argv[0]])
    theme = Theme(application, "dark")
    with tempfile.TemporaryDirectory() as scratch:
        result = measure_view(theme, arguments.side, Path(scratch), arguments.picture)
        if arguments.panel:
            result |= measure_panel(theme, arguments.side, Path(scratch))
    print(
        f"matrix of {arguments.side} x {arguments.side} float32, {SIZE[0]} x {SIZE[1]} pixels, offscreen, {os.cpu_count()} cores"
    )
    for name, value in result.items():
        print(f"  {name:38s} {value}")


if __name__ == "__main__":
    main()
