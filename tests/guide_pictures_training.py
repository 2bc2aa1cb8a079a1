"""Makes the pictures of the guide pages "Training" and "Sweeps" again, with the demo's street: the same on every computer.

python -m tests.guide_pictures_training [FOLDER]        (resources/guide/images by default)
"""

import sys
import tempfile
from pathlib import Path

from tests.guide_pictures import SIZE, save, wait, wait_until  # sets the platform to offscreen

from PySide6.QtCore import QSettings, Qt  # isort: skip
from PySide6.QtWidgets import QApplication  # isort: skip

from app.settings import Settings
from app.theme import Theme
from app.views.training import TrainingView
from app.widgets.training_layout import RUNS, SWEEP
from app.window import MainWindow
from engine.demo import create_demo_workspace, demo_parameters
from engine.jobs import CancelToken, ignore


def main() -> None:
    """Make the three pictures."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1] / "resources/guide/images"
    application = QApplication([sys.argv[0]])
    with tempfile.TemporaryDirectory() as scratch:
        lab = create_demo_workspace(Path(scratch) / "lab", demo_parameters(), ignore, CancelToken()).root
        window = MainWindow(
            Settings(QSettings(str(Path(scratch) / "settings.ini"), QSettings.Format.IniFormat)), Theme(application, "light")
        )
        window.resize(*SIZE)
        window.show()
        window.open_workspace(lab)
        window.show_panel("training")
        view = window.current_view
        assert isinstance(view, TrainingView)
        setup = view.parts.setup
        wait_until(lambda: view.setup.plan is not None)

        def train(name: str, **changed: object) -> None:
            setup.run_form.set_values({"name": name, "seeds": 3, "plots_share": 1.0})
            setup.training_form.set_values(changed)
            setup.edited.emit()
            wait_until(lambda: view.parts.buttons.start.isEnabled())
            view.parts.buttons.start.click()
            wait_until(lambda: not view.training.running)
            wait(1)

        train("wide targets", fire_l_feat=0.1, fire_h_feat=0.9)
        train("narrow targets", fire_l_feat=0.4, fire_h_feat=0.6)
        setup.show_tab("Network")
        wait(1)
        save(window, folder / "training-live.png")
        setup.show_tab("Data")
        view.parts.show_tab(RUNS)
        view.parts.runs.table.selectAll()
        wait(1.5)
        save(window, folder / "training-runs.png")
        view.parts.show_tab(SWEEP)
        view.parts.sweep.form.set_values({"trials": 40, "pruning": False, "study": "targets"})
        for name in ("encoding", "windows"):
            (item,) = view.parts.sweep.varied.findItems(name, Qt.MatchFlag.MatchExactly)
            item.setCheckState(0, Qt.CheckState.Checked)
        wait_until(lambda: view.parts.sweep.start.isEnabled())
        view.parts.sweep.start.click()
        wait_until(lambda: not view.sweep.running)
        wait(1.5)
        save(window, folder / "training-sweep.png")
        window.stop_and_close()
        wait(0.3)


if __name__ == "__main__":
    main()
