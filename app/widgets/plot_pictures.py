"""A plot as a picture that a paper or a talk can take: SVG, whose text stays text, or PNG, twice as fine as on the screen."""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPixmap
from PySide6.QtSvg import QSvgGenerator

from engine.storage import replacing

if TYPE_CHECKING:
    from app.widgets.training_plots import TrainingPlot

KINDS = ("svg", "png")
_SCALE = 2  # of a PNG
_GAP, _SWATCH = 4, 16
_WRAPPED = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap)


def save_plot(plot: "TrainingPlot", path: Path) -> None:
    """Write a plot as it stands, with its title, its words in full and its legend, in the kind that the file's name ends in.

    Raises:
        OSError: it cannot be written.
    """
    picture = _Picture(plot)
    with replacing(path) as part:
        if path.suffix.lower() == ".svg":
            device = QSvgGenerator()
            device.setFileName(str(part))
            device.setTitle(plot.title)
            device.setResolution(plot.logicalDpiX())
            device.setSize(picture.size)
            device.setViewBox(QRect(0, 0, picture.size.width(), picture.size.height()))
            picture.paint(device)
            return
        ratio = plot.devicePixelRatioF() * _SCALE
        pixmap = QPixmap(picture.size * ratio)
        pixmap.setDevicePixelRatio(ratio)
        picture.paint(pixmap)
        if not pixmap.save(str(part), "PNG"):
            raise OSError(f"{path.name} cannot be written")


class _Picture:
    """What goes under each other: title, words, legend, plot."""

    def __init__(self, plot: "TrainingPlot") -> None:
        self._plot, self._width = plot, plot.width()
        self._bold = QFont(plot.font())
        self._bold.setBold(True)
        words = plot.note.text()
        self._lines: list[tuple[int, str, QFont, str, QColor | None]] = []  # top, text, font, colour, swatch
        colours = plot.theme.colours
        top = self._add(0, plot.title, self._bold, colours.text, None)
        if words:
            top = self._add(top, words, plot.font(), colours.muted, None)
        for name, shade in plot.legend():
            top = self._add(top, name, plot.font(), colours.text, shade)
        self._top = top + _GAP
        self.size = QSize(self._width, self._top + plot.graphics.height())

    def _add(self, top: int, text: str, font: QFont, colour: str, swatch: QColor | None) -> int:
        self._lines.append((top, text, font, colour, swatch))
        return top + self._room(text, font, swatch).height() + _GAP

    def _room(self, text: str, font: QFont, swatch: QColor | None) -> QRect:
        width = self._width - (_SWATCH + _GAP if swatch is not None else 0)
        return QFontMetrics(font).boundingRect(QRect(0, 0, width, 10_000), _WRAPPED, text)

    def paint(self, device: QSvgGenerator | QPixmap) -> None:
        painter = QPainter()
        if not painter.begin(device):
            raise OSError("the file cannot be written")
        try:
            painter.fillRect(QRect(0, 0, self.size.width(), self.size.height()), QColor(self._plot.theme.colours.window))
            for top, text, font, colour, swatch in self._lines:
                room = self._room(text, font, swatch)
                left = 0
                if swatch is not None:
                    left = _SWATCH + _GAP
                    middle = top + QFontMetrics(font).height() // 2
                    painter.fillRect(QRect(0, middle - 1, _SWATCH, 3), swatch)
                painter.setFont(font)
                painter.setPen(QColor(colour))
                painter.drawText(QRect(left, top, room.width() + 8, room.height()), _WRAPPED, text)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            view = self._plot.graphics
            view.render(painter, QRectF(0, self._top, self._width, view.height()), view.viewport().rect())
        finally:
            painter.end()
