"""Takes a wrong claim whose slip was not found; returns facts about it, found by evaluation."""

from __future__ import annotations

from collections.abc import Iterator

from ..core.expr import Expr, variables, walk
from ..core.shapes import ONE, SCALAR
from ..ops.text import text
from .fingerprints import Prints

Slips = tuple[tuple[str, str], ...]


def traits(claimed: Expr, truth: Expr, prints: Prints, word: str, *, tiny: bool = False) -> Slips:
    """Return how a claim differs from the gradient, which ``word`` names, most telling first.

    ``tiny``: the claim can be read at some size 1 alone, where much is a multiple of much.
    """
    families = [f for f in _FAMILIES if f is not _direction] if tiny else _FAMILIES
    return tuple(found for family in families for found in family(claimed, truth, prints, word))


def _zero(claimed: Expr, truth: Expr, prints: Prints, word: str) -> Iterator[tuple[str, str]]:
    shown = prints.of(claimed)
    right = prints.of(truth)
    if shown is not None and shown.is_zero and not (right is None or right.is_zero):
        yield "missing-term", f"it is zero, and {word} is not"


def outer(claimed: Expr, truth: Expr, prints: Prints, word: str) -> Iterator[tuple[str, str]]:
    """A column combined with a row, entry by entry, where the gradient has nothing like it."""
    if not any(map(_is_outer, walk(truth))):
        for e in filter(_is_outer, walk(claimed)):
            yield "broadcasting", f"`{text(e)}` combines a column and a row into a matrix"
            return


def _is_outer(e: Expr) -> bool:
    if e.op not in ("add", "mul", "div") or len(e.shape) != 2:
        return False
    columns = any(a.shape[-1] == ONE != a.shape[-2] for a in e.args)
    rows = any(a.shape[-2] == ONE != a.shape[-1] for a in e.args)
    return columns and rows


def _spread(claimed: Expr, truth: Expr, prints: Prints, word: str) -> Iterator[tuple[str, str]]:
    """A scalar term added to every entry."""
    if claimed.op == "add" and claimed.shape != SCALAR:
        for e in claimed.args:
            if e.shape == SCALAR and e.op not in ("num", "size", "const"):
                yield "broadcasting", f"the scalar `{text(e)}` is added to every entry"


def _dependence(claimed: Expr, truth: Expr, prints: Prints, word: str) -> Iterator[tuple[str, str]]:
    names = dict.fromkeys([*variables(truth), *variables(claimed)])
    lacks, has = [], []
    for n in names:
        sides = [n in variables(x) and prints.depends(x, n) is not False for x in (claimed, truth)]
        if sides == [False, True]:
            lacks.append(f"`{n}`")
        if sides == [True, False]:
            has.append(f"`{n}`")
    if lacks and has:
        words = f"it depends on {_and(has)}, and not on {_and(lacks)}; {word} does the reverse"
        yield "wrong-variable", words
    elif lacks:
        yield "missing-factor", f"it does not depend on {_and(lacks)}, and {word} does"
    elif has:
        yield "extra-factor", f"it depends on {_and(has)}, and {word} does not"


def _and(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _direction(claimed: Expr, truth: Expr, prints: Prints, word: str) -> Iterator[tuple[str, str]]:
    keys = [prints.key(x) for x in (claimed, truth)]
    if truth.shape != SCALAR and keys[0] is not None and keys[0] == keys[1]:
        yield "missing-factor", f"it is {word} times a scalar that is not constant"


_FAMILIES = (_zero, _direction, outer, _spread, _dependence)
