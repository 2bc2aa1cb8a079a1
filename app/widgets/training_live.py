"""The Live tab: how far the training is, and its plots in a grid."""

import time
from collections.abc import Iterator
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from app.icons import set_icon
from app.jobs import duration
from app.pieces import Pieces
from app.theme import Theme
from app.widgets.elided import Elided
from app.widgets.plot_pictures import KINDS, save_plot
from app.widgets.status import count
from app.widgets.training_plots import TrainingPlot, make_plots, plot_icon
from engine.errors import BadInput
from engine.training.curves import CurveCollector, export_values
from engine.training.live import LAYERS

_COLUMNS = 3
_MADE_AT_ONCE = 3  # plots in a piece
_ROOM = 182  # a plot's width with the space beside it
_SHARE = 0.02  # of the time that this window's thread may work while a training runs: the training has the rest
_MOST_SAVED_S = 0.01
_LONGEST_WAIT_S = 1.0  # for one plot, however busy the window is with something else


class DrawingCredit:
    """Time that drawing may take: it grows by a share of the time that passes, and all that this thread works is taken off."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Begin with nothing, and forget what was worked before."""
        self._now = self._drawn = time.monotonic()
        self._left, self._worked = 0.0, time.thread_time()

    def allows(self) -> bool:
        """Whether a plot may be drawn now."""
        now, worked = time.monotonic(), time.thread_time()
        self._left = min(self._left + _SHARE * (now - self._now), _MOST_SAVED_S) - (worked - self._worked)
        self._now, self._worked = now, worked
        if self._left <= 0 and now - self._drawn < _LONGEST_WAIT_S:
            return False
        self._left, self._drawn = max(self._left, 0.0), now
        return True


