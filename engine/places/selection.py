"""Which traverses a job works on, by LENS's own option names."""

from pathlib import Path

from engine.errors import BadInput
from engine.parameters import Parameters, parameter
from engine.places.workspace import Workspace


class ReferenceSelection(Parameters):
    """The reference traverse of a job."""

    data_dir: Path | None = parameter(
        None, "Folder of datasets, or the workspace that holds it (left out: ./dataset, or ./lens/dataset in a LENS checkout)."
    )
    dataset: str = parameter("example", "Name of the dataset.")
    camera: str = parameter("davis128", "Name of the camera that filmed it.")
    reference: str = parameter("example-reference", "Name of the reference traverse.")
    reference_places: int | None = parameter(None, "Number of reference places (left out: all frames).", ge=1, le=1_000_000)
    filter: int = parameter(1, "Take every n-th frame of both traverses.", ge=1, le=1_000_000)

    def workspace(self) -> Workspace:
        """The workspace that data_dir names.

        Raises:
            BadInput: it does not exist.
        """
        if self.data_dir is not None:
            return Workspace.open(self.data_dir)
        for folder in (Path("dataset"), Path("lens/dataset")):
            if folder.is_dir():
                return Workspace.open(folder)
        raise BadInput("There is no ./dataset or ./lens/dataset here: say where the datasets are with data_dir.")


class PairSelection(ReferenceSelection):
    """The reference and the query traverse of a job."""

    query: str = parameter("example-query", "Name of the query traverse.")
    query_places: int | None = parameter(None, "Number of queries (left out: all frames).", ge=1, le=1_000_000)
