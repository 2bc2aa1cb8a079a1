"""The forward filter against a slow exact twin, and what it is for: kidnapping, leaving the map, honest confidence."""

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import BadInput, JobCancelled
from engine.jobs import CancelToken
from engine.recognition.forward_filter import ForwardFilter, ForwardFilterParameters, filter_matrix, learn_motion


def slow_filter(matrix: np.ndarray, p: ForwardFilterParameters) -> tuple[list[list[float]], list[float]]:
    """The same recursion one state at a time: a transition matrix written out in full, states 0..P-1 and P for off the map."""
    places, queries = matrix.shape
    stays = 1 - p.jump - p.leave

    def transitions(motion: list[float]) -> list[list[float]]:
        transition = [[0.0] * (places + 1) for _ in range(places + 1)]
        for a in range(places):
            for b in range(places):
                transition[a][b] += p.jump / places
            transition[a][places] += p.leave
            lost = 0.0
            for k, weight in enumerate(motion):
                if a + k < places:
                    transition[a][a + k] += stays * weight
                else:
                    lost += weight
            transition[a][places] += stays * lost
        for b in range(places):
            transition[places][b] = p.come_back / places
        transition[places][places] = 1 - p.come_back
        return transition

    def standard(values: list[float]) -> list[float]:
        mean = math.fsum(values) / len(values)
        spread = math.sqrt(math.fsum((v - mean) ** 2 for v in values) / len(values))
        return [(v - mean) / spread if spread > 1e-12 * max(map(abs, values)) else 0.0 for v in values]

    def scores(values: list[float]) -> list[float]:
        """Normal quantiles of the mean ranks."""
        ranks = [sum(w < v for w in values) + (sum(w == v for w in values) + 1) / 2 for v in values]
        return [NormalDist().inv_cdf((rank - 0.5) / len(values)) for rank in ranks]

    belief = [0.9 / places] * places + [0.1]
    match, frames, correlation, compared = 50.0, 20.0, 1.5, 5.0
    speed_sum, speed_frames = 20 * p.speed, 20.0
    last: list[float] | None = None
    beliefs, off = [], []
    for q in range(queries):
        z = scores([float(v) for v in matrix[:, q]])
        before: list[float] | None = None
        if last is not None:
            before, speed = belief, p.speed
            if p.follow_speed and speed_frames >= 1e-9:
                speed = min(max(speed_sum / speed_frames, 0.3 * p.speed), 3 * p.speed)
            motion = list(p.motion(speed))
            transition = transitions(motion)
            belief = [math.fsum(belief[a] * transition[a][b] for a in range(places + 1)) for b in range(places + 1)]
            moved = [math.fsum(w * last[b - k] for k, w in enumerate(motion) if b >= k) for b in range(places)]
            correlation += max(0.0, math.fsum(x * y for x, y in zip(standard(moved), standard(z), strict=True)) / places)
            compared += 1
        last = z
        m = min(max(match / frames, 0.5), 8.0)
        r = min(correlation / compared, 0.95)
        strength = (1 - r) / (1 + r)
        weighed = [
            b * math.exp(strength * m * (e - strength * m / 2))
            for b, e in zip(belief, [*z, strength * m / 2], strict=True)  # exp(0) off the map
        ]
        if not any(z):
            weighed = belief
        total = math.fsum(weighed)
        if any(z) and before is not None:
            likelihoods = [math.exp(strength * m * (e - strength * m / 2)) / total for e in z]
            moved_by = [
                math.fsum(stays * w * before[a] * likelihoods[a + k] for a in range(places - k)) if k < places else 0.0
                for k, w in enumerate(motion)
            ]
            speed_sum = 0.98 * speed_sum + math.fsum(k * w for k, w in enumerate(moved_by))
            speed_frames = 0.98 * speed_frames + math.fsum(moved_by)
        belief = [w / total for w in weighed]
        if any(z):
            match += math.fsum(b * e for b, e in zip(belief, z, strict=False))
            frames += math.fsum(belief[:-1])
        raised = [(b / max(belief)) ** strength**-0.5 for b in belief]
        beliefs.append([b / math.fsum(raised) for b in raised[:-1]])
        off.append(raised[-1] / math.fsum(raised))
    return beliefs, off


PARAMETERS = st.builds(
    ForwardFilterParameters,
    jump=st.floats(0, 0.3),
    leave=st.floats(0, 0.3),
    come_back=st.floats(0, 1),
    speed=st.floats(0, 3),
    speed_spread=st.floats(0.1, 2),
    follow_speed=st.booleans(),
    stop=st.floats(0, 0.5),
)


