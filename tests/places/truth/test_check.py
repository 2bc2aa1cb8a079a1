"""What a check finds, and what it leaves alone."""

from pathlib import Path

import numpy as np
import pytest

from engine.errors import BadInput
from engine.jobs import CancelToken, ignore
from engine.places.ground_truth import load_ground_truth
from engine.places.selection import PairSelection
from engine.places.truth.check import CheckParameters, Finding, TruthCheck, check_truth, find_offset, find_suspicious
from engine.places.truth.jobs import check_pair, open_pair
from engine.places.truth.standard import standardised
from tests.places.truth.made import similarity_of


def diagonal(rows: int = 60, columns: int = 60, shift: int = 0) -> np.ndarray:
    return np.eye(rows, columns, k=-shift, dtype=np.uint8)


def no_mask(truth: np.ndarray) -> np.ndarray:
    return np.zeros(truth.shape[1], bool)


def found(check: TruthCheck, kind: str) -> list[Finding]:
    return [finding for finding in check.findings if finding.kind == kind]


def test_a_right_ground_truth_is_fine() -> None:
    truth = diagonal()
    check = check_truth(truth, no_mask(truth), similarity_of(truth), CheckParameters())
    assert [finding.kind for finding in check.findings] == ["fine"]
    assert check.offsets is not None and check.offsets.best == 0 and not check.offsets.sure
    assert check.suspicious == ()


@pytest.mark.parametrize("shift", [-3, -1, 1, 4])
def test_an_offset_is_found(shift: int) -> None:
    similarity = similarity_of(diagonal(), noise=1.0)
    truth = diagonal(shift=-shift)
    check = check_truth(truth, no_mask(truth), similarity, CheckParameters())
    assert check.offsets is not None and check.offsets.best == shift and check.offsets.sure
    sentence = found(check, "offset")[0].text
    assert f"shifted by {shift:+d}" in sentence and ("later" if shift > 0 else "earlier") in sentence


def test_offsets_are_those_of_a_plain_loop() -> None:
    rng = np.random.default_rng(3)
    truth = (rng.random((25, 30)) < 0.08).astype(np.uint8)
    mask = rng.random(30) < 0.2
    scores = standardised(rng.random((25, 30)))
    offsets = find_offset(truth, mask, scores, 4)
    for place, shift in enumerate(offsets.shifts):
        values, ranks = [], []
        for row, query in zip(*np.nonzero(truth), strict=True):
            if not mask[query] and 0 <= row + shift < 25:
                values.append(scores[row + shift, query])
                ranks.append((scores[:, query] > scores[row + shift, query]).sum())
        assert offsets.similarity[place] == pytest.approx(np.mean(values), abs=1e-5)
        assert offsets.rank[place] == pytest.approx(np.mean(ranks))


def test_noise_alone_is_never_a_sure_offset() -> None:
    truth = diagonal(80, 80)
    sure = 0
    for seed in range(20):
        scores = standardised(np.random.default_rng(seed).random((80, 80)))
        sure += find_offset(truth, no_mask(truth), scores, 5).sure
    assert sure <= 3  # of ten shifts the best one is taken, at 2.5 standard errors


def test_a_match_in_the_wrong_place_is_suspicious_and_an_odd_frame_is_not() -> None:
    truth = diagonal()
    similarity = similarity_of(truth)
    similarity[:, 30] = np.random.default_rng(1).normal(size=60)  # one frame that is alike to nothing
    wrong = truth.copy()
    wrong[:, 10:13] = 0
    wrong[[50, 51, 52], [10, 11, 12]] = 1
    check = check_truth(wrong, no_mask(wrong), similarity, CheckParameters())
    assert {suspicion.query for suspicion in check.suspicious} == {10, 11, 12}
    worst = next(suspicion for suspicion in check.suspicious if suspicion.query == 11)
    assert worst.reference == 51 and abs(worst.better - 11) <= 1 and worst.gap > 1
    assert found(check, "suspicious")[0].queries == (10, 11, 12)
    assert found(check, "jump")[0].queries == (10, 13)
    masked = no_mask(wrong)
    masked[10:13] = True
    assert check_truth(wrong, masked, similarity, CheckParameters()).suspicious == ()


