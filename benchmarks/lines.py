"""Line charts as SVG: small ones beside each other on one card, ours in colour."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from benchmarks.chart import OURS, TITLE, WIDTH, card

COLUMNS, HEIGHT, PANEL_WIDTH = 2, 190, WIDTH // 2
#: Around the lines of a panel: the numbers of the left axis, the names, the panel's title, the numbers below.
LEFT, RIGHT, TOP, BOTTOM = 52, 78, 34, 30
#: The least distance of two names.
APART = 13
Scale = Callable[[float], float]


@dataclass(frozen=True)
class Panel:
    title: str
    sizes: Sequence[int]
    lines: Mapping[str, Sequence[float]]
    is_logarithmic: bool


def line_chart(title: str, panels: Sequence[Panel]) -> str:
    rows = math.ceil(len(panels) / COLUMNS)
    return card(title, TITLE + rows * HEIGHT + 10, drawn(panels))


def drawn(panels: Sequence[Panel]) -> Iterator[str]:
    for number, panel in enumerate(panels):
        left, top = number % COLUMNS * PANEL_WIDTH, TITLE + number // COLUMNS * HEIGHT
        yield f'  <g transform="translate({left} {top})">'
        yield f'    <text x="{LEFT}" y="20">{escape(panel.title)}</text>'
        yield from axes_and_lines(panel)
        yield "  </g>"


def axes_and_lines(panel: Panel) -> Iterator[str]:
    values = [value for line in panel.lines.values() for value in line]
    ticks = decades(min(values), max(values)) if panel.is_logarithmic else steps(max(values))
    right, bottom = PANEL_WIDTH - RIGHT, HEIGHT - BOTTOM
    x = scale(panel.sizes[0], panel.sizes[-1], LEFT, right, panel.is_logarithmic)
    y = scale(ticks[0], ticks[-1], bottom, TOP, panel.is_logarithmic)
    for tick in ticks:
        yield f'    <path class="grid" d="M{LEFT} {y(tick):.1f}H{right}"/>'
        yield small(LEFT - 6, y(tick) + 4, short(tick), "end")
    for size in panel.sizes:
        yield small(x(size), bottom + 16, short(size), "middle")
    for name, line in sorted(panel.lines.items(), key=lambda item: item[0] == OURS):  # ours above the others
        points = " ".join(f"{x(size):.1f},{y(value):.1f}" for size, value in zip(panel.sizes, line, strict=True))
        yield f'    <polyline class="{kind("line", name)}" points="{points}"/>'
    for name, height in spread({name: y(line[-1]) for name, line in panel.lines.items()}).items():
        yield small(right + 6, height + 4, name, "start", kind("small", name))


def kind(word: str, name: str) -> str:
    return f"{word} ours" if name == OURS else word


def small(x: float, y: float, words: str, anchor: str, kind: str = "small") -> str:
    return f'    <text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def scale(low: float, high: float, start: float, end: float, is_logarithmic: bool) -> Scale:
    """Return where a value is between two places, which stand for the lowest and the highest one."""
    place: Scale = math.log10 if is_logarithmic else float
    return lambda value: start + (end - start) * (place(value) - place(low)) / (place(high) - place(low))


def decades(least: float, most: float) -> list[float]:
    low, high = math.floor(math.log10(least)), math.ceil(math.log10(most))
    return [10.0**power for power in range(low, max(high, low + 1) + 1)]


def steps(most: float) -> list[float]:
    """Return up to six round numbers from zero to no less than the highest value."""
    power = 10.0 ** math.floor(math.log10(most / 5))
    step = next(step for step in (power, 2 * power, 5 * power, 10 * power) if 5 * step >= most)
    return [step * number for number in range(math.ceil(most / step) + 1)]


def spread(heights: Mapping[str, float]) -> dict[str, float]:
    """Move names up that would cover each other."""
    placed: dict[str, float] = {}
    limit = math.inf
    for name, height in sorted(heights.items(), key=lambda item: -item[1]):
        placed[name] = min(height, limit)
        limit = placed[name] - APART
    return placed


def short(number: float) -> str:
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:g}{letter}"
    return f"{number:g}"
