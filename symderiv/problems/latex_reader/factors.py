"""Products: which factors belong together, settled by their shapes.

Side by side binds tighter than a dot, a dot tighter than ⊙, ⊘ and ⊗; but ⊙ can be meant tighter.
Both are tried, without the scalars, which may stand anywhere. ``/`` takes the factors behind it one
by one or all together.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from ...core.errors import LanguageError, UnsupportedError
from ...core.expr import Expr
from ...core.shapes import SCALAR
from .trees import Derived, Product, binary, joined

if TYPE_CHECKING:
    from .reader import LatexReader

LONGEST = 400
_ENTRYWISE = ("odot", "oslash", "otimes")
_DOTS = ("cdot", "times")
_BESIDE = ("", "/")
_USUAL = (_ENTRYWISE, _DOTS, _BESIDE)
_TIGHT = (_DOTS, _BESIDE, _ENTRYWISE)
_FLAT = ((*_ENTRYWISE, *_DOTS, *_BESIDE),)
_NODES: dict[str, Callable[[], ast.operator]] = {
    "": ast.MatMult,
    "/": ast.FloorDiv,
    "cdot": ast.BitOr,
    "times": ast.BitXor,
    "odot": ast.Mult,
    "oslash": ast.Div,
    "otimes": ast.BitAnd,
}
Part = tuple[ast.expr, Expr]
Levels = Sequence[tuple[str, ...]]


def read(reader: LatexReader, at: Product) -> Expr:
    """Return the product of factors as their shapes allow; raises LanguageError."""
    if len(at.factors) > LONGEST:
        raise UnsupportedError(
            f"a product of {len(at.factors)} factors",
            span=reader.span(at),
            remedy="name parts of it by definitions of the problem",
        )
    factors, signs = _chained(at)
    parts = [(f, reader.read(f)) for f in factors]
    if len(parts) == 1:
        return parts[0][1]
    found_ways = _ways(reader, parts, signs)
    ways = [partial(_value, reader, way) for way in found_ways]
    hints = _hints(reader, at)
    if len(ways) > 1:
        return reader.chosen(ways, at, lambda k: hints[min(k, 1)])
    found = reader.attempt(ways[0])
    if not isinstance(found, LanguageError):
        return found
    flat = reader.attempt(lambda: _fold(reader, parts, signs, _FLAT)[1])
    if isinstance(flat, LanguageError):
        raise found
    return flat


def _chained(at: Product) -> tuple[list[ast.expr], list[str]]:
    """Return factors in which derivatives side by side are one: the chain rule in either order.

    dL/dz dz/dx is the gradient by x that comes through z, and so is dz/dx dL/dz, where a gradient
    has the shape of its variable. Derivatives of no objective are matrices that are multiplied.
    """
    factors, signs = [at.factors[0]], []
    for sign, factor in zip(at.signs, at.factors[1:], strict=True):
        before = factors[-1]
        both = isinstance(before, Derived) and isinstance(factor, Derived) and sign in ("", "cdot")
        path = _joined(before.path, factor.path) if both else None  # type: ignore[attr-defined]
        if path is None:
            factors.append(factor)
            signs.append(sign)
            continue
        whole = joined(Derived(), before, factor)
        assert isinstance(before, Derived)
        assert isinstance(factor, Derived)
        whole.path, whole.given = path, before.given or factor.given
        whole.nabla = before.nabla or factor.nabla
        factors[-1] = whole
    return factors, signs


def _joined(left: tuple[str, ...], right: tuple[str, ...]) -> tuple[str, ...] | None:
    if left[-1] == right[0]:
        return (*left, *right[1:])
    # From right to left only up to the objective: other derivatives are matrices in one layout.
    return (*right, *left[1:]) if right[-1] == left[0] and not right[0] else None


Way = tuple[list[Part], list[Part], list[str], Levels]  # scalars in front, and the rest


def _ways(reader: LatexReader, parts: list[Part], signs: list[str]) -> list[Way]:
    """Return what to multiply how: the usual way first, another where there is one."""
    if "/" in signs:
        grouped = _denominators(reader, parts, signs)
        if grouped is not None:
            return [([], parts, signs, _USUAL), ([], *grouped, _USUAL)]
    elif any(s in _ENTRYWISE for s in signs):
        front, rest, left = _apart(reader, parts, signs)
        if any(s in _ENTRYWISE for s in left) and any(s not in _ENTRYWISE for s in left):
            return [(front, rest, left, _USUAL), (front, rest, left, _TIGHT)]
    return [([], parts, signs, _USUAL)]


def _value(reader: LatexReader, way: Way) -> Expr:
    """Return scalars in front times the rest, the rest by itself."""
    front, parts, signs, levels = way
    inner = _fold(reader, parts, signs, levels)
    if not front:
        return inner[1]
    return _chain(reader, [*front, inner], [""] * len(front))[1]


def _fold(reader: LatexReader, parts: list[Part], signs: list[str], levels: Levels) -> Part:
    if len(parts) == 1:
        return parts[0]
    level, rest = levels[0], levels[1:]
    cuts = [k for k, s in enumerate(signs) if s in level]
    if rest:
        edges = [0, *(k + 1 for k in cuts), len(parts)]
        pieces = [
            _fold(reader, parts[a:b], signs[a : b - 1], rest)
            for a, b in zip(edges, edges[1:], strict=False)
        ]
        return _chain(reader, pieces, [signs[k] for k in cuts])
    return _chain(reader, parts, signs)


def _chain(reader: LatexReader, parts: list[Part], signs: list[str]) -> Part:
    """Return parts joined from the left, or from the right where only that fits."""
    found = reader.attempt(lambda: _leftwards(reader, parts, signs)[1])
    if not isinstance(found, LanguageError):
        whole = parts[0][0] if len(parts) == 1 else _tree(parts, signs)
        return whole, found
    if set(signs) == {""} and len(parts) > 2:
        other = reader.attempt(lambda: _rightwards(reader, parts))
        if not isinstance(other, LanguageError):
            return _tree(parts, signs), other
    raise found


def _tree(parts: list[Part], signs: list[str]) -> ast.expr:
    tree = parts[0][0]
    for (right, _), sign in zip(parts[1:], signs, strict=True):
        tree = binary(_NODES[sign](), tree, right)
    return tree


def _leftwards(reader: LatexReader, parts: list[Part], signs: list[str]) -> Part:
    tree, value = parts[0]
    for (right, other), sign in zip(parts[1:], signs, strict=True):
        node = binary(_NODES[sign](), tree, right)
        value = reader._combine(reader.signs[type(node.op)], node, value, other)
        tree = node
    return tree, value


def _rightwards(reader: LatexReader, parts: list[Part]) -> Expr:
    tree, value = parts[-1]
    for left, other in reversed(parts[:-1]):
        node = binary(ast.MatMult(), left, tree)
        value = reader._combine("@", node, other, value)
        tree = node
    return value


def _apart(
    reader: LatexReader, parts: list[Part], signs: list[str]
) -> tuple[list[Part], list[Part], list[str]]:
    """Return the scalars that may stand in front, and the other factors with their signs."""
    front: list[Part] = []
    rest: list[Part] = []
    left: list[str] = []
    for k, part in enumerate(parts):
        beside = (signs[k - 1] if k else None, signs[k] if k < len(signs) else None)
        free = all(s is None or s in ("", *_DOTS) for s in beside)
        if reader.shape(part[1]) == SCALAR and free and len(parts) > 1:
            front.append(part)
            continue
        if rest:
            left.append(signs[k - 1])
        rest.append(part)
    return front, rest, left


def _denominators(
    reader: LatexReader, parts: list[Part], signs: list[str]
) -> tuple[list[Part], list[str]] | None:
    """Return the factors where all that stand behind a / are its denominator, if that can be."""
    grouped: list[Part] = [parts[0]]
    left: list[str] = []
    k, found = 1, False
    while k < len(parts):
        stop = k + 1
        if signs[k - 1] == "/":
            while stop < len(parts) and signs[stop - 1] == "":
                stop += 1
        run = parts[k:stop]
        if len(run) > 1 and all(reader.shape(e) == SCALAR for _, e in run):
            run, found = [_leftwards(reader, run, [""] * (len(run) - 1))], True
        grouped.extend(run)
        left.extend([signs[k - 1], *[""] * (len(run) - 1)])
        k = stop
    return (grouped, left) if found else None


def _hints(reader: LatexReader, at: Product) -> list[str]:
    if "/" in at.signs:
        return [r"\frac{a}{b} c", r"\frac{a}{bc}"]
    return [r"(AB) \odot C", r"A (B \odot C)"]
