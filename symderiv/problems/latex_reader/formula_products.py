"""Places with more than one reading, and products, whose factors belong together as shapes allow.

Contract: what a reading binds stays bound only if it is the one; where two fit and are not the same
expression, the error shows both, in the language. Side by side binds tighter than a dot, a dot
tighter than ⊙, ⊘ and ⊗; but ⊙ can be meant tighter. Both are tried, without the scalars, which may
stand anywhere. ``/`` takes the factors behind it one by one or all together.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from ...core.errors import AmbiguousTextError, LanguageError, UnsupportedError
from ...core.expr import Expr
from ...core.shapes import SCALAR
from ...ops.text import text as spelled
from ..elaborate import Elaborator
from ..syntax_nodes import binary, joined, like

_MOST_READINGS = 400
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
_SIGNS = {"": "@", "/": "quotient", "odot": "*", "oslash": "/"}  # as the language has them
_QUOTIENTS = (r"\frac{a}{b} c", r"\frac{a}{bc}")
_GROUPS = (r"(AB) \odot C", r"A (B \odot C)")
T = TypeVar("T")
Part = tuple[ast.expr, Expr]
Levels = Sequence[tuple[str, ...]]
Way = tuple[list[Part], list[Part], list[str], Levels]  # scalars in front, and the rest


class Derived(ast.expr):
    """A derivative, or several in a chain: of the first name, by each of those behind it.

    The first is "" for the objective; ``given`` is its given gradient by the second, if there is.
    ``refused`` says why it is none of those that stand in a formula.
    """

    path: tuple[str, ...]
    given: ast.expr | None
    nabla: bool  # whether it is written so, which for what is no scalar is either layout
    refused: LanguageError | None = None


class KnownTree(ast.expr):
    """What is read already: reading it again would double the work at every level."""

    value: Expr


class ProductReader(Elaborator):
    """Tries the readings of a place, and multiplies as shapes allow."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._tried = 0

    def read(self, at: ast.expr) -> Expr:
        """Return the expression that a tree stands for."""
        return at.value if isinstance(at, KnownTree) else super().read(at)

    def known(self, at: ast.expr, value: Expr | None = None) -> KnownTree:
        """Return a tree as read; with a value, at its place."""
        if isinstance(at, KnownTree) and value is None:
            return at
        found = like(KnownTree(), at)
        found.value = self.read(at) if value is None else value
        return found

    def choice(
        self, ways: Sequence[Callable[[], ast.expr]], hints: Sequence[str], at: ast.expr
    ) -> ast.expr:
        """Return the reading of a place that fits; without hints, the first."""
        if len(ways) == 1:
            return ways[0]()
        reads = [lambda way=way: self.read(like(way(), at)) for way in ways]
        return self.known(at, self._chosen(reads, at, hints))

    def product(self, factors: Sequence[ast.expr], signs: Sequence[str]) -> ast.expr:
        """Return factors with the signs between them: "" | "cdot" | "times" | "odot" | ..."""
        at = joined(ast.Constant(0), factors[0], factors[-1])
        if len(factors) > LONGEST:
            raise UnsupportedError(
                f"a product of {len(factors)} factors",
                span=self.span(at),
                remedy="name parts of it by definitions of the problem",
            )
        factors, signs = chained(factors, signs)
        if len(factors) == 1:
            return factors[0]
        parts = [(f, self.read(f)) for f in factors]
        return self.known(at, self._multiplied(at, parts, list(signs)))

    def _attempt(self, read: Callable[[], T]) -> T | LanguageError:
        """Return a reading, or why it cannot be; what it bound stays bound only if it is read."""
        before = self.state()
        try:
            return read()
        except AmbiguousTextError:
            raise
        except LanguageError as error:
            self.restore(before)
            return error

    def _chosen(
        self, ways: Sequence[Callable[[], Expr]], at: ast.expr, hints: Sequence[str]
    ) -> Expr:
        """Return the one reading that fits; raises AmbiguousTextError where two do.

        Without ``hints``, which say how to write each, it is the first that fits.
        """
        fits: list[tuple[int, Expr, tuple[Any, ...]]] = []
        failures: list[LanguageError] = []
        start = self.state()
        for k, way in enumerate(ways):
            self._tried += 1
            if self._tried > _MOST_READINGS:
                raise UnsupportedError(
                    "too many places that can be read in two ways",
                    span=self.span(at),
                    remedy="put parentheses around arguments and factors",
                )
            found = self._attempt(way)
            after = self.state()
            self.restore(start)
            if isinstance(found, LanguageError):
                failures.append(found)
            elif not any(found == x for _, x, _ in fits):
                fits.append((k, found, after))
            if fits and not hints:
                break
        if not fits:
            raise failures[0]
        if len(fits) > 1 and not self.unifier.collect:
            (j, x, _), (k, y, _) = fits[:2]
            raise self.two_ways(at, (spelled(x), spelled(y)), (hints[j], hints[k]))
        self.restore(fits[0][2])
        return fits[0][1]

    def two_ways(
        self, at: ast.expr, readings: tuple[str, str], hints: tuple[str, str]
    ) -> AmbiguousTextError:
        """Return the error about a place with two readings, by how to write each."""
        return AmbiguousTextError(
            f"this can be read in two ways: {readings[0]}, or {readings[1]}",
            span=self.span(at),
            remedy=f"write {hints[0]} for the first, {hints[1]} for the second",
        )

    def _multiplied(self, at: ast.expr, parts: list[Part], signs: list[str]) -> Expr:
        """Return the product of parts as their shapes allow; raises LanguageError."""
        ways = [partial(self._value, *way) for way in self._ways(parts, signs)]
        if len(ways) > 1:
            return self._chosen(ways, at, _QUOTIENTS if "/" in signs else _GROUPS)
        found = self._attempt(ways[0])
        if not isinstance(found, LanguageError):
            return found
        flat = self._attempt(lambda: self._fold(parts, signs, _FLAT)[1])
        if isinstance(flat, LanguageError):
            raise found
        return flat

    def _ways(self, parts: list[Part], signs: list[str]) -> list[Way]:
        """Return what to multiply how: the usual way first, another where there is one."""
        if "/" in signs:
            grouped = self._denominators(parts, signs)
            if grouped is not None:
                return [([], parts, signs, _USUAL), ([], *grouped, _USUAL)]
        elif any(s in _ENTRYWISE for s in signs):
            front, rest, left = self._apart(parts, signs)
            if any(s in _ENTRYWISE for s in left) and any(s not in _ENTRYWISE for s in left):
                return [(front, rest, left, _USUAL), (front, rest, left, _TIGHT)]
        return [([], parts, signs, _USUAL)]

    def _value(
        self, front: list[Part], parts: list[Part], signs: list[str], levels: Levels
    ) -> Expr:
        """Return scalars in front times the rest, the rest by itself."""
        inner = self._fold(parts, signs, levels)
        return self._chain([*front, inner], [""] * len(front))[1]

    def _fold(self, parts: list[Part], signs: list[str], levels: Levels) -> Part:
        if len(parts) == 1:
            return parts[0]
        level, rest = levels[0], levels[1:]
        cuts = [k for k, s in enumerate(signs) if s in level]
        if rest:
            edges = [0, *(k + 1 for k in cuts), len(parts)]
            pieces = [
                self._fold(parts[a:b], signs[a : b - 1], rest)
                for a, b in zip(edges, edges[1:], strict=False)
            ]
            return self._chain(pieces, [signs[k] for k in cuts])
        return self._chain(parts, signs)

    def _chain(self, parts: list[Part], signs: list[str]) -> Part:
        """Return parts joined from the left, or from the right where only that fits."""
        found = self._attempt(lambda: self._leftwards(parts, signs))
        if isinstance(found, LanguageError) and set(signs) == {""} and len(parts) > 2:
            other = self._attempt(lambda: self._rightwards(parts))
            found = found if isinstance(other, LanguageError) else other
        if isinstance(found, LanguageError):
            raise found
        return found

    def _leftwards(self, parts: list[Part], signs: list[str]) -> Part:
        tree, value = parts[0]
        for (right, other), sign in zip(parts[1:], signs, strict=True):
            node = binary(_NODES[sign](), tree, right)
            value = self._combine(_SIGNS.get(sign, sign), node, value, other)
            tree = node
        return tree, value

    def _rightwards(self, parts: list[Part]) -> Part:
        tree, value = parts[-1]
        for left, other in reversed(parts[:-1]):
            node = binary(ast.MatMult(), left, tree)
            value = self._combine("@", node, other, value)
            tree = node
        return tree, value

    def _apart(
        self, parts: list[Part], signs: list[str]
    ) -> tuple[list[Part], list[Part], list[str]]:
        """Return the scalars that may stand in front, and the other factors with their signs."""
        front: list[Part] = []
        rest: list[Part] = []
        left: list[str] = []
        for k, part in enumerate(parts):
            beside = (signs[k - 1] if k else None, signs[k] if k < len(signs) else None)
            free = all(s is None or s in ("", *_DOTS) for s in beside)
            if self.shape(part[1]) == SCALAR and free and len(parts) > 1:
                front.append(part)
                continue
            if rest:
                left.append(signs[k - 1])
            rest.append(part)
        return front, rest, left

    def _denominators(
        self, parts: list[Part], signs: list[str]
    ) -> tuple[list[Part], list[str]] | None:
        """Return the factors where all those behind a / are its denominator, if that can be."""
        grouped: list[Part] = [parts[0]]
        left: list[str] = []
        k, found = 1, False
        while k < len(parts):
            stop = k + 1
            if signs[k - 1] == "/":
                while stop < len(parts) and signs[stop - 1] == "":
                    stop += 1
            run = parts[k:stop]
            if len(run) > 1 and all(self.shape(e) == SCALAR for _, e in run):
                run, found = [self._leftwards(run, [""] * (len(run) - 1))], True
            grouped.extend(run)
            left.extend([signs[k - 1], *[""] * (len(run) - 1)])
            k = stop
        return (grouped, left) if found else None


