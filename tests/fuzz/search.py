"""Go through the blocks of a seed, and tell of each difference that is not known, as small as it gets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .comparison import Difference, differences
from .generator import BLOCK, block_of
from .known import known
from .report import described, program
from .shrink import shrunk
from .visits import Visit
from .worlds import FIRST, World


def search(seed: int, block: int) -> list[str]:
    """Serve the requests of a block; return a program and what it shows for each difference that is not known."""
    world, visits = block_of(seed, block)
    found = [*first_of_each(unknown(world, visits))]
    return [told(seed, block, world, visits, difference) for difference in found]


def unknown(world: World, visits: Sequence[Visit], ways: Sequence[str] | None = None) -> Iterator[Difference]:
    found = differences(world, visits, ways) if ways else differences(world, visits)
    return (difference for difference in found if known(world, difference) is None)


def first_of_each(found: Iterator[Difference]) -> Iterator[Difference]:
    """Give one of several differences that are probably the same fault: of one request, or alike."""
    given: list[Difference] = []
    for difference in found:
        if not any(difference.number == other.number or difference.is_like(other) for other in given):
            given.append(difference)
            yield difference


def told(seed: int, block: int, world: World, visits: Sequence[Visit], difference: Difference) -> str:
    ways = tuple(dict.fromkeys((FIRST, difference.way)))

    def shows(world: World, visits: Sequence[Visit]) -> bool:
        return any(each.is_like(difference) for each in unknown(world, visits, ways))

    number = block * BLOCK + difference.number
    case = world, tuple(visits[: difference.number + 1])
    if not shows(*case):
        where = f"--seed {seed} --first {number - number % BLOCK} --requests 1"
        return f"# It did not come again, request {number} of seed {seed}: {where}\n{described(difference)}"
    small = shrunk(*case, shows)
    return program(f"request {number} of seed {seed}", *small) + "\n".join(map(described, unknown(*small)))
