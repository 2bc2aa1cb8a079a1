"""A workspace: LENS's folder layout, read and written."""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from engine.errors import BadInput
from engine.places.traverse import Traverse, open_traverse


@dataclass(frozen=True)
class Workspace:
    """Where things are, from the folder of datasets on (LENS's data_dir)."""

    data_dir: Path

    @classmethod
    def open(cls, folder: Path) -> "Workspace":
        """Open a workspace by its root, or by its folder of datasets.

        Raises:
            BadInput: there is no such folder.
        """
        if not folder.is_dir():
            raise BadInput(f"{folder} is not a folder: give a workspace, or LENS's dataset folder.")
        inner = folder / "dataset"
        return cls(inner if inner.is_dir() and folder.name != "dataset" else folder)

    @classmethod
    def create(cls, folder: Path) -> "Workspace":
        """Make a workspace of empty folders, and open it.

        Raises:
            BadInput: the folder holds something already, or cannot be made.
        """
        try:
            if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
                raise BadInput(f"{folder} holds something already: choose a new name, or open it as a workspace.")
            for name in ("dataset", "recordings", "models"):
                (folder / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"{folder} cannot be made ({error.strerror}): choose another place.") from None
        return cls(folder / "dataset")

    @property
    def root(self) -> Path:
        """The workspace's own folder: the one above `dataset`, or data_dir itself under another name."""
        return self.data_dir.absolute().parent if self.data_dir.absolute().name == "dataset" else self.data_dir

    @property
    def models(self) -> Path:
        """Folder of trained networks."""
        return self.root / "models"

    @property
    def recordings(self) -> Path:
        """Folder of raw events."""
        return self.root / "recordings"

    def new_output(self) -> Path:
        """A folder for the next evaluation or session, named by date and time so that names sort; not made yet."""
        folder = self.root / "output" / datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
        number = 2
        while folder.exists():
            folder, number = folder.with_name(f"{folder.name[:19]}_{number}"), number + 1
        return folder

    def frames_folder(self, dataset: str, camera: str, traverse: str) -> Path:
        """Folder of a traverse's frames."""
        return self.data_dir / dataset / camera / traverse

    def index_file(self, traverse: str) -> Path:
        """Index file of a traverse."""
        return self.data_dir / f"{traverse}.csv"

    def ground_truth_file(self, dataset: str, camera: str, reference: str, query: str) -> Path:
        """Ground truth of a pair of traverses."""
        return self.data_dir / dataset / camera / f"{reference}_{query}_GT.npy"

    def traverse(self, dataset: str, camera: str, name: str) -> Traverse:
        """Open one traverse.

        Raises:
            BadInput: a name that leaves the workspace, a missing folder, or an index file that cannot be read.
        """
        for field, value in (("dataset", dataset), ("camera", camera), ("traverse", name)):
            if not value or value in (".", "..") or "/" in value or "\\" in value:
                raise BadInput(f"The {field} should be the name of a folder in {self.data_dir}, but is {value!r}.")
        return open_traverse(self.frames_folder(dataset, camera, name), self.index_file(name), name)

    def traverses(self) -> list[tuple[str, str, str]]:
        """(dataset, camera, traverse) of every folder that holds PNG frames, sorted; hidden ones are being written."""
        found = []
        for dataset in _folders(self.data_dir):
            for camera in _folders(dataset):
                found += [(dataset.name, camera.name, folder.name) for folder in _folders(camera) if _has_frames(folder)]
        return sorted(found)


def _folders(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        return [Path(entry.path) for entry in entries if entry.is_dir() and not entry.name.startswith(".")]


def _has_frames(folder: Path) -> bool:
    """Whether there is a PNG; a traverse's first entries tell, so a long one costs no more than a short one."""
    with os.scandir(folder) as entries:
        return any(entry.name.lower().endswith(".png") and entry.is_file() for entry in entries)
