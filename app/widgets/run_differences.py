"""What chosen runs differ in, a column a run: their parameters, and their figures with the spread over the seeds."""

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import QTreeWidget, QTreeWidgetItem

from engine.training.runs import Run, differences, group_spread
from engine.training.validation import METRICS, RECALL_AREA

SHADES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8a7f00", "#7f7f7f")
SHOWN = len(SHADES)
_WIDEST, _SQUARE = 150, 10
_FIGURES = {RECALL_AREA: "Area R@1–25", "auc_pr": "AUC-PR", "recall_at_100_precision": "R@100P"}


class RunDifferences(QTreeWidget):
    """The table; the colours of its columns are those of the curves beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("runsDiffering")
        self.setRootIsDecorated(False)
        self.setSelectionMode(QTreeWidget.SelectionMode.NoSelection)
        self.setToolTip("Parameters in which the chosen runs differ, and how they were judged")
        self.header().setObjectName("runsDifferingHeader")
        self.header().setTextElideMode(Qt.TextElideMode.ElideRight)

    def show_runs(self, runs: Sequence[Run], all_runs: Sequence[Run]) -> int:
        """Show the first runs of those chosen; returns in how many parameters all of them differ.

        Args:
            runs: the chosen ones.
            all_runs: of the workspace, among which are those of the same seeds' group.
        """
        self.clear()
        shown = list(runs[:SHOWN])
        found: Mapping[str, list[Any]] = differences(runs) if len(runs) > 1 else {}
        self.setColumnCount(1 + len(shown))
        self.setHeaderLabels(["Parameter" if found else "Figure", *names_of(shown)])
        for name, values in found.items():
            item = QTreeWidgetItem([name.partition(".")[2] or name, *(_value(name, value) for value in values[:SHOWN])])
            item.setToolTip(0, name)
            self.addTopLevelItem(item)
        for metric in METRICS:
            over = [group_spread(run, all_runs, metric) for run in shown]
            if any(one is not None for one in over):
                title = _FIGURES.get(metric, f"R@{metric.rpartition('_')[2]}")
                item = QTreeWidgetItem([title, *("–" if one is None else one.text for one in over)])
                item.setToolTip(0, f"{title}: mean ± standard deviation over the seeds that were trained together (how many)")
                self.addTopLevelItem(item)
        for number, run in enumerate(shown):
            self.headerItem().setIcon(number + 1, _square(SHADES[number]) if len(shown) > 1 else QIcon())
            self.headerItem().setData(number + 1, Qt.ItemDataRole.ToolTipRole, f"{run.info.name} ({run.folder.name})")
        for column in range(self.columnCount()):
            self.resizeColumnToContents(column)
            self.setColumnWidth(column, min(self.columnWidth(column), _WIDEST))
        return len(found)


def names_of(runs: Sequence[Run]) -> list[str]:
    """The runs' names; of those that share one, with what tells them apart: the time at which they began."""
    names = [run.info.name for run in runs]
    return [
        name if names.count(name) == 1 else f"{run.info.created.astimezone():%H:%M:%S} {name}"
        for name, run in zip(names, runs, strict=True)
    ]


def _square(shade: str) -> QIcon:
    """The colour of a run's curve: a text of that colour would be the theme's, not ours, to choose."""
    square = QPixmap(_SQUARE + 4, _SQUARE)
    square.fill(Qt.GlobalColor.transparent)
    painter = QPainter(square)
    painter.fillRect(0, 0, _SQUARE, _SQUARE, QColor(shade))
    painter.end()
    return QIcon(square)


def _value(name: str, value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:g}"
    if not isinstance(value, list):
        return str(value)
    words = any(isinstance(part, str) for part in value)
    return (", " if words else " × " if name.endswith("dim") or name.endswith("dims") else " ").join(map(str, value))
