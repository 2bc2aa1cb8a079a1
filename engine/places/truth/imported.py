"""A ground truth out of a .npy file that somebody else made, turned as the traverses need it."""

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from engine.errors import BadInput
from engine.parameters import Parameters, parameter
from engine.places.ground_truth import read_matrix
from engine.places.truth.check import orientation_fit, shape_sentence
from engine.places.truth.proposal import Proposal, many
from engine.places.truth.standard import standardised


class ImportTruthParameters(Parameters):
    """Ground truth from a .npy file of 0 and 1."""

    file: Path | None = parameter(
        None, "The .npy file, 0 and 1, one row a reference and one column a query (or the other way round)."
    )
    rows: Literal["auto", "references", "queries"] = parameter(
        "auto",
        "What the rows are. Auto: the shape tells; where it is square, the orientation that fits the frames better is taken.",
    )
    method: str = parameter("log-zscore", "The baseline whose similarity tells the orientation of a square matrix.")


def needs_similarity(parameters: ImportTruthParameters, references: int, queries: int) -> bool:
    """Whether only the look of the frames can tell how the matrix lies."""
    return references == queries and parameters.rows == "auto"


def truth_from_file(
    parameters: ImportTruthParameters, references: int, queries: int, similarity: NDArray[np.generic] | None = None
) -> Proposal:
    """Read a matrix of 0 and 1 and turn it reference x query.

    Args:
        parameters: the file, and what its rows are.
        references, queries: frames of the traverses.
        similarity: (references, queries), which tells the orientation of a square matrix; None takes it as it is.

    Raises:
        BadInput: missing, object arrays, values other than 0 and 1 (NaN among them), or a shape that does not fit.
    """
    path = parameters.file
    if path is None:
        raise BadInput("No file is chosen: give the .npy file that holds the ground truth.")
    stored = read_matrix(path)
    wanted = (references, queries)
    fitting = {
        "auto": stored.shape in (wanted, wanted[::-1]),
        "references": stored.shape == wanted,
        "queries": stored.shape == wanted[::-1],
    }
    if not fitting[parameters.rows] and stored.shape in (wanted, wanted[::-1]):
        other = "references" if parameters.rows == "queries" else "queries"
        raise BadInput(
            f"{path} is {stored.shape[0]} x {stored.shape[1]}: for these traverses its rows are {other}; leave rows at auto."
        )
    if not fitting[parameters.rows]:
        raise BadInput(f"{path}: {shape_sentence(stored.shape, wanted)}")
    notes = []
    turn = parameters.rows == "queries" or (parameters.rows == "auto" and stored.shape != wanted)
    if parameters.rows == "auto" and stored.shape != wanted:
        notes.append(f"{path.name} is stored query x reference: it was turned.")
    elif parameters.rows == "auto" and references == queries and not np.array_equal(stored, stored.T):
        turn, note = _better_way(stored, similarity, path.name)
        notes.append(note)
    matrix = np.ascontiguousarray(stored.T if turn else stored)
    without = int((~matrix.any(axis=0)).sum())
    if without:
        notes.append(f"{many(without, 'query has', 'queries have')} no match in {path.name}.")
    made = {"made": "import", "parameters": parameters.model_dump(mode="json"), "turned": turn}
    return Proposal(matrix, np.zeros(queries, bool), made, (), tuple(notes))


def _better_way(stored: NDArray[np.uint8], similarity: NDArray[np.generic] | None, name: str) -> tuple[bool, str]:
    """Whether a square matrix should be turned, and what to say."""
    if similarity is None:
        return False, f"{name} is square, so its shape does not tell its orientation: taken as reference x query."
    fit = orientation_fit(stored, standardised(similarity))
    figures = f"({fit.as_it_is:.2f} as stored, {fit.turned:.2f} turned, in standard deviations of similarity)"
    if not fit.clear:
        said = "and the frames fit both orientations about equally"
        return False, f"{name} is square, {said} {figures}: taken as reference x query; look at it."
    if fit.turned > fit.as_it_is:
        return True, f"{name} is square, and the frames fit it better turned {figures}: it was turned."
    return False, f"{name} is square, and the frames fit it better as it is stored {figures}: taken as reference x query."
