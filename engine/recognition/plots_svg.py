"""Line plots as SVG files that a paper can take: text stays text, colours tell apart for colour-blind eyes."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

# The eight colours of Okabe and Ito (2008) without yellow, which is too light for a line on white.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
_DASHES = ("", "7 3", "2 3")
_WIDTH, _HEIGHT = 400, 300
_LEFT, _TOP, _BOTTOM, _GAP = 62, 40, 54, 18
_TEXT, _GRID, _FRAME = "#222222", "#e4e4e4", "#777777"


@dataclass(frozen=True)
class Axis:
    """An axis from `low` to `high` with labelled ticks."""

    label: str
    low: float
    high: float
    ticks: Sequence[float]

    def place(self, value: float) -> float:
        """Where a value lies, from 0 (low) to 1 (high)."""
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True)
class Series:
    """One line: finite x and y, an optional (low, high) for each point, and whether the points are marked."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    intervals: Sequence[tuple[float, float]] | None = None
    markers: bool = False


def line_plot(series: Sequence[Series], x_axis: Axis, y_axis: Axis, title: str) -> str:
    """Draw lines over common axes, the legend to the right of the plot.

    After seven lines the colours repeat with another dash. Intervals of several lines are drawn side by side.
    """
    legend_width = 44 + max((_text_width(line.name) for line in series), default=0)
    width, height = _LEFT + _WIDTH + _GAP + legend_width, _TOP + _HEIGHT + _BOTTOM
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" height="{height}" '
        f'font-family="Helvetica, Arial, sans-serif" font-size="12" fill="{_TEXT}">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{width:.0f}" height="{height}" fill="#ffffff"/>',
        f'<text x="{_LEFT}" y="22" font-size="14" font-weight="bold">{escape(title)}</text>',
        *_grid(x_axis, y_axis),
    ]
    for number, line in enumerate(series):
        parts += _line(line, number, len(series), x_axis, y_axis)
        parts += _legend_entry(line, number)
    parts.append("</svg>\n")
    return "\n".join(parts)


def _grid(x_axis: Axis, y_axis: Axis) -> list[str]:
    bottom, right = _TOP + _HEIGHT, _LEFT + _WIDTH
    parts = []
    for tick in x_axis.ticks:
        x = _x(x_axis, tick)
        parts.append(f'<line x1="{x}" y1="{_TOP}" x2="{x}" y2="{bottom}" stroke="{_GRID}"/>')
        parts.append(f'<text x="{x}" y="{bottom + 18}" text-anchor="middle">{tick:g}</text>')
    for tick in y_axis.ticks:
        y = _y(y_axis, tick)
        parts.append(f'<line x1="{_LEFT}" y1="{y}" x2="{right}" y2="{y}" stroke="{_GRID}"/>')
        parts.append(f'<text x="{_LEFT - 8}" y="{float(y) + 4:.1f}" text-anchor="end">{tick:g}</text>')
    middle = _TOP + _HEIGHT / 2
    return [
        *parts,
        f'<rect x="{_LEFT}" y="{_TOP}" width="{_WIDTH}" height="{_HEIGHT}" fill="none" stroke="{_FRAME}"/>',
        f'<text x="{_LEFT + _WIDTH / 2:.0f}" y="{bottom + 40}" text-anchor="middle" font-size="13">{escape(x_axis.label)}</text>',
        f'<text x="18" y="{middle:.0f}" text-anchor="middle" font-size="13" transform="rotate(-90 18 {middle:.0f})">'
        f"{escape(y_axis.label)}</text>",
    ]


def _line(line: Series, number: int, lines: int, x_axis: Axis, y_axis: Axis) -> list[str]:
    points = " ".join(f"{_x(x_axis, x)},{_y(y_axis, y)}" for x, y in zip(line.x, line.y, strict=True))
    parts = [f'<polyline points="{points}" fill="none" stroke-linejoin="round" {_stroke(number)}/>']
    if line.intervals is not None:
        # Side by side, at most 2.5 pixels apart, or the whiskers of several methods would hide each other.
        aside = 2.5 * (number - (lines - 1) / 2)
        for x, (low, high) in zip(line.x, line.intervals, strict=True):
            at = f"{float(_x(x_axis, x)) + aside:.1f}"
            parts.append(
                f'<line x1="{at}" y1="{_y(y_axis, low)}" x2="{at}" y2="{_y(y_axis, high)}" '
                f'stroke="{_colour(number)}" stroke-width="1.2" stroke-opacity="0.55"/>'
            )
    if line.markers:
        parts += [_marker(float(_x(x_axis, x)), float(_y(y_axis, y)), number) for x, y in zip(line.x, line.y, strict=True)]
    return parts


def _legend_entry(line: Series, number: int) -> list[str]:
    x, y = _LEFT + _WIDTH + _GAP, _TOP + 12 + 20 * number
    parts = [f'<line x1="{x}" y1="{y}" x2="{x + 26}" y2="{y}" {_stroke(number)}/>']
    if line.markers:
        parts.append(_marker(x + 13, y, number))
    parts.append(f'<text x="{x + 34}" y="{y + 4}">{escape(line.name)}</text>')
    return parts


def _marker(x: float, y: float, number: int) -> str:
    """A disc, square, triangle or diamond: lines also tell apart in grey."""
    colour = f'fill="{_colour(number)}" stroke="#ffffff" stroke-width="0.8"'
    corners = {
        1: ((-1, -1), (1, -1), (1, 1), (-1, 1)),
        2: ((0, -1.3), (1.2, 1), (-1.2, 1)),
        3: ((0, -1.4), (1.4, 0), (0, 1.4), (-1.4, 0)),
    }
    shape = corners.get(number % 4)
    if shape is None:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" {colour}/>'
    points = " ".join(f"{x + 3.6 * right:.1f},{y + 3.6 * down:.1f}" for right, down in shape)
    return f'<polygon points="{points}" {colour}/>'


def _stroke(number: int) -> str:
    dash = _DASHES[number // len(COLOURS) % len(_DASHES)]
    return f'stroke="{_colour(number)}" stroke-width="2"' + (f' stroke-dasharray="{dash}"' if dash else "")


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


def _x(axis: Axis, value: float) -> str:
    return f"{_LEFT + _WIDTH * axis.place(value):.1f}"


def _y(axis: Axis, value: float) -> str:
    return f"{_TOP + _HEIGHT * (1 - axis.place(value)):.1f}"


def _text_width(text: str) -> float:
    """About how wide a text is at 12 pixels: wide scripts (CJK) take a whole em, others a little over half."""
    return sum(12.5 if ord(letter) > 0x2E7F else 7.0 for letter in text)
