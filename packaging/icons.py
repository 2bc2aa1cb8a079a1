"""The launcher's icon: the drawing of resources/icons, white on a coloured tile, as SVG and as pictures."""

import re
from pathlib import Path

SIZES = (16, 22, 24, 32, 48, 64, 128, 256, 512)
_DRAWING = Path(__file__).resolve().parents[1] / "resources" / "icons" / "revisit.svg"
_TILE, _INK = "#1b6ca8", "#ffffff"  # the light theme's accent and what is written on it


def launcher_svg() -> str:
    """The icon as SVG text, 24 x 24 units. Launchers do not colour it as the window does, so that it brings its own ground."""
    drawing = _DRAWING.read_text(encoding="utf-8").replace("currentColor", _INK)
    attributes, content = re.fullmatch(r"\s*<svg ([^>]*)>(.*)</svg>\s*", drawing, re.DOTALL).groups()
    style = " ".join(re.findall(r'(?:fill|stroke[\w-]*)="[^"]*"', attributes))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="24" height="24" viewBox="0 0 24 24"><rect width="24" height="24" rx="5" '
        f'fill="{_TILE}"/><g transform="translate(2.4 2.4) scale(0.8)" {style}>{content}</g></svg>\n'
    )


def render(folder: Path) -> list[Path]:
    """Write the icon under a folder as an icon theme has it, `SIZExSIZE/apps/revisit.png` and `scalable/apps/revisit.svg`.

    Returns:
        The files.
    """
    from PySide6.QtCore import QByteArray
    from PySide6.QtGui import QImage, QPainter
    from PySide6.QtSvg import QSvgRenderer

    text = launcher_svg()
    renderer = QSvgRenderer(QByteArray(text.encode()))
    files = []
    for size in SIZES:
        picture = QImage(size, size, QImage.Format.Format_ARGB32)
        picture.fill(0)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        renderer.render(painter)
        painter.end()
        files.append(folder / f"{size}x{size}" / "apps" / "revisit.png")
        files[-1].parent.mkdir(parents=True, exist_ok=True)
        if not picture.save(str(files[-1])):
            raise OSError(f"{files[-1]} cannot be written")
    files.append(folder / "scalable" / "apps" / "revisit.svg")
    files[-1].parent.mkdir(parents=True, exist_ok=True)
    files[-1].write_text(text, encoding="utf-8")
    return files
