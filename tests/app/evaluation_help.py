"""A small workspace to evaluate, and the Evaluation panel's parts, for its tests."""

from pathlib import Path

import numpy as np
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtWidgets import QListWidget, QTabBar, QTabWidget
from pytestqt.qtbot import QtBot

from app.views.evaluation import EvaluationView
from app.window import MainWindow
from engine.frames.inputs import InputParameters
from engine.frames.png import write_png
from engine.jobs import CancelToken, ignore
from engine.places.ground_truth import save_ground_truth
from engine.places.index import IndexRow, write_index
from engine.places.selection import PairSelection
from engine.recognition.encoding import SpikingParameters
from engine.recognition.evaluate import EvaluationParameters
from engine.recognition.results import run_evaluation
from engine.recognition.scores import ScoringParameters
from tests.app.capture_help import LEFT, part, wait_for

PLACES, QUERIES = 24, 20


def make_workspace(root: Path, positions: bool = True) -> Path:
    """Two traverses of random places: "day", and "night" which is noisy, begins two places later and has three odd frames."""
    rng = np.random.default_rng(5)
    places = rng.poisson(rng.gamma(0.6, 14, (PLACES, 12, 16)).repeat(2, 1).repeat(2, 2)).clip(0, 255).astype(np.uint8)
    queries = rng.poisson(places[2 : 2 + QUERIES] * 0.9 + 0.2).clip(0, 255).astype(np.uint8)
    for query, place in ((5, 20), (9, 0), (14, 6)):  # seen elsewhere: matched wrongly
        queries[query] = places[place]
    for name, frames, offset in (("day", places, 0), ("night", queries, 2)):
        folder = root / "dataset" / "street" / "dvs" / name
        rows = []
        for number, frame in enumerate(frames):
            write_png(folder / f"image_{number:02d}.png", frame)
            at = (47.0 + (number + offset) * 1e-4, 8.0) if positions else None
            rows.append(IndexRow(f"image_{number:02d}.png", number, at))
        write_index(root / "dataset" / f"{name}.csv", rows)
    save_ground_truth(root / "dataset/street/dvs/day_night_GT.npy", np.eye(PLACES, QUERIES, -2))
    (root / "models").mkdir()
    return root


def evaluate_into(root: Path, methods: tuple[str, ...] = ("sad", "correlation"), **scoring: object) -> Path:
    """Evaluate as the panel's job does; the new folder."""
    pair = PairSelection(data_dir=root, dataset="street", camera="dvs", reference="day", query="night")
    return run_evaluation(
        pair,
        InputParameters(),
        SpikingParameters(),
        ScoringParameters.check({"sequence": "none", "GT_tolerance": 1, "resamples": 50, **scoring}),
        EvaluationParameters(methods=methods),
        ignore,
        CancelToken(),
    )


def open_panel(window: MainWindow, root: Path, qtbot: QtBot) -> EvaluationView:
    """The panel with the workspace looked through."""
    window.open_workspace(root)
    window.show_panel("evaluation")
    view = window.current_view
    assert isinstance(view, EvaluationView)
    wait_for(qtbot, lambda: view.parts.bar.pair[2] == "day")
    return view


def show_result(view: EvaluationView, folder: Path, qtbot: QtBot) -> None:
    """Show a result and wait until its matrix is coloured and its frames are there."""
    view.tools.session.show_result(folder)
    wait_for(qtbot, lambda: view.results.method is not None and view.results.method.result.folder == folder)
    wait_for(qtbot, lambda: view.parts.matrix.view.coloured)
    wait_for(qtbot, lambda: view.parts.inspector.query.frame is not None)


def show_tab(qtbot: QtBot, window: MainWindow, name: str, title: str) -> None:
    """Click a tab."""
    tabs = part(window, name)
    assert isinstance(tabs, QTabWidget)
    bar = tabs.findChild(QTabBar)
    index = next(i for i in range(bar.count()) if bar.tabText(i) == title)
    qtbot.mouseClick(bar, LEFT, pos=bar.tabRect(index).center())
    assert tabs.currentIndex() == index


def click_check(qtbot: QtBot, box: QListWidget, row: int) -> None:
    """Click the check box of an entry."""
    rect: QRect = box.visualItemRect(box.item(row))
    before = box.item(row).checkState()
    for x in range(4, 40, 2):  # where the style puts it
        qtbot.mouseClick(box.viewport(), LEFT, pos=QPoint(rect.left() + x, rect.center().y()))
        if box.item(row).checkState() != before:
            return
    raise AssertionError("the check box was not hit")


def checked(box: QListWidget) -> list[str]:
    """The texts of the checked entries."""
    return [box.item(row).text() for row in range(box.count()) if box.item(row).checkState() == Qt.CheckState.Checked]
