"""Which traverses a job works on, by LENS's own option names."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, model_validator

from engine.errors import BadInput
from engine.parameters import Parameters, parameter
from engine.places.workspace import Workspace

Route = Literal["same", "after"]
"""How several reference traverses belong together: each along the same places, or one after another."""

_LONGEST_LABEL = 100


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

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the reference traverses, the first one first."""
        return (self.reference,)

    @property
    def label(self) -> str:
        """The reference traverses in a word, for names of runs and of files."""
        joined = "+".join(self.names)
        return joined if len(joined) <= _LONGEST_LABEL else f"{self.reference}+{len(self.names) - 1}"

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


def _words(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class TrainingSelection(ReferenceSelection):
    """The reference traverses of a training: one, or several of one camera."""

    further: Annotated[tuple[str, ...], BeforeValidator(_words)] = parameter(
        (), "Further reference traverses of the same camera, taught together with the first."
    )
    route: Route = parameter(
        "same",
        "Further traverses go along the same places (same), which then have several looks, or along others (after), which are "
        "appended to the map.",
    )
    radius_m: float | None = parameter(
        None,
        "Where poses tell the places of further traverses of the same route: how far a frame may be from its place (left out: "
        "twice the typical distance between two places).",
        unit="m",
        gt=0,
        le=100_000,
    )

    @model_validator(mode="before")
    @classmethod
    def _from_list(cls, values: Any) -> Any:
        """`--reference A --reference B` and `--reference A --further B` mean the same."""
        if not isinstance(values, dict) or not isinstance(values.get("reference"), list | tuple) or not values["reference"]:
            return values
        first, *more = values["reference"]
        return {**values, "reference": first, "further": (*more, *(_words(values.get("further")) or ()))}

    @model_validator(mode="after")
    def _once(self) -> Self:
        twice = next((name for name in self.names if self.names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"the reference traverse {twice} is named twice: name each traverse once")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the reference traverses, the first one first."""
        return (self.reference, *self.further)


class PairSelection(ReferenceSelection):
    """The reference and the query traverse of a job."""

    query: str = parameter("example-query", "Name of the query traverse.")
    query_places: int | None = parameter(None, "Number of queries (left out: all frames).", ge=1, le=1_000_000)
