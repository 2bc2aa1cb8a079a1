"""Makes the pictures of the guide page "Deploy" again, on the demo's second drive.

python -m tests.guide_pictures_deploy [FOLDER]        (resources/guide/images by default)
"""

import sys
import tempfile
from pathlib import Path

from PySide6.QtCore import QSettings
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication

from app.demo import make_demo
from app.settings import Settings
from app.theme import Theme
from app.views.deploy import DeployView
from app.window import MainWindow
from engine.jobs import CancelToken, ignore
from tests.guide_pictures import save, wait, wait_until

SIZE = (1120, 720)
DEMO_SIZE = (1120, 630)


def main() -> None:
    """Make the three pictures."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1] / "resources/guide/images"
    application = QApplication([sys.argv[0]])
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "lab"
        make_demo(root, ignore, CancelToken())
        theme = Theme(application, "light")
        window = MainWindow(Settings(QSettings(str(Path(scratch) / "settings.ini"), QSettings.Format.IniFormat)), theme)
        window.resize(*SIZE)
        window.show()
        window.open_workspace(root)
        window.show_panel("deploy")
        view = window.current_view
        assert isinstance(view, DeployView)
        wait_until(lambda: view.runner.model is not None)
        view.parts.setup.target.setCurrentIndex(view.parts.setup.target.findData("virtual"))
        view.parts.setup.ghost.setCurrentIndex(view.parts.setup.ghost.findData("cpu"))
        view.parts.setup.edited.emit()
        view.parts.run_button.click()
        wait_until(lambda: view.parts.history.filled > 150)
        save(window, folder / "deploy-running.png")
        view.parts.show_tab("Checks")
        view.parts.plots.setCurrentIndex(4)
        wait(2)
        save(window, folder / "deploy-checks.png")
        theme.choose("dark")
        view.start_demo()
        demo = view.demo
        assert demo is not None
        demo.showNormal()
        demo.resize(*DEMO_SIZE)
        wait_until(lambda: demo.history.filled > 60 and not demo.place.lost)
        wait(0.3)
        image = demo.grab().toImage().convertToFormat(QImage.Format.Format_RGB888)
        image.save(str(folder / "deploy-demo.png"), "PNG", 0)
        print(folder / "deploy-demo.png")
        window.stop_and_close()
        wait(0.3)


if __name__ == "__main__":
    main()
