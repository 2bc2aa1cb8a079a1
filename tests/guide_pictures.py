"""Makes the pictures of the guide page "Capture" again, with the synthetic camera: the same on every computer.

python -m tests.guide_pictures [FOLDER]        (resources/guide/images by default)
"""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEventLoop, QSettings, QTimer
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from app.settings import Settings
from app.theme import Theme
from app.views.capture import CaptureView
from app.widgets.source_bar import Chosen
from app.window import MainWindow
from engine.places.workspace import Workspace

SIZE = (1120, 720)
_PATIENCE_S = 60.0


def wait(seconds: float) -> None:
    """Let the window work."""
    loop = QEventLoop()
    QTimer.singleShot(round(1000 * seconds), loop.quit)
    loop.exec()


def wait_until(condition: Callable[[], object]) -> None:
    """Let the window work until something is so."""
    for _ in range(round(_PATIENCE_S / 0.05)):
        if condition():
            return
        wait(0.05)
    raise TimeoutError("the panel did not come to what the picture should show")


def save(window: MainWindow, path: Path) -> None:
    """Save a picture; its own size packs better than a smaller one with smoothed edges."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not window.grab().toImage().convertToFormat(QImage.Format.Format_RGB888).save(str(path), "PNG", 0):
        raise OSError(f"{path} cannot be written")
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def main() -> None:
    """Make the three pictures."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1] / "resources/guide/images"
    application = QApplication([sys.argv[0]])
    with tempfile.TemporaryDirectory() as scratch:
        workspace = Workspace.create(Path(scratch) / "lab")
        window = MainWindow(
            Settings(QSettings(str(Path(scratch) / "settings.ini"), QSettings.Format.IniFormat)), Theme(application, "light")
        )
        window.resize(*SIZE)
        window.show()
        window.open_workspace(workspace.root)
        window.show_panel("capture")
        view = window.current_view
        assert isinstance(view, CaptureView)
        parts = view.parts
        parts.source.choose(Chosen("synthetic"))
        parts.source.open.click()
        wait_until(lambda: parts.preview.gauge.value)
        wait(4)
        save(window, folder / "capture-running.png")
        parts.show_tab("Region")
        parts.live.set_tool("region")
        view.region.choose((24, 24, 80, 80))
        parts.region.grid.set_values({"cell": "centre"})
        view.region._on_grid()
        wait(2)
        save(window, folder / "capture-region.png")
        parts.show_tab("Record")
        parts.record.form.set_values({"record_frames": True, "dataset": "campus", "camera": "synthetic", "traverse": "morning"})
        parts.record.form.set_values({"events_name": "morning"})
        wait(1.2)
        parts.record_button.button.click()
        wait(4.5)
        save(window, folder / "capture-recording.png")
        window.stop_and_close()
        wait(0.3)


if __name__ == "__main__":
    main()
