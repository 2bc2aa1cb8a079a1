"""Slow twins of the scoring, written as loops straight from the definitions, to test the fast ones against."""

from fractions import Fraction
from itertools import pairwise, permutations


def match_causal(similarity, length):
    references, queries = len(similarity), len(similarity[0])
    result = [[0.0] * queries for _ in range(references)]
    for q in range(queries):
        for r in range(references):
            entries = []
            for k in range(max(1, length)):
                if q - k < 0:
                    break
                if r - k >= 0:
                    entries.append(similarity[r - k][q - k])
                else:
                    entries.append(sum(similarity[i][q - k] for i in range(references)) / references)
            result[r][q] = sum(entries) / len(entries)
    return result


def match_complete(similarity, length):
    references, queries = len(similarity), len(similarity[0])
    return [
        [sum(similarity[r + k][q + k] for k in range(length)) / length for q in range(queries - length + 1)]
        for r in range(references - length + 1)
    ]


def dilate(truth, tolerance, axes):
    references, queries = len(truth), len(truth[0])

    def near(r, q):
        for i in range(references):
            for j in range(queries):
                close_row = abs(i - r) <= (tolerance if 0 in axes else 0)
                close_column = abs(j - q) <= (tolerance if 1 in axes else 0)
                if truth[i][j] and close_row and close_column:
                    return True
        return False

    return [[near(r, q) for q in range(queries)] for r in range(references)]


def hit_chance(column, true, k):
    """Over all orders of the places, those that sort the similarity: the share with a true place among the first k."""
    orders = hits = 0
    for order in permutations(range(len(column))):
        if all(column[a] >= column[b] for a, b in pairwise(order)):
            orders += 1
            hits += any(true[i] for i in order[:k])
    return Fraction(hits, orders)


def columns(matrix):
    return [[row[q] for row in matrix] for q in range(len(matrix[0]))]


def best_of(similarity, truth):
    """(value, chance that the match is right, whether there is a match) for every query, ties in random order."""
    result = []
    for column, true in zip(columns(similarity), columns(truth), strict=True):
        top = [i for i, value in enumerate(column) if value == max(column)]
        result.append((max(column), Fraction(sum(bool(true[i]) for i in top), len(top)), any(true)))
    return result


def curve(best):
    """(threshold, precision, recall) at every distinct value, from the largest."""
    relevant = sum(matched for _, _, matched in best)
    points = []
    for threshold in sorted({value for value, _, _ in best}, reverse=True):
        retrieved = [correct for value, correct, _ in best if value >= threshold]
        points.append((threshold, sum(retrieved) / len(retrieved), sum(retrieved) / relevant))
    return points


def area(points):
    """Trapezoids from recall 0, flat before the first point."""
    total, before = Fraction(0), (Fraction(0), points[0][1])
    for _, precision, recall in points:
        total += (recall - before[0]) * (precision + before[1]) / 2
        before = (recall, precision)
    return float(total)


def lens_curve(best_values, best_right, relevant, thresholds):
    """LENS's points at equally spaced thresholds, (precision, recall), from (1, 0)."""
    high, low = max(best_values), min(best_values)
    points = [(1.0, 0.0)]
    for i in range(thresholds):
        threshold = low if i == thresholds - 1 else high + i * ((low - high) / (thresholds - 1))
        true = sum(value >= threshold and right for value, right in zip(best_values, best_right, strict=True))
        false = sum(value >= threshold and not right for value, right in zip(best_values, best_right, strict=True))
        points.append((true / (true + false), true / relevant))
    return points


def lens_area(points):
    return sum((r1 - r0) * (p0 + p1) / 2 for (p0, r0), (p1, r1) in pairwise(points))
