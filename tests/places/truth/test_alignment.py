"""Alignment against a plain dynamic programme, and on routes that are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import BadInput, JobCancelled
from engine.jobs import CancelToken
from engine.places.truth.alignment import AlignTruthParameters, best_path, truth_by_alignment
from engine.places.truth.standard import standardised
from tests.places.truth.made import similarity_of


def slow_value(scores: np.ndarray, parameters: AlignTruthParameters) -> float:
    """The largest sum that any path reaches, cell by cell."""
    references, queries = scores.shape
    fixed = parameters.ends == "fixed"
    usual = (references - 1) / max(queries - 1, 1) if fixed else 1.0
    total = [float(scores[r, 0]) if not fixed or r == 0 else -np.inf for r in range(references)]
    for q in range(1, queries):
        total = [
            float(scores[r, q])
            + max(
                total[r - k] - parameters.stiffness * abs(k - usual) for k in range(min(parameters.fastest, r) + 1)
            )
            for r in range(references)
        ]  # fmt: skip
    return total[-1] if fixed else max(total)


def value_of(scores: np.ndarray, rows: np.ndarray, parameters: AlignTruthParameters) -> float:
    references, queries = scores.shape
    usual = (references - 1) / max(queries - 1, 1) if parameters.ends == "fixed" else 1.0
    return float(
        scores[rows, np.arange(queries)].sum(dtype=np.float64) - parameters.stiffness * np.abs(np.diff(rows) - usual).sum()
    )


@settings(deadline=None, max_examples=60)
@given(
    references=st.integers(1, 14), queries=st.integers(1, 80), fastest=st.integers(1, 5), ends=st.sampled_from(["open", "fixed"]),
    stiffness=st.sampled_from([0.0, 0.4, 2.0]), seed=st.integers(0, 2**32),
)  # fmt: skip
def test_no_path_is_better_than_the_one_that_is_found(
    references: int, queries: int, fastest: int, ends: str, stiffness: float, seed: int
) -> None:
    parameters = AlignTruthParameters(fastest=fastest, ends=ends, stiffness=stiffness)  # type: ignore[arg-type]
    if ends == "fixed" and references - 1 > fastest * (queries - 1):
        return
    scores = np.random.default_rng(seed).normal(size=(references, queries)).astype(np.float32)
    rows = best_path(scores, parameters)
    steps = np.diff(rows)
    assert ((steps >= 0) & (steps <= fastest)).all()
    if ends == "fixed":
        assert rows[0] == 0 and rows[-1] == references - 1
    assert value_of(scores, rows, parameters) == pytest.approx(slow_value(scores, parameters), abs=1e-3)


def test_the_known_way_is_found_also_backwards_and_from_the_middle() -> None:
    truth = np.zeros((80, 50), np.uint8)
    rows = np.round(np.interp(np.arange(50), [0, 15, 20, 49], [12, 40, 40, 70])).astype(int)
    truth[rows, np.arange(50)] = 1
    similarity = similarity_of(truth)
    found = truth_by_alignment(similarity, AlignTruthParameters())
    assert np.abs(found.matrix.argmax(axis=0) - rows).max() <= 1
    assert found.matrix.sum() == 50 and not found.mask.any()
    back = truth_by_alignment(similarity[::-1], AlignTruthParameters(direction="either"))
    assert np.abs(back.matrix.argmax(axis=0) - (79 - rows)).max() <= 1
    assert back.made["backward"] and "backwards" in back.notes[0]
    noise = truth_by_alignment(np.random.default_rng(0).random((80, 50)), AlignTruthParameters(fastest=1, stiffness=5))
    assert any("weak" in note for note in noise.notes)


def test_what_cannot_be_aligned_is_one_sentence() -> None:
    with pytest.raises(BadInput, match="do not reach the end of 30"):
        truth_by_alignment(np.random.default_rng(0).random((30, 5)), AlignTruthParameters(ends="fixed"))
    with pytest.raises(BadInput, match="not finite"):
        truth_by_alignment(np.full((3, 4), np.nan), AlignTruthParameters())
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(JobCancelled):
        truth_by_alignment(np.zeros((3, 4)), AlignTruthParameters(), cancel=cancel)


def test_similarity_is_standardised_query_by_query() -> None:
    matrix = np.random.default_rng(0).random((40, 1100)) * np.linspace(1, 9, 1100) + 1e6
    matrix[:, 7] = 3
    scores = standardised(matrix)
    others = np.arange(1100) != 7
    np.testing.assert_allclose(scores.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(scores.std(axis=0)[others], 1, rtol=1e-4)
    assert not scores[:, 7].any()
