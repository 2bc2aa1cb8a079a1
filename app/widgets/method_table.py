"""The table of methods: every figure of each method that is shown, with its interval in small words below."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QSize,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QStyledItemDelegate, QStyleOptionViewItem, QTableView

from app.theme import Theme
from app.widgets.colour_maps import series_colours
from engine.recognition.methods import BASELINES
from engine.recognition.results import StoredMethod, StoredResult
from engine.recognition.scores import Scores

Index = QModelIndex | QPersistentModelIndex
_SORT, _SMALL = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1
_SWATCH, _PAD = 18, 9


@dataclass(frozen=True)
class ShownMethod:
    """A method of an opened result, in its place among all that are shown."""

    result: StoredResult
    method: StoredMethod
    number: int  # decides its colour and dash
    several: bool  # results of several runs are shown

    @property
    def title(self) -> str:
        """Its name for people."""
        baseline = BASELINES.get(self.method.name)
        return self.method.name if baseline is None else baseline.title

    @property
    def label(self) -> str:
        """Its title, with the run's name where there are several."""
        return f"{self.title}  ({self.result.folder.name})" if self.several else self.title


def colour_of(theme: Theme, number: int) -> QColor:
    """The colour of the method with this number."""
    colours = series_colours(theme.colours)
    return QColor(colours[number % len(colours)])