def test_a_query_that_drives_back_is_judged_along_its_own_diagonal() -> None:
    truth = np.ascontiguousarray(diagonal()[::-1])
    similarity = similarity_of(truth, noise=1.2)
    check = check_truth(truth, no_mask(truth), similarity, CheckParameters())
    assert check.suspicious == ()


def test_revisits_are_allowed() -> None:
    truth = np.concatenate([diagonal(30, 30), diagonal(30, 30)])
    check = check_truth(truth, no_mask(truth), similarity_of(truth), CheckParameters())
    assert [finding.kind for finding in check.findings] == ["fine"]


def test_queries_without_a_match_and_unused_references_are_named() -> None:
    truth = diagonal(70, 60)
    truth[:, [3, 4, 9]] = 0
    mask = no_mask(truth)
    mask[20:23] = True
    check = check_truth(truth, mask, None, CheckParameters())
    assert found(check, "no_match")[0].queries == (3, 4, 9)
    assert found(check, "no_match")[0].text.startswith("3 queries have no match (3-4, 9)")
    assert found(check, "masked")[0].queries == (20, 21, 22)
    assert found(check, "unused_references")[0].references == (3, 4, 9, *range(60, 70))
    assert check.offsets is None


def test_a_turned_square_matrix_is_pointed_out() -> None:
    truth = np.zeros((40, 40), np.uint8)
    truth[np.arange(40) // 2 + 10, np.arange(40)] = 1
    turned = np.ascontiguousarray(truth.T)
    check = check_truth(turned, no_mask(turned), similarity_of(truth), CheckParameters())
    assert "turned" in found(check, "orientation")[0].text
    assert not found(check_truth(truth, no_mask(truth), similarity_of(truth), CheckParameters()), "orientation")


def test_sizes_that_differ_are_one_sentence() -> None:
    truth = diagonal(5, 6)
    with pytest.raises(BadInput, match="is 5 x 6, but there are 6 reference frames and 5 query frames: turn it"):
        check_truth(truth, no_mask(truth), np.zeros((6, 5)), CheckParameters())
    with pytest.raises(BadInput, match="mask is of 2 queries"):
        check_truth(truth, np.zeros(2, bool), None, CheckParameters())
    with pytest.raises(BadInput, match="not finite"):
        check_truth(truth, no_mask(truth), np.full((5, 6), np.inf), CheckParameters())


def test_tiny_matrices_are_checked_too() -> None:
    truth = np.ones((1, 1), np.uint8)
    assert check_truth(truth, no_mask(truth), np.zeros((1, 1)), CheckParameters()).suspicious == ()
    assert find_suspicious(diagonal(2, 3), no_mask(diagonal(2, 3)), np.zeros((2, 3), np.float32), CheckParameters()) == ()


@pytest.mark.parametrize("method", ["log-zscore", "sad", "sad-pooled", "correlation", "patch-sad"])
def test_lens_own_example_is_found_to_be_one_frame_off(shared_data: Path, method: str) -> None:
    pair = open_pair(PairSelection(data_dir=shared_data / "lens-example"))
    path = pair.selection.workspace().ground_truth_file("example", "davis128", "example-reference", "example-query")
    truth = load_ground_truth(path, (100, 100), (100, 100))
    check = check_pair(pair, truth.matrix, truth.mask, CheckParameters(method=method), ignore, CancelToken())
    assert check.offsets is not None and check.offsets.best == -1 and check.offsets.sure
    assert "1 frame earlier" in found(check, "offset")[0].text
    moved = np.roll(truth.matrix, -1, axis=0)
    moved[-1] = 0
    again = check_pair(pair, moved, truth.mask, CheckParameters(method=method), ignore, CancelToken())
    assert not found(again, "offset")
