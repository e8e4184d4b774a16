"""Takes the fuses and deltas of a contraction; applies a rule of the fuse to them, in place.

A fuse is 1 where its first index is the place of the pair of the others, else 0. Each pair has one
place and each place one pair, so that two fuses with a common place have a common pair, and the
other way round (Magnus and Neudecker, Matrix Differential Calculus, 2019, section 2.4).
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

from ..core.shapes import Dim
from .terms import Label


def fuse_once(
    fuses: list[tuple[Label, ...]],
    deltas: list[tuple[Label, Label]],
    dims: dict[Any, Dim],
    used: set[Label],
) -> bool:
    """Apply the first rule that fits, in place; return whether one did.

    ``used`` are the labels that are free or that another factor carries.
    """
    for left, right in combinations(fuses, 2):
        if [dims[x] for x in left] != [dims[x] for x in right]:
            continue
        if left[0] == right[0] or left[1:] == right[1:]:
            fuses.remove(right)
            deltas.extend((a, b) for a, b in zip(left, right, strict=True) if a != b)
            return True
    for labels in fuses:
        elsewhere = used | {x for other in fuses if other is not labels for x in other}
        alone = [x not in elsewhere for x in labels]
        if alone[0] or (alone[1] and alone[2] and labels[1] != labels[2]):
            fuses.remove(labels)
            for x, gone in zip(labels, (alone[0], not alone[0], not alone[0]), strict=True):
                if gone:
                    del dims[x]
            return True
    return False
