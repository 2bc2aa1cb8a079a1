"""Makes the pictures of the guide page "Ground truth" again, from the synthetic street: the same on every computer.

python -m tests.guide_pictures_truth [FOLDER]        (resources/guide/images by default)
"""

import os
import sys
import tempfile
from pathlib import Path

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

from app.settings import Settings
from app.theme import Theme
from app.views.ground_truth import GroundTruthView
from app.window import MainWindow
from engine.demo import CAMERA, DATASET, create_demo_workspace, demo_parameters
from engine.jobs import CancelToken, ignore
from engine.places.truth.document import TruthDocument
from tests.guide_pictures import SIZE, save, wait, wait_until


def main() -> None:
    """Make both pictures."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1] / "resources/guide/images"
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    application = QApplication([sys.argv[0]])
    with tempfile.TemporaryDirectory() as scratch:
        workspace = create_demo_workspace(Path(scratch) / "lab", demo_parameters(), ignore, CancelToken())
        path = workspace.ground_truth_file(DATASET, CAMERA, "reference", "query")
        document = TruthDocument.open(path, 100, 100)
        # What a person finds on the way: some matches in the wrong place, queries that stand still and are masked.
        for query in (41, 42, 43):
            document.apply(document.paint([(80 + query % 3, query)]))
        document.apply(document.set_mask(range(66, 72), True))
        document.apply(document.confirm(range(22)))
        document.save(path)
        window = MainWindow(
            Settings(QSettings(str(Path(scratch) / "settings.ini"), QSettings.Format.IniFormat)), Theme(application, "light")
        )
        window.resize(SIZE[0] + 80, SIZE[1] + 40)
        window.show()
        window.open_workspace(workspace.root)
        window.show_panel("ground_truth")
        view = window.current_view
        assert isinstance(view, GroundTruthView)
        wait_until(lambda: view.review.check is not None)
        view.review.next_suspicious()
        wait_until(lambda: view.parts.pair.reference.frame is not None)
        wait(0.5)
        save(window, folder / "truth-panel.png")
        view.parts.show_tab("Make")
        view.parts.make.choose("poses")
        view.parts.make.forms["poses"].set_values({"radius_m": 4.0})
        view.parts.make.make.click()
        wait_until(lambda: view.proposals.proposal is not None)
        wait(0.5)
        save(window, folder / "truth-proposal.png")
        window.stop_and_close()
        wait(0.3)


if __name__ == "__main__":
    main()