def dash_of(theme: Theme, number: int) -> Qt.PenStyle:
    """Lines repeat their colours with another dash."""
    styles = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine)
    return styles[number // len(series_colours(theme.colours)) % len(styles)]


_KS = (1, 5, 10, 25)  # all six are in the bars


@dataclass(frozen=True)
class _Column:
    title: str
    tip: str


_COLUMNS = (
    _Column("Method", "What recognised, and its colour in the plots"),
    *(_Column(f"R@{k}", f"Share of the queries with a true place among the {k} most similar ones") for k in _KS),
    _Column("AUC-PR", "Area under the precision-recall curve of the single best match"),
    _Column("R@100P", "Largest recall without any wrong match above the threshold"),
    _Column("Error", "Median distance of the best match from a true place, in frames; below it the 95th percentile"),
    _Column("Error, m", "The same in metres, between where the query was and where its match is"),
    _Column("Cold start", "Queries until the first right match, median over many starts; below it the 95th percentile"),
    _Column("Lost", "Queries at which the method says that it is lost; below it the share of them that was right all the same"),
    _Column("Time", "From frames to the similarity matrix, all queries"),
    _Column("SynOps", "Synaptic operations a query, of spiking networks"),
)


class MethodModel(QAbstractTableModel):
    """The methods as rows."""

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self._theme = theme
        self.rows: list[ShownMethod] = []
        self._cells: list[list[tuple[str, str, float]]] = []

    def set_methods(self, methods: Sequence[ShownMethod]) -> None:
        """Show these."""
        self.beginResetModel()
        self.rows = list(methods)
        self._cells = [_cells(shown) for shown in methods]
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 (Qt's own signature)
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(_COLUMNS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return _COLUMNS[section].title
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.ToolTipRole:
            return _COLUMNS[section].tip
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.TextAlignmentRole:
            return _aligned(section)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        text, small, value = self._cells[index.row()][index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return text
        if role == _SMALL:
            return small
        if role == _SORT:
            return text.lower() if index.column() == 0 else value
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _aligned(index.column())
        if role == Qt.ItemDataRole.DecorationRole and index.column() == 0:
            return colour_of(self._theme, self.rows[index.row()].number)
        if role == Qt.ItemDataRole.ToolTipRole and index.column() == 0:
            shown = self.rows[index.row()]
            return f"{shown.method.name}\n{shown.result.folder}"
        return None


def _aligned(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignLeft if column == 0 else Qt.AlignmentFlag.AlignRight
    return side | Qt.AlignmentFlag.AlignVCenter


def _cells(shown: ShownMethod) -> list[tuple[str, str, float]]:
    """(text, small text, what it is sorted by) of every column."""
    method, scores = shown.method, shown.method.scores
    run = shown.result.folder.name if shown.several else ""
    name = (shown.title, run, 0.0)
    costs = [_time(method.seconds), _operations(method.synops_per_query)]
    if scores is None:
        return [name, *[("", "", -1.0)] * 10, *costs]
    return [name, *_shares(scores), *_errors(scores), _start(scores), _lost(scores), *costs]


def _shares(scores: Scores) -> list[tuple[str, str, float]]:
    bounds = scores.intervals
    cells = []
    for k in _KS:
        cells.append(_share(scores.recall_at[k], bounds.recall_at[k] if bounds else None))
    cells.append(_share(scores.auc_pr, bounds.auc_pr if bounds else None))
    cells.append(_share(scores.recall_at_100_precision, bounds.recall_at_100_precision if bounds else None))
    return cells


def _share(value: float, bounds: tuple[float, float] | None) -> tuple[str, str, float]:
    small = "" if bounds is None else f"{bounds[0]:.2f}–{bounds[1]:.2f}"
    return f"{value:.3f}", small, value


def _errors(scores: Scores) -> list[tuple[str, str, float]]:
    cells = []
    for error, unit in ((scores.error_frames, ""), (scores.error_m, " m")):
        if error is None:
            cells.append(("–", "", -1.0))
        else:
            cells.append((f"{_figure(error.median)}{unit}", f"95 %: {_figure(error.p95)}{unit}", error.median))
    return cells


def _figure(value: float) -> str:
    """Three digits, all of a larger number."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _start(scores: Scores) -> tuple[str, str, float]:
    start = scores.cold_start
    if start is None:
        return "–", "", -1.0
    median, high = start.percentile(50), start.percentile(95)
    words = ["never" if value is None else f"{value:g}" for value in (median, high)]
    return words[0], f"95 %: {words[1]}", float("inf") if median is None else median


def _lost(scores: Scores) -> tuple[str, str, float]:
    lost = scores.lost
    if lost is None:
        return "–", "", -1.0
    right = "" if lost.right_when_lost is None else f"right: {lost.right_when_lost:.2f}"
    return str(lost.queries), right, float(lost.queries)


def _time(seconds: float | None) -> tuple[str, str, float]:
    if seconds is None:
        return "–", "", -1.0
    return (f"{1000 * seconds:.0f} ms" if seconds < 0.995 else f"{seconds:.1f} s"), "", seconds


def _operations(count: float | None) -> tuple[str, str, float]:
    if count is None:
        return "–", "", -1.0
    text = f"{count:.0f}" if count < 1e3 else f"{count / 1e3:.0f} k" if count < 999_500 else f"{count / 1e6:.1f} M"
    return text, "", count


class _Delegate(QStyledItemDelegate):
    """A line, a smaller one under it, and in the first column the method's colour as a line of its dash."""

    def __init__(self, theme: Theme, table: QTableView) -> None:
        super().__init__(table)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        metrics = option.fontMetrics
        texts = [str(index.data(role) or "") for role in (Qt.ItemDataRole.DisplayRole, _SMALL)]
        swatch = _SWATCH + 8 if index.column() == 0 else 0
        width = max(metrics.horizontalAdvance(texts[0]), round(0.86 * metrics.horizontalAdvance(texts[1])))
        return QSize(min(width, 190) + swatch + 2 * _PAD + 4, 2 * metrics.height() + 8)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        colours = self._theme.colours
        rect: QRect = option.rect
        painter.save()
        if option.state & QStyleOptionViewItem().state.State_Selected:
            painter.fillRect(rect, QColor(colours.chosen))
        inner = rect.adjusted(_PAD, 2, -_PAD, -2)
        if index.column() == 0:
            source = index.model()
            number = index.row()
            if isinstance(source, QSortFilterProxyModel):
                model = source.sourceModel()
                number = source.mapToSource(index).row()
                if isinstance(model, MethodModel):
                    number = model.rows[number].number
            pen = QPen(colour_of(self._theme, number), 3, dash_of(self._theme, number))
            painter.setPen(pen)
            painter.drawLine(inner.left(), inner.center().y(), inner.left() + _SWATCH, inner.center().y())
            inner.setLeft(inner.left() + _SWATCH + 8)
        side = Qt.AlignmentFlag.AlignLeft if index.column() == 0 else Qt.AlignmentFlag.AlignRight
        text, small = str(index.data() or ""), str(index.data(_SMALL) or "")
        painter.setPen(QColor(colours.text))
        metrics = painter.fontMetrics()
        mode = Qt.TextElideMode.ElideMiddle if index.column() == 0 else Qt.TextElideMode.ElideRight
        if not small:
            painter.drawText(inner, side | Qt.AlignmentFlag.AlignVCenter, metrics.elidedText(text, mode, inner.width()))
        else:
            upper = QRect(inner.left(), inner.center().y() - metrics.height() + 1, inner.width(), metrics.height())
            painter.drawText(upper, side | Qt.AlignmentFlag.AlignVCenter, metrics.elidedText(text, mode, inner.width()))
            font = painter.font()
            font.setPointSizeF(font.pointSizeF() * 0.86)
            painter.setFont(font)
            painter.setPen(QColor(colours.muted))
            lower = QRect(inner.left(), inner.center().y() + 1, inner.width(), metrics.height())
            shown = painter.fontMetrics().elidedText(small, mode, inner.width())
            painter.drawText(lower, side | Qt.AlignmentFlag.AlignVCenter, shown)
        painter.restore()


class MethodTable(QTableView):
    """Choose a row to see its matrix, its worst queries and its route; a click on a heading sorts."""

    methodChosen = Signal(object)  # ShownMethod, or None

    def __init__(self, theme: Theme) -> None:
        super().__init__()
        self.setObjectName("methodTable")
        self.setAccessibleName("Methods and their figures")
        self._model = MethodModel(theme)
        self._proxy = QSortFilterProxyModel(self)
        self._proxy.setSourceModel(self._model)
        self._proxy.setSortRole(_SORT)
        self.setModel(self._proxy)
        self.setItemDelegate(_Delegate(theme, self))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setSortingEnabled(True)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header = self.horizontalHeader()
        header.setObjectName("methodTableHeader")
        header.setHighlightSections(False)
        header.setSortIndicatorClearable(True)
        header.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        header.setMinimumSectionSize(40)
        self.selectionModel().currentRowChanged.connect(lambda current, before: self.methodChosen.emit(self.chosen))
        theme.changed.connect(self.viewport().update)
        self._lay_out()

    def set_methods(self, methods: Sequence[ShownMethod], choose: int = 0) -> None:
        """Show these methods and choose one of them."""
        self._model.set_methods(methods)
        self._lay_out()
        if methods:
            self.choose(min(choose, len(methods) - 1))
        else:
            self.methodChosen.emit(None)

    def choose(self, number: int) -> None:
        """Choose the method with this place in the list."""
        index = self._proxy.mapFromSource(self._model.index(number, 0))
        self.setCurrentIndex(index)

    @property
    def chosen(self) -> ShownMethod | None:
        """The chosen method."""
        index = self._proxy.mapToSource(self.currentIndex())
        return self._model.rows[index.row()] if index.isValid() else None

    @property
    def methods(self) -> list[ShownMethod]:
        """All that are shown, in the order of their numbers."""
        return list(self._model.rows)

    def changeEvent(self, event: Any) -> None:
        """Rows follow the size of the text."""
        super().changeEvent(event)
        if hasattr(self, "_model"):
            self._lay_out()

    def _lay_out(self) -> None:
        height = 2 * self.fontMetrics().height() + 8
        self.verticalHeader().setDefaultSectionSize(height)
        self.verticalHeader().setMinimumSectionSize(height)
        self.setMinimumHeight(self.horizontalHeader().sizeHint().height() + 2 * height + 4)
        header = self.horizontalHeader().fontMetrics()
        for column, named in enumerate(_COLUMNS):
            self.setColumnWidth(column, max(header.horizontalAdvance(named.title) + 26, self.sizeHintForColumn(column)))
        metres = any(shown.method.scores is not None and shown.method.scores.error_m is not None for shown in self._model.rows)
        operations = any(shown.method.synops_per_query is not None for shown in self._model.rows)
        lost = any(shown.method.scores is not None and shown.method.scores.lost is not None for shown in self._model.rows)
        for title, wanted in (("Error, m", metres), ("Lost", lost), ("SynOps", operations)):
            self.setColumnHidden([column.title for column in _COLUMNS].index(title), not wanted)
        self._spread()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The names take what room is left."""
        super().resizeEvent(event)
        self._spread()

    def _spread(self) -> None:
        others = sum(self.columnWidth(column) for column in range(1, len(_COLUMNS)) if not self.isColumnHidden(column))
        self.setColumnWidth(0, max(self.sizeHintForColumn(0), self.viewport().width() - others))