def chained(factors: Sequence[ast.expr], signs: Sequence[str]) -> tuple[list[ast.expr], list[str]]:
    """Return factors in which derivatives side by side are one: the chain rule in either order.

    dL/dz dz/dx is the gradient by x that comes through z, and so is dz/dx dL/dz, where a gradient
    has the shape of its variable. Derivatives of no objective are matrices that are multiplied.
    """
    found, left = [factors[0]], list[str]()
    for sign, factor in zip(signs, factors[1:], strict=True):
        before = found[-1]
        both = isinstance(before, Derived) and isinstance(factor, Derived) and sign in ("", "cdot")
        path = _joined(before.path, factor.path) if both else None  # type: ignore[attr-defined]
        if path is None:
            found.append(factor)
            left.append(sign)
            continue
        whole = joined(Derived(), before, factor)
        assert isinstance(before, Derived)
        assert isinstance(factor, Derived)
        whole.path, whole.given = path, before.given or factor.given
        whole.nabla = before.nabla or factor.nabla
        found[-1] = whole
    return found, left


def _joined(left: tuple[str, ...], right: tuple[str, ...]) -> tuple[str, ...] | None:
    if left[-1] == right[0]:
        return (*left, *right[1:])
    # From right to left only up to the objective: other derivatives are matrices in one layout.
    return (*right, *left[1:]) if right[-1] == left[0] and not right[0] else None
