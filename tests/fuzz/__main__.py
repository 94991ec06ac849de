"""Run the fuzzer: `python -m tests.fuzz --requests 1000000`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from .generator import BLOCK
from .search import search

#: After so many differences it stops: most of them are one.
MOST = 20
#: Blocks between two lines of progress.
STEP = 25


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m tests.fuzz", description="Compare the answers to random requests.")
    parser.add_argument("--requests", type=int, default=20_000, help=f"rounded up to a multiple of {BLOCK}")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first request: go on where a run ended")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    return parser.parse_args()


def main() -> int:
    chosen = arguments()
    blocks = range(chosen.first // BLOCK, -(-(chosen.first + chosen.requests) // BLOCK))
    started, found = time.monotonic(), 0
    for block, programs in zip(blocks, results(chosen, blocks), strict=True):
        found += len(programs)
        for program in programs:
            print(program, end="\n\n", flush=True)
        if (block + 1) % STEP == 0 or block == blocks[-1] or found >= MOST:
            done = (block + 1) * BLOCK
            print(
                f"{done - blocks[0] * BLOCK} requests, {found} differences, {time.monotonic() - started:.0f} s;"
                f" go on with --seed {chosen.seed} --first {done}",
                flush=True,
            )
        if found >= MOST:
            break
    return 1 if found else 0


def results(chosen: argparse.Namespace, blocks: range) -> Iterator[list[str]]:
    """Give what is found in each block, in their order."""
    if chosen.processes == 1:
        yield from map(partial(search, chosen.seed), blocks)
        return
    with ProcessPoolExecutor(chosen.processes, get_context("spawn")) as pool:
        try:
            yield from pool.map(partial(search, chosen.seed), blocks)
        finally:
            pool.shutdown(cancel_futures=True)


if __name__ == "__main__":
    sys.exit(main())