@settings(max_examples=40, deadline=None)
@given(
    PARAMETERS, st.integers(1, 9), st.integers(1, 12), st.integers(0, 2**32 - 1), st.sampled_from([1e-6, 1.0, 1e6]), st.booleans()
)
def test_it_is_the_exact_forward_pass(
    parameters: ForwardFilterParameters, places: int, queries: int, seed: int, scale: float, ties: bool
) -> None:
    matrix = scale * (np.random.default_rng(seed).normal(size=(places, queries)) + 3)
    if ties:
        matrix = np.round(matrix / scale)
    filtered = filter_matrix(matrix, parameters)
    slow, off = slow_filter(matrix, parameters)
    np.testing.assert_allclose(filtered.probabilities.T, slow, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(filtered.off_map, off, rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(filtered.probabilities.sum(axis=0) + filtered.off_map, 1, rtol=1e-12)


def route(truth: np.ndarray, places: int, signal: float, seed: int) -> np.ndarray:
    """Columns of noise about 0, the true place's about `signal`; -1 is no place."""
    matrix = np.random.default_rng(seed).normal(size=(places, len(truth)))
    on = truth >= 0
    matrix[truth[on], np.flatnonzero(on)] += signal
    return matrix


def test_after_a_kidnapping_it_finds_the_place_again() -> None:
    delays = []
    for seed in range(15):
        truth = np.concatenate([np.arange(20, 80), np.arange(150, 200)])
        filtered = filter_matrix(route(truth, 250, 3.0, seed))
        right = np.abs(filtered.places - truth) <= 1
        assert right[10:60].mean() > 0.9
        assert right[75:].mean() > 0.9
        delays.append(int(np.argmax(right[60:])))
    assert np.median(delays) <= 7


def test_off_the_map_it_says_that_it_is_lost_and_comes_back() -> None:
    truth = np.concatenate([np.arange(40), np.full(60, -1), np.arange(100, 160)])
    filtered = filter_matrix(route(truth, 200, 4.0, 3))
    assert not filtered.lost[5:40].any()
    assert filtered.lost[60:100].mean() > 0.9
    assert filtered.off_map[70:100].mean() > 0.5
    assert not filtered.lost[115:].any()
    assert (np.abs(filtered.places - truth) <= 1)[115:].all()


@pytest.mark.parametrize(("speed", "least"), [(0.5, 0.7), (0.75, 0.8), (1.0, 0.85), (1.5, 0.75), (2.0, 0.4)])
def test_a_robot_that_is_slower_or_faster_than_the_reference_is_followed(speed: float, least: float) -> None:
    """Over eight drives; a filter that keeps to the reference's speed falls behind at half and at twice of it."""
    shares: dict[bool, list[float]] = {True: [], False: []}
    for seed in range(8):
        rng = np.random.default_rng(seed)
        places, at = np.arange(150), np.arange(0, 140, speed)
        matrix = 2.5 * np.exp(-((places[:, None] - at) ** 2) / 18) + rng.normal(size=(150, len(at)))
        for follow in shares:
            found = filter_matrix(matrix, ForwardFilterParameters(follow_speed=follow, speed_spread=0.7)).places
            shares[follow].append(float((np.abs(found - at) <= 1.5).mean()))
    assert np.mean(shares[True]) > least
    if speed in (0.5, 2.0):
        assert np.mean(shares[True]) > np.mean(shares[False])


def test_the_speed_is_learned_within_its_bounds() -> None:
    forward = ForwardFilter(ForwardFilterParameters(), 200)
    assert forward.speed == 1
    for column in route(np.arange(0, 120, 2), 200, 6.0, 1).T:
        forward.step(column)
    assert forward.speed == pytest.approx(1.8, abs=0.2)
    forward.reset()
    assert forward.speed == 1
    still = ForwardFilter(ForwardFilterParameters(), 50)
    for _ in range(200):
        still.step(route(np.full(1, 20), 50, 6.0, 2)[:, 0])
    assert 0.3 <= still.speed < 0.45
    given = ForwardFilter(ForwardFilterParameters(follow_speed=False), 200)
    for column in route(np.arange(0, 120, 2), 200, 6.0, 1).T:
        given.step(column)
    assert given.speed == 1


@pytest.mark.parametrize(("signal", "repeats"), [(1.5, 1), (1.5, 2), (2.5, 1), (2.5, 4), (4.0, 4)])
def test_its_confidence_is_how_often_it_is_right(signal: float, repeats: int) -> None:
    """Also where errors repeat along the route (as overlapping windows make them), with which a plain filter is too sure."""
    confidence, right = [], []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        truth = np.minimum(np.cumsum(rng.choice([0, 1, 1, 2], 180)), 199)
        noise = rng.normal(size=(400, 180 + repeats))  # along the diagonals; each is kept for `repeats` queries
        sums = sum(noise[:, k : k + 180] for k in range(repeats)) / np.sqrt(repeats)
        matrix = np.stack([sums[180 - q : 380 - q, q] for q in range(180)], axis=1)
        matrix[truth, np.arange(180)] += signal
        filtered = filter_matrix(matrix)
        confidence.append(filtered.confidence)
        right.append(np.abs(filtered.places - truth) <= 1)
    sure, correct = np.concatenate(confidence), np.concatenate(right)
    assert abs(sure.mean() - correct.mean()) < 0.17
    bins = np.minimum((sure * 5).astype(int), 4)
    gaps = [abs(sure[bins == b].mean() - correct[bins == b].mean()) * (bins == b).mean() for b in range(5) if (bins == b).any()]
    assert sum(gaps) < 0.17
    assert correct[sure > 0.9].mean() > 0.85


def test_columns_of_any_scale_are_alike() -> None:
    matrix = route(np.arange(30), 60, 3.0, 0)
    one = filter_matrix(matrix).probabilities
    for other in (-7e5 + 1e3 * matrix, np.exp(matrix), matrix.astype(np.float32)):
        np.testing.assert_allclose(filter_matrix(other).probabilities, one, rtol=1e-6, atol=1e-12)


def test_a_column_that_says_nothing_leaves_the_prior() -> None:
    forward = ForwardFilter(ForwardFilterParameters(), 40)
    for query in range(10):
        forward.step(route(np.arange(10), 40, 8.0, 1)[:, query])
    before = forward.step(np.zeros(40))
    assert before.place in (9, 10)
    assert 0.3 < before.confidence < 1
    after = forward.step(np.full(40, 3.0))
    assert after.confidence < before.confidence
    assert after.off_map < 0.2


def test_places_can_come_and_go() -> None:
    forward = ForwardFilter(ForwardFilterParameters(), 20)
    matrix = route(np.arange(12), 21, 8.0, 2)
    for query in range(9):
        forward.step(matrix[:20, query])
    forward.add_place()
    assert forward.step(matrix[:, 9]).place == 9
    forward.remove_place(0)
    belief = forward.step(matrix[1:, 10])
    assert belief.place == 9
    assert belief.probabilities.sum() + belief.off_map == pytest.approx(1)
    with pytest.raises(BadInput, match="Place 20 cannot be removed"):
        forward.remove_place(20)


def test_a_reset_forgets() -> None:
    matrix = route(np.arange(12), 20, 5.0, 4)
    forward = ForwardFilter(ForwardFilterParameters(), 20)
    first = [forward.step(matrix[:, query]) for query in range(12)]
    forward.reset()
    again = [forward.step(matrix[:, query]) for query in range(12)]
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.probabilities, other.probabilities)


def test_the_motion_prior_is_learned_from_the_reference() -> None:
    steady = np.column_stack([np.arange(100.0) * 2, np.zeros(100)])
    learned = learn_motion(steady)
    assert learned.speed_spread == 0.7  # the least that notices another speed
    assert learned.stop == pytest.approx(0)
    uneven = np.cumsum(np.random.default_rng(0).uniform(0.5, 2.5, 200))
    uneven = np.insert(uneven, 50, np.full(20, uneven[50]))  # and a stop
    spread = learn_motion(np.column_stack([uneven, np.zeros(len(uneven))]))
    assert spread.speed_spread > 0.8
    assert spread.stop == pytest.approx(0.09, abs=0.03)
    assert spread.motion()[0] > learned.motion()[0]
    given = ForwardFilterParameters(speed_spread=1.5)
    assert learn_motion(steady, given).speed_spread == 1.5
    unknown = np.full((100, 2), np.nan)
    assert learn_motion(unknown) == ForwardFilterParameters()
    assert sum(spread.motion()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("speed", "spread", "mean"), [(1.0, 0.6, 1.05), (1.0, 0.05, 1.0), (0.0, 0.05, 0.0), (2.5, 0.5, 2.5), (0.5, 0.05, 0.0)]
)
def test_the_motion_prior_is_a_distribution_about_the_speed(speed: float, spread: float, mean: float) -> None:
    motion = ForwardFilterParameters(speed=speed, speed_spread=spread).motion()
    assert motion.sum() == pytest.approx(1)
    assert motion @ np.arange(len(motion)) == pytest.approx(mean, abs=0.51 if speed == 0.5 else 0.1)


def test_bad_input_is_one_sentence() -> None:
    with pytest.raises(BadInput, match="at least one place"):
        ForwardFilter(ForwardFilterParameters(), 0)
    forward = ForwardFilter(ForwardFilterParameters(), 5)
    with pytest.raises(BadInput, match="has 5 places, but the column"):
        forward.step(np.zeros(4))
    with pytest.raises(BadInput, match="not finite"):
        forward.step(np.array([0, 1, np.nan, 2, 3]))
    with pytest.raises(BadInput, match="must be \\(places, queries\\)"):
        filter_matrix(np.zeros(5))
    with pytest.raises(BadInput, match="jump should be less than or equal to"):
        ForwardFilterParameters.check({"jump": 0.6})
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(JobCancelled):
        filter_matrix(np.zeros((3, 4)), cancel=cancel)
