"""Takes two contractions; yields the places at which the first is a part of the second."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ...tensor import Label, Parts, orders


@dataclass(frozen=True, slots=True)
class Match:
    """Which factors of the target stand for the pattern, and what its labels became."""

    positions: tuple[int, ...]
    labels: dict[Label, Label]


def matches(pattern: Parts, target: Parts, fixed: dict[Label, Label]) -> Iterator[Match]:
    """Yield the places at which ``pattern``, up to its scale, is a part of ``target``.

    ``fixed`` says which labels of the target some labels of the pattern must be. What the pattern
    sums over must be summed in the target, in what is matched only, and apart from its free ends.
    """
    for match in _extended(pattern, target, Match((), dict(fixed)), 0):
        bound = [match.labels[x] for x in pattern.dims if x not in pattern.out]
        ends = {match.labels[x] for x in pattern.out if x in match.labels}
        inside = set(match.positions)
        alone = all(
            x not in target.out
            and all(k in inside for k, f in enumerate(target.factors) if x in f.labels)
            for x in bound
        )
        if alone and len(set(bound)) == len(bound) and ends.isdisjoint(bound):
            yield match


def _extended(pattern: Parts, target: Parts, so_far: Match, done: int) -> Iterator[Match]:
    if done == len(pattern.factors):
        yield so_far
        return
    wanted = pattern.factors[done]
    for k, f in enumerate(target.factors):
        if k in so_far.positions or f.term is not wanted.term or f.exponent != wanted.exponent:
            continue
        for labels in orders(f):
            pairs = list(zip(wanted.labels, labels, strict=True))
            mapping = dict(so_far.labels)
            if all(mapping.setdefault(a, b) == b for a, b in pairs):
                yield from _extended(
                    pattern, target, Match((*so_far.positions, k), mapping), done + 1
                )
