"""Makes the pictures of the guide page "Evaluation" again, with the demo's synthetic street: the same on every computer.

python -m tests.guide_pictures_evaluation [FOLDER]        (resources/guide/images by default)
"""

import sys
import tempfile
from pathlib import Path

from tests.guide_pictures import SIZE, save, wait, wait_until  # sets the platform to offscreen

from PySide6.QtCore import QSettings  # isort: skip
from PySide6.QtWidgets import QApplication  # isort: skip

from app.settings import Settings
from app.theme import Theme
from app.views.evaluation import EvaluationView
from app.window import MainWindow
from engine.demo import demo_parameters, run_demo
from engine.jobs import CancelToken, ignore

METHODS = ("sad", "sad-pooled", "correlation")


def main() -> None:
    """Make the three pictures."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1] / "resources/guide/images"
    application = QApplication([sys.argv[0]])
    with tempfile.TemporaryDirectory() as scratch:
        lab = Path(scratch) / "lab"
        demo = run_demo(lab, demo_parameters(), ignore, CancelToken())
        window = MainWindow(
            Settings(QSettings(str(Path(scratch) / "settings.ini"), QSettings.Format.IniFormat)), Theme(application, "light")
        )
        window.resize(*SIZE)
        window.show()
        window.open_workspace(lab)
        window.show_panel("evaluation")
        view = window.current_view
        assert isinstance(view, EvaluationView)
        wait_until(lambda: view.parts.bar.pair[2])
        view.parts.methods.set_chosen(METHODS)
        view.parts.bar.run.click()
        wait_until(lambda: not view.run.running and view.parts.matrix.view.coloured)
        wait(2)
        save(window, folder / "evaluation-matrix.png")
        view.parts.show_tab("Worst queries")
        wait(2)
        save(window, folder / "evaluation-worst.png")
        view.parts.show_tab("Curves")
        view.parts.show_tab("Results")
        shown = [shown.result.folder for shown in view.parts.table.methods[:1]]
        view.results.show([*shown, demo.report])
        wait_until(lambda: len(view.parts.table.methods) == len(METHODS) + 2)
        wait(2)
        save(window, folder / "evaluation-curves.png")
        window.stop_and_close()
        wait(0.3)


if __name__ == "__main__":
    main()
