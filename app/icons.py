"""Icons out of resources/icons, drawn in the theme's own colours and in the screen's own resolution."""

import re
from typing import Any

from PySide6.QtCore import QByteArray, QObject, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QPushButton

from engine.resource_files import resource

_SIZES = (16, 20, 24, 32, 48)
_PROPERTY = "iconName"
_cache: dict[tuple[str, str, int, float], QPixmap] = {}
_icons: dict[tuple[str, str, str, float], QIcon] = {}  # a panel has a hundred buttons, and a dozen drawings on them


def pixmap(name: str, colour: QColor, size: int, ratio: float | None = None) -> QPixmap:
    """An icon as a picture of `size` x `size` logical pixels; `currentColor` in the drawing becomes `colour`."""
    scale = ratio if ratio is not None else _ratio()
    key = (name, colour.name(QColor.NameFormat.HexArgb), size, scale)
    if key not in _cache:
        drawing = resource(f"icons/{name}.svg").read_text(encoding="utf-8")
        renderer = QSvgRenderer(QByteArray(re.sub("currentColor", colour.name(), drawing).encode()))
        picture = QPixmap(QSize(size, size) * scale)
        picture.fill(Qt.GlobalColor.transparent)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        renderer.render(painter, QRectF(picture.rect()))
        painter.end()
        picture.setDevicePixelRatio(scale)
        _cache[key] = picture
    return _cache[key]


def icon(name: str) -> QIcon:
    """An icon in the colours of the application's palette: text, and its disabled shade."""
    palette, ratio = QGuiApplication.palette(), _ratio()
    text = palette.color(QPalette.ColorRole.ButtonText)
    disabled = palette.color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.ButtonText)
    key = (name, text.name(), disabled.name(), ratio)
    if key not in _icons:
        result = QIcon()
        for size in _SIZES:
            result.addPixmap(pixmap(name, text, size, ratio), QIcon.Mode.Normal)
            result.addPixmap(pixmap(name, disabled, size, ratio), QIcon.Mode.Disabled)
        _icons[key] = result
    return _icons[key]


def set_icon(target: Any, name: str) -> None:
    """Give a button or an action an icon that follows the theme (see refresh)."""
    if isinstance(target, QPushButton) and target.text() and not target.text().startswith(" "):
        target.setText(f" {target.text()}")  # Fusion leaves no gap between icon and words
    target.setProperty(_PROPERTY, name)
    target.setIcon(icon(name))


def refresh(root: QObject) -> None:
    """Redraw the icons of everything under `root`, after the theme changed."""
    for target in [root, *root.findChildren(QObject)]:
        name = target.property(_PROPERTY)
        if name:
            target.setIcon(icon(name))  # type: ignore[attr-defined]


def _ratio() -> float:
    """Of the sharpest screen."""
    return max((screen.devicePixelRatio() for screen in QGuiApplication.screens()), default=1.0)
