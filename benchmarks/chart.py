"""Charts as SVG: a card, and on it bars: one panel below the other, the shortest bar first, ours in colour."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import escape

from benchmarks.rows import shown

OURS = "dualapp"
WIDTH, LEFT, RIGHT, BAR, STEP, TITLE = 720, 110, 70, 16, 24, 40
#: The card has its own ground, so that it can be read wherever it is shown.
STYLE = """
    text { font: 13px system-ui, sans-serif; fill: #24292f }
    .title { font-weight: 600 }
    .ground { fill: #ffffff; stroke: #d0d7de }
    .bar { fill: #9aa4af }
    .ours { fill: #0969da }
    .line { fill: none; stroke: #9aa4af; stroke-width: 1.5 }
    .line.ours { fill: none; stroke: #0969da; stroke-width: 2.5 }
    .grid { stroke: #eaeef2 }
    text.small { font-size: 11px }
    text.ours { font-weight: 600 }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 }
      .ground { fill: #0d1117; stroke: #30363d }
      .bar { fill: #6e7681 }
      .ours { fill: #4493f8 }
      .line { stroke: #6e7681 }
      .line.ours { stroke: #4493f8 }
      .grid { stroke: #21262d }
    }
"""


def chart(title: str, panels: Mapping[str, Mapping[str, float]]) -> str:
    return card(title, 20 + TITLE + sum(TITLE + STEP * len(panel) for panel in panels.values()), drawn(panels))


def card(title: str, height: int, lines: Iterable[str]) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
            f' role="img" aria-label="{escape(title)}">',
            f"  <style>{STYLE}  </style>",
            f'  <rect class="ground" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="6"/>',
            f'  <text class="title" x="16" y="30">{escape(title)}</text>',
            *lines,
            "</svg>\n",
        ]
    )


def drawn(panels: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    top = TITLE
    for name, panel in panels.items():
        yield f'  <text x="16" y="{top + 26}">{escape(name)}</text>'
        top += TITLE
        longest = end_of_axis(panel)
        for contestant, value in sorted(panel.items(), key=lambda item: item[1]):
            yield from bar(contestant, value, longest, top)
            top += STEP


def end_of_axis(panel: Mapping[str, float]) -> float:
    """Return what the whole width stands for: the longest bar, unless it would make dwarfs of all others."""
    *_, second, first = [0.0, *sorted(panel.values())]
    return first if first <= 3 * second else 1.25 * second


def bar(name: str, value: float, longest: float, top: int) -> Iterator[str]:
    length = round(min(value / longest, 1) * (WIDTH - LEFT - RIGHT), 1)
    kind = "bar ours" if name == OURS else "bar"
    yield f'  <text x="{LEFT - 8}" y="{top + 13}" text-anchor="end">{escape(name)}</text>'
    yield f'  <rect class="{kind}" x="{LEFT}" y="{top}" width="{length}" height="{BAR}" rx="2"/>'
    if value > longest:  # a gap says that the bar goes on
        gap = LEFT + length - 30
        yield f'  <path class="ground" stroke-width="0" d="M{gap} {top}h6l-6 {BAR}h-6z"/>'
    yield f'  <text x="{LEFT + length + 8}" y="{top + 13}">{shown(value)}</text>'