class LivePlots(QWidget):
    """Draws what a CurveCollector holds: plot by plot, as its share of the time allows, and not at all while paused or hidden."""

    exportRequested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("trainingLive")
        self.curves = CurveCollector()
        self.drawn = 0  # plots, all in all
        self._fresh = True
        self._layer, self._follow = 0, True
        self._dirty = False
        self._credit, self._turn = DrawingCredit(), -1
        self._alone: TrainingPlot | None = None

    def fill(self, theme: Theme) -> Pieces[None]:
        """Make the plots one by one, then what stands over them."""
        self.plots: list[TrainingPlot] = []
        for plot in make_plots(theme):
            self.plots.append(plot)
            if len(self.plots) % _MADE_AT_ONCE == 0:
                yield
        yield
        self.words = Elided("", "trainingWords")
        self.empty = QLabel(
            "Nothing has been trained yet.\nChoose a reference traverse on the left and press Start, "
            "or double click a run in the Runs tab to see its plots."
        )
        self.empty.setObjectName("plotsEmpty")
        self.empty.setMargin(24)
        self.empty.setProperty("role", "muted")
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setWordWrap(True)
        self.bar = QProgressBar()
        self.bar.setObjectName("trainingBar")
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(6)
        self.bar.setRange(0, 1000)
        self.feature, self.output = (
            self._layer_button("Features", "feature layer", 0),
            self._layer_button("Outputs", "output layer", 1),
        )
        self._layers = QButtonGroup(self)
        self._layers.addButton(self.feature, 0)
        self._layers.addButton(self.output, 1)
        self._layers.idClicked.connect(self._on_layer)
        self.feature.setChecked(True)
        self.hold = self._button("plotsHold", "pause", "Hold", "Leave the plots as they are; the training goes on")
        self.hold.setCheckable(True)
        self.hold.toggled.connect(self._on_hold)
        self.fit = self._button("plotsFit", "fit", "Fit", "Show everything in all plots again")
        self.fit.clicked.connect(self.fit_all)
        self.export = self._button(
            "plotsExport", "copy", "Export…", "Write all plots as pictures (SVG and PNG) and their values as tables (CSV)"
        )
        self.export.clicked.connect(self.exportRequested)
        yield
        self._assemble()

    # -- what is shown

    def begin(self, curves: CurveCollector, words: str = "") -> None:
        """Show another run's curves."""
        self.curves, self._follow = curves, True
        self._stack.setCurrentIndex(1)
        self.hold.setChecked(False)
        self._choose(curves.learning)
        self.feature.setEnabled(True)
        self.fit_all()
        self.tell(words)
        self.draw()
        self._fresh, self._turn = True, -1

    def note_news(self) -> None:
        """Something came in: draw it if it is time."""
        if self._fresh:
            self._credit.restart()
            self._fresh = False
        self._dirty = True
        if self._follow and self.curves.learning != self._layer:
            self._choose(self.curves.learning)
        # A network of one layer has no feature layer to look at.
        self.feature.setEnabled(bool(self.curves.steps(LAYERS[0]) or not self.curves.steps(LAYERS[1])))
        if self._credit.allows():
            self._draw_next()

    def draw(self) -> None:
        """Draw the newest state, unless the plots are held or hidden."""
        if self.hold.isChecked() or not self.isVisible():
            return
        for plot in self._shown():
            plot.show_curves(self.curves, self._layer)
            self.drawn += 1
        self._dirty = False

    def _draw_next(self) -> None:
        """Draw one plot, in turns: all of them at once would hold the training up for longer than it tells between."""
        if self.hold.isChecked() or not self.isVisible():
            return
        shown = self._shown()
        self._turn = (self._turn + 1) % len(shown)
        shown[self._turn].show_curves(self.curves, self._layer)
        self.drawn += 1

    def _shown(self) -> list[TrainingPlot]:
        return [plot for plot in self.plots if plot.isVisible()]

    def tell(self, words: str) -> None:
        """The line over the plots."""
        if words:
            self.words.say(words)

    def show_progress(self, title: str, layer: str, done: int, total: int) -> None:
        """How far it is, in words and as a bar."""
        values = self.curves.last.get(layer, {})
        speed, left = float(values.get("steps_per_second", 0.0)), float(values.get("remaining_s", float("nan")))
        which = f"network {values['network']} of {values['networks']}, " if "networks" in values else ""
        parts = [f"{title}: {which}{layer}, {done:,} of {total:,} steps"]
        if speed > 0:
            parts.append(f"{count(speed)} steps/s")
        if left == left:
            parts.append(f"{duration(left)} left")
        self.words.say("  ·  ".join(parts))
        self.bar.setValue(round(1000 * done / total) if total else 0)

    def fit_all(self) -> None:
        """Show everything again."""
        for plot in self.plots:
            plot.fit()

    def export_to(self, folder: Path) -> Iterator[Path]:
        """Write values and pictures, one file a step: all of them at once would hold the window up.

        Raises:
            BadInput: the folder cannot be written.
        """
        yield from export_values(self.curves.curves(), folder)
        for plot in self._shown():
            for kind in KINDS:
                path = folder / f"{plot.objectName()}.{kind}"
                try:
                    save_plot(plot, path)
                except OSError as error:
                    raise BadInput(f"{folder} cannot take the pictures ({error}): choose another folder.") from None
                yield path

    def showEvent(self, event: QShowEvent) -> None:
        """What came in while the tab was hidden is drawn now."""
        super().showEvent(event)
        if self._dirty or not self.drawn:
            self.draw()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """As many columns as there is room for."""
        super().resizeEvent(event)
        self._place(max(1, min(_COLUMNS, self.width() // _ROOM)))

    # -- assembly

    def _assemble(self) -> None:
        tools = QHBoxLayout()
        tools.setSpacing(6)
        for widget in (self.feature, self.output):
            tools.addWidget(widget)
        tools.addStretch(1)
        for widget in (self.hold, self.fit, self.export):
            tools.addWidget(widget)
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(18)
        self._grid.setVerticalSpacing(10)
        self._columns = 0
        for plot in self.plots:
            plot.enlargeRequested.connect(self._on_enlarge)
            plot_icon(plot.enlarge, False)
        page = QWidget()
        page.setLayout(self._grid)
        area = QScrollArea()
        area.setObjectName("plotsArea")
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(page)
        whole = QWidget()
        layout = QVBoxLayout(whole)
        layout.setContentsMargins(16, 12, 24, 10)
        layout.setSpacing(8)
        layout.addWidget(self.words)
        layout.addWidget(self.bar)
        layout.addLayout(tools)
        layout.addWidget(area, 1)
        self._place(_COLUMNS)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(whole)

    def _place(self, columns: int) -> None:
        if columns == self._columns:
            return
        self._columns = columns
        for number, plot in enumerate(self.plots):
            self._grid.addWidget(plot, number // columns, number % columns)
        self._stretch()

    def _stretch(self) -> None:
        """Columns are as wide as each other; a plot that is shown alone has all the room."""
        alone = None if self._alone is None else self.plots.index(self._alone) % self._columns
        for column in range(_COLUMNS):
            self._grid.setColumnStretch(column, int(column < self._columns if alone is None else column == alone))

    def _layer_button(self, text: str, layer: str, number: int) -> QPushButton:
        button = QPushButton(text)
        button.setObjectName(f"layer{number}")
        button.setCheckable(True)
        button.setProperty("compact", "true")
        button.setToolTip(f"Show firing rates, thresholds and weights of the {layer}")
        return button

    def _button(self, name: str, icon: str, text: str, tip: str) -> QPushButton:
        button = QPushButton(text)
        button.setObjectName(name)
        button.setProperty("compact", "true")
        button.setToolTip(tip)
        set_icon(button, icon)
        return button

    # -- handlers

    def _choose(self, layer: int) -> None:
        self._layer = layer
        (self.feature, self.output)[layer].setChecked(True)

    def _on_layer(self, layer: int) -> None:
        self._layer, self._follow = layer, False
        self.fit_all()
        self.draw()

    def _on_hold(self, held: bool) -> None:
        if not held:
            self.draw()

    def _on_enlarge(self, plot: TrainingPlot) -> None:
        self._alone = None if self._alone is plot else plot
        for other in self.plots:
            other.setVisible(self._alone is None or other is self._alone)
            plot_icon(other.enlarge, other is self._alone)
        self._stretch()
        self.draw()
