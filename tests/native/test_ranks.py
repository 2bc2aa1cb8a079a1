"""Ranks by the compiled sort against its NumPy twin."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import native
from engine.native.twins.ranks import rank_scores as twin

pytestmark = pytest.mark.skipif(native.variant() == "numpy", reason="the compiled loops are not there")


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=60)
    | st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), min_size=1, max_size=60)
    | st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=60)
)
def test_ranks_equal_the_twins(values: list[float]) -> None:
    column = np.array(values)
    table = np.arange(2 * len(values) - 1) / 2
    np.testing.assert_array_equal(native.rank_scores(column, table), twin(column, table))


@pytest.mark.parametrize("kind", ["single", "double", "counts", "equal"])
def test_ranks_of_a_long_column(kind: str) -> None:
    rng = np.random.default_rng(1)
    values = {
        "single": rng.normal(size=5_000).astype(np.float32).astype(np.float64),
        "double": rng.normal(size=5_000) * 10.0 ** rng.integers(-300, 300, 5_000),
        "counts": rng.poisson(20, 5_000).astype(np.float64),
        "equal": np.full(5_000, 7.5),
    }[kind]
    table = np.arange(2 * len(values) - 1) / 2
    scores = native.rank_scores(values, table)
    np.testing.assert_array_equal(scores, twin(values, table))
    # From the definition: the mean of the first and the last rank that a value has.
    ordered = np.sort(values)
    first, after = np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")
    np.testing.assert_array_equal(scores, (first + after - 1) / 2)


def test_nought_has_no_sign() -> None:
    np.testing.assert_array_equal(native.rank_scores(np.array([0.0, -0.0, -1.0]), np.arange(5.0)), [3.0, 3.0, 0.0])


@pytest.mark.parametrize("size", [0, 3])
def test_a_table_of_another_length_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="table"):
        native.rank_scores(np.zeros(size), np.zeros(4))
