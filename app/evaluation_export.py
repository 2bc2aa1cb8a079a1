"""Saving what the Evaluation panel shows: the report as it was written, and figures for a paper."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from PySide6.QtCore import QByteArray, QMarginsF, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QImage, QPageSize, QPainter, QPdfWriter
from PySide6.QtSvg import QSvgRenderer

from engine.errors import BadInput
from engine.storage import new_folder, replacing

FORMATS = ("svg", "pdf", "png")
FILES = {
    "report.html": "Report (HTML)",
    "report.json": "Scores (JSON)",
    "scores.csv": "Scores (CSV)",
    "matches.csv": "Matches (CSV)",
}
_DOTS = 3  # pixels of a PNG a unit of the drawing: 288 a inch
_UNITS_PER_INCH = 96


def copy_file(source: Path, target: Path) -> None:
    """Copy a file of a result, whole or not at all.

    Raises:
        BadInput: it is not there, or the target cannot be written.
    """
    if not source.is_file():
        raise BadInput(f"{source.parent.name} has no {source.name}: evaluate again.")
    try:
        with replacing(target) as part:
            shutil.copyfile(source, part)
    except OSError as error:
        raise BadInput(f"{target} cannot be written ({error.strerror or error}): choose another place.") from None


def save_figures(folder: Path, figures: Mapping[str, str], kind: str) -> list[Path]:
    """Write figures (SVG by file name) into a new folder, as svg, pdf or png.

    Raises:
        BadInput: there is none, or the folder is there already or cannot be written.
    """
    if not figures:
        raise BadInput("There is no figure to save: nothing that is shown was scored against a ground truth.")
    try:
        with new_folder(folder) as part:
            for name, drawing in figures.items():
                _save(part / Path(name).with_suffix(f".{kind}"), drawing, kind)
    except OSError as error:
        raise BadInput(f"{folder} cannot be written ({error.strerror or error}): choose another place.") from None
    return [folder / Path(name).with_suffix(f".{kind}") for name in figures]


def _save(path: Path, drawing: str, kind: str) -> None:
    if kind == "svg":
        path.write_text(drawing, encoding="utf-8")
        return
    renderer = QSvgRenderer(QByteArray(drawing.encode()))
    size = renderer.defaultSize()
    if not renderer.isValid():
        raise OSError(f"{path.stem} cannot be drawn")
    if kind == "png":
        image = QImage(QSize(size.width() * _DOTS, size.height() * _DOTS), QImage.Format.Format_RGB32)
        image.fill(Qt.GlobalColor.white)
        _draw(renderer, image, QRectF(image.rect()))
        metre = round(_DOTS * _UNITS_PER_INCH / 0.0254)
        image.setDotsPerMeterX(metre)
        image.setDotsPerMeterY(metre)
        if not image.save(str(path)):
            raise OSError(f"{path.name} cannot be written")
        return
    writer = QPdfWriter(str(path))
    writer.setCreator("Revisit")
    writer.setTitle(path.stem)
    writer.setResolution(_UNITS_PER_INCH * 10)  # fine enough that thin lines keep their places
    inches = QSizeF(size.width() / _UNITS_PER_INCH, size.height() / _UNITS_PER_INCH)
    writer.setPageSize(QPageSize(inches, QPageSize.Unit.Inch, path.stem, QPageSize.SizeMatchPolicy.ExactMatch))
    writer.setPageMargins(QMarginsF(0, 0, 0, 0))
    _draw(renderer, writer, QRectF(0, 0, writer.width(), writer.height()))


def _draw(renderer: QSvgRenderer, device: QImage | QPdfWriter, place: QRectF) -> None:
    painter = QPainter()
    if not painter.begin(device):
        raise OSError("the file cannot be written")
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    renderer.render(painter, place)
    painter.end()
