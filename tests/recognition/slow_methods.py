"""Slow twins of the baselines, written as loops straight from the definitions, to test the fast ones against."""

import math


def sad(reference, query):
    return -sum(abs(a - b) for a, b in zip(flat(reference), flat(query), strict=True))


def flat(frame):
    return [float(value) for row in frame for value in row]


def cells(frame, side):
    """The square cells of a frame, row by row, each as a list of its pixels; the last ones may be smaller."""
    height, width = len(frame), len(frame[0])
    return [
        [float(frame[y][x]) for y in range(top, min(top + side, height)) for x in range(left, min(left + side, width))]
        for top in range(0, height, side)
        for left in range(0, width, side)
    ]


def sad_pooled(reference, query):
    side = max(1, round(min(len(reference), len(reference[0])) / 10))
    a, b = ([sum(cell) / len(cell) for cell in cells(frame, side)] for frame in (reference, query))
    return -sum(abs(x - y) for x, y in zip(a, b, strict=True))


def mean_and_deviation(values):
    mean = sum(values) / len(values)
    return mean, math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))


def patch_sad(reference, query):
    """With exact z-scores: the fast one rounds them to sixteenths."""
    normalised = []
    for frame in (reference, query):
        row = []
        for cell in cells(frame, 8):
            mean, deviation = mean_and_deviation(cell)
            row += [(value - mean) / deviation if deviation > 0 else 0.0 for value in cell]
        normalised.append(row)
    return -16 * sum(abs(a - b) for a, b in zip(*normalised, strict=True))


def cosine(a, b):
    norms = math.sqrt(sum(x * x for x in a)) * math.sqrt(sum(y * y for y in b))
    return sum(x * y for x, y in zip(a, b, strict=True)) / norms if norms > 0 else 0.0


def correlation(reference, query):
    rows = []
    for frame in (reference, query):
        mean, _ = mean_and_deviation(flat(frame))
        rows.append([value - mean for value in flat(frame)])
    return cosine(*rows)


def zscores(frames, causal=False):
    logs = [[math.log(1 + value) for value in flat(frame)] for frame in frames]
    result = []
    for number, row in enumerate(logs):
        seen = logs[: number + 1] if causal else logs
        scores = []
        for pixel, value in enumerate(row):
            mean, deviation = mean_and_deviation([other[pixel] for other in seen])
            scores.append((value - mean) / deviation if deviation > 1e-12 else 0.0)
        result.append(scores)
    return result


def log_zscore(references, queries, causal=False):
    a, b = zscores(references), zscores(queries, causal)
    return [[cosine(x, y) for y in b] for x in a]


def pairwise(method, references, queries):
    return [[method(reference, query) for query in queries] for reference in references]
