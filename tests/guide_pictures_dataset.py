"""Makes the pictures of the guide page "Your data" again, out of the demo's two drives.

python -m tests.guide_pictures_dataset [FOLDER]        (resources/guide/images by default)
"""

import sys
import tempfile
from pathlib import Path

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QApplication

from app.settings import Settings
from app.theme import Theme
from app.views.dataset import DatasetView
from app.widgets.clock_result import ClockResult
from app.window import MainWindow
from engine.demo import create_demo_workspace, demo_parameters
from engine.frames.binning import BinningParameters
from engine.jobs import CancelToken, ignore
from engine.places.clock import ClockParameters, estimate_offset
from engine.places.from_recordings import RecordingImport, import_recordings
from engine.places.pose_logs import OffsetParameters, set_offset
from tests.guide_pictures import save, wait, wait_until

SIZE = (1120, 720)


def main() -> None:
    """Make the three pictures."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1] / "resources/guide/images"
    application = QApplication([sys.argv[0]])
    with tempfile.TemporaryDirectory() as scratch:
        workspace = create_demo_workspace(Path(scratch) / "lab", demo_parameters(), ignore, CancelToken())
        paths = [workspace.recordings / f"{name}.aedat4" for name in ("reference", "query")]
        parameters = RecordingImport(dataset="street", camera="dvs", name="{file}-gps", binning=BinningParameters(window_ms=1000))
        reference, query = import_recordings(workspace, paths, parameters, ignore, CancelToken())
        window = MainWindow(
            Settings(QSettings(str(Path(scratch) / "settings.ini"), QSettings.Format.IniFormat)), Theme(application, "light")
        )
        window.resize(*SIZE)
        window.show()
        window.open_workspace(workspace.root)
        window.session.select(dataset="street", camera="dvs", reference=reference.traverse, query=query.traverse)
        window.show_panel("dataset")
        view = window.current_view
        assert isinstance(view, DatasetView)
        wait_until(lambda: len(view.store.all_facts) == 4)
        view.parts.tree.choose(reference)
        wait_until(lambda: view.current == reference and len(view.parts.map.routes) == 2)
        view.frames.go(42)
        wait(1)
        save(window, folder / "dataset-frames.png")
        view.parts.show_tab("Compare")
        view.frames._on_link("place")
        view.parts.compare.show_link("place")
        wait_until(lambda: view.store.linked.link == "place")
        view.frames.go(43)
        wait(1)
        save(window, folder / "dataset-compare.png")
        set_offset(workspace, query, OffsetParameters(offset_s=-3.5), ignore, CancelToken())
        found = estimate_offset(workspace, reference, query, ClockParameters(), ignore, CancelToken())
        dialog = ClockResult(view, window.theme, found)
        dialog.open()
        wait(0.5)
        save(dialog, folder / "dataset-clock.png")  # type: ignore[arg-type]
        dialog.close()
        window.stop_and_close()
        wait(0.3)


if __name__ == "__main__":
    main()
