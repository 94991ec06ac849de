"""One row of the results: what is measured of whom, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

#: Takes seconds to spend on it, and returns one figure.
Measure = Callable[[float], float]
MET, WITHIN, MISSED = "met", "within the spread", "missed"


def verdict(ratio: float, of_rounds: Iterable[float], limit: float, more_is_better: bool = False) -> str:
    """Say whether a ratio meets its limit. It is missed if no round meets it: else the rounds differ by more."""

    def meets(each: float) -> bool:
        return each >= limit if more_is_better else each <= limit

    if meets(ratio):
        return MET
    return WITHIN if any(map(meets, of_rounds)) else MISSED


@dataclass(frozen=True)
class Row:
    key: str
    title: str
    unit: str
    #: Ours is the first.
    contestants: Mapping[str, Measure]
    #: How many times a peer's figure ours may be at most; None where the peer is only shown.
    limits: Mapping[str, float | None]
    #: Of requests per second it must be at least that many times.
    more_is_better: bool = False


@dataclass(frozen=True)
class Comparison:
    """Ours against one peer's, in the rounds of one run."""

    row: Row
    peer: str
    ours: Sequence[float]
    theirs: Sequence[float]

    @property
    def ratio(self) -> float:
        return median(self.ours) / median(self.theirs)

    @property
    def of_rounds(self) -> list[float]:
        return [ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True)]

    @property
    def limit(self) -> float | None:
        return self.row.limits[self.peer]

    @property
    def verdict(self) -> str:
        """Empty where the peer is only shown."""
        if self.limit is None:
            return ""
        return verdict(self.ratio, self.of_rounds, self.limit, self.row.more_is_better)


def comparisons(row: Row, figures: Mapping[str, Sequence[float]]) -> list[Comparison]:
    ours = next(iter(row.contestants))
    return [Comparison(row, peer, figures[ours], figures[peer]) for peer in row.limits]


def shown(value: Any) -> str:
    """Show three digits of a number, and no fewer than stand before its point."""
    if not isinstance(value, float):
        return str(value)
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
