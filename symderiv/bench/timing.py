"""Timing: competitors take turns in one process, so that a busy machine slows all of them alike."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from math import log
from statistics import median
from time import perf_counter
from typing import Any


def alternate(tasks: Mapping[str, Callable[[], Any]], repeat: int) -> dict[str, list[float]]:
    """Return the seconds that each task took, each time; one unmeasured turn goes before."""
    for task in tasks.values():
        task()
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(repeat):
        for name, task in tasks.items():
            gc.collect()
            gc.freeze()  # what the libraries loaded is not collected again in anybody's time
            start = perf_counter()
            result = task()
            seconds[name].append(perf_counter() - start)
            del result  # what it holds is not looked up again in the next turn
            gc.unfreeze()
    return seconds


def pairwise_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of our time over theirs, turn by turn."""
    return median(a / b for a, b in zip(ours, theirs, strict=True))


def growth(sizes: Sequence[int], seconds: Sequence[float]) -> float | None:
    """Return the exponent e of time ~ size ** e by least squares on logarithms.

    >>> round(growth([10, 100, 1000], [1.0, 10.0, 100.0]), 3)
    1.0
    """
    if len(set(sizes)) < 2:
        return None
    xs, ys = [log(k) for k in sizes], [log(t) for t in seconds]
    x0, y0 = sum(xs) / len(xs), sum(ys) / len(ys)
    across = sum((x - x0) * (y - y0) for x, y in zip(xs, ys, strict=True))
    return across / sum((x - x0) ** 2 for x in xs)
