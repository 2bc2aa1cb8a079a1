"""Speed of sequence matching, metrics and pictures, each against the plain way (python -m tests.benchmarks.bench_scoring)."""

import sys
import time
from collections.abc import Callable

import numpy as np

from engine.recognition import metrics
from engine.recognition.matrix_image import similarity_image
from engine.recognition.scoring import ScoringParameters, score
from engine.recognition.sequence import match_sequences

PLACES, QUERIES, LENGTH = 5000, 5000, 10


def seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """The least time of `repeats` runs."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def convolved(similarity: np.ndarray) -> object:
    """LENS's way: convolution with the identity matrix."""
    import torch

    matrix = torch.from_numpy(similarity.astype(np.float32))[None, None]
    return torch.nn.functional.conv2d(matrix, torch.eye(LENGTH)[None, None])


def sorted_recall(similarity: np.ndarray, truth: np.ndarray) -> float:
    """LENS's way, though with one sort for all K."""
    order = np.argsort(similarity, axis=0)[-max(metrics.RECALL_KS) :]
    found = np.take_along_axis(truth, order, axis=0)
    return sum(found[-k:].any(axis=0).mean() for k in metrics.RECALL_KS)


def one_resample(best: metrics.BestMatches, rng: np.random.Generator) -> object:
    """The plain bootstrap: draw the queries, make the curve anew."""
    drawn = rng.integers(0, QUERIES, QUERIES)
    drawn_best = metrics.BestMatches(best.value[drawn], best.correct[drawn], best.matched[drawn])
    return metrics.CurveSampler(drawn_best).area(np.ones((1, QUERIES)))


def main() -> None:
    """Measure and print."""
    rng = np.random.default_rng(0)
    truth = np.eye(PLACES, QUERIES, dtype=bool)
    similarity = rng.random((PLACES, QUERIES)) + 0.1 * truth
    counts = rng.poisson(3.0, (PLACES, QUERIES)).astype(np.float32)
    wide = metrics.dilate(truth, 3)
    best = metrics.best_matches(similarity, wide)
    hits, sampler = metrics.hit_probabilities(similarity, wide), metrics.CurveSampler(best)
    everything = ScoringParameters(sequence_length=LENGTH)

    def recall(values: np.ndarray, ties: metrics.RankTies = "expected") -> float:
        return seconds(lambda: metrics.hit_probabilities(values, wide, ties=ties))

    def resample() -> object:
        return metrics.bootstrap(hits, metrics.RECALL_KS, best.matched, sampler, rng)

    by_convolution = seconds(lambda: convolved(similarity), 1)
    by_sorting = seconds(lambda: sorted_recall(similarity, wide), 1)
    in_a_loop = seconds(lambda: [one_resample(best, rng) for _ in range(50)]) * 2000 / 50
    rows = [
        (f"causal sequences, L = {LENGTH}", seconds(lambda: match_sequences(similarity, LENGTH)), by_convolution, "torch conv2d"),
        ("Recall@K, distinct values", recall(similarity), by_sorting, "one argsort"),
        ("Recall@K, tied counts", recall(counts), by_sorting, "one argsort"),
        ("  the same, ties as argsort has them", recall(counts, "numpy"), by_sorting, "one argsort"),
        ("best matches", seconds(lambda: metrics.best_matches(similarity, wide)), None, ""),
        ("2,000 bootstrap resamples", seconds(resample), in_a_loop, "loop over resamples"),
        ("all of score()", seconds(lambda: score(similarity, truth, everything), 2), None, ""),
        ("picture", seconds(lambda: similarity_image(similarity, truth), 2), None, ""),
    ]
    sys.stdout.write(f"{PLACES:,} places x {QUERIES:,} queries\n")
    for what, ours, plain, name in rows:
        ratio = "" if plain is None else f"   {name} {plain:.3f} s, {plain / ours:.1f} x"
        sys.stdout.write(f"{what:<40}{ours:8.3f} s{ratio}\n")


if __name__ == "__main__":
    main()
