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
from typing import Any

from ...core.errors import AmbiguousTextError, LanguageError, UnsupportedError
from ...core.expr import Expr
from ...core.shapes import SCALAR
from ...ops.text import text as spelled
from ..scope import Scope
from ..syntax_nodes import binary, joined
from .trees import Derived

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
Part = tuple[ast.expr, Expr]
Levels = Sequence[tuple[str, ...]]
Way = tuple[list[Part], list[Part], list[str], Levels]  # scalars in front, and the rest


class Choices:
    """Tries readings of places in one scope."""

    def __init__(self, scope: Scope) -> None:
        self.scope, self.tried = scope, 0

    def attempt(self, read: Callable[[], Expr]) -> Expr | LanguageError:
        """Return a reading, or why it cannot be; what it bound stays bound only if it is read."""
        before = self.scope.state()
        try:
            return read()
        except AmbiguousTextError:
            raise
        except LanguageError as error:
            self.scope.restore(before)
            return error

    def chosen(
        self, ways: Sequence[Callable[[], Expr]], at: ast.expr, hints: Sequence[str]
    ) -> Expr:
        """Return the one reading that fits; raises AmbiguousTextError where two do.

        Without ``hints``, which say how to write each, it is the first that fits.
        """
        fits: list[tuple[int, Expr, tuple[Any, ...]]] = []
        failures: list[LanguageError] = []
        start = self.scope.state()
        for k, way in enumerate(ways):
            self.tried += 1
            if self.tried > _MOST_READINGS:
                raise UnsupportedError(
                    "too many places that can be read in two ways",
                    span=self.scope.span(at),
                    remedy="put parentheses around arguments and factors",
                )
            found = self.attempt(way)
            after = self.scope.state()
            self.scope.restore(start)
            if isinstance(found, LanguageError):
                failures.append(found)
            elif not any(found == x for _, x, _ in fits):
                fits.append((k, found, after))
            if fits and not hints:
                break
        if not fits:
            raise failures[0]
        if len(fits) > 1 and not self.scope.unifier.collect:
            self._ambiguous(at, [(spelled(x), hints[k]) for k, x, _ in fits[:2]])
        self.scope.restore(fits[0][2])
        return fits[0][1]

    def _ambiguous(self, at: ast.expr, readings: list[tuple[str, str]]) -> None:
        (first, how), (second, other) = readings
        raise AmbiguousTextError(
            f"this can be read in two ways: {first}, or {second}",
            span=self.scope.span(at),
            remedy=f"write {how} for the first, {other} for the second",
        )


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


class Products:
    """Multiplies in one scope; ``combine`` joins two values by a sign, at a place."""

    def __init__(
        self, choices: Choices, combine: Callable[[str, ast.BinOp, Expr, Expr], Expr]
    ) -> None:
        self.choices, self.shape, self.combine = choices, choices.scope.shape, combine

    def value(self, at: ast.expr, parts: list[Part], signs: list[str]) -> Expr:
        """Return the product of parts as their shapes allow; raises LanguageError."""
        ways = [partial(self._value, way) for way in self._ways(parts, signs)]
        if len(ways) > 1:
            return self.choices.chosen(ways, at, _QUOTIENTS if "/" in signs else _GROUPS)
        found = self.choices.attempt(ways[0])
        if not isinstance(found, LanguageError):
            return found
        flat = self.choices.attempt(lambda: self._fold(parts, signs, _FLAT)[1])
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

    def _value(self, way: Way) -> Expr:
        """Return scalars in front times the rest, the rest by itself."""
        front, parts, signs, levels = way
        inner = self._fold(parts, signs, levels)
        if not front:
            return inner[1]
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
        found = self.choices.attempt(lambda: self._leftwards(parts, signs)[1])
        if isinstance(found, LanguageError) and set(signs) == {""} and len(parts) > 2:
            other = self.choices.attempt(lambda: self._rightwards(parts))
            found = found if isinstance(other, LanguageError) else other
        if isinstance(found, LanguageError):
            raise found
        return _tree(parts, signs), found

    def _leftwards(self, parts: list[Part], signs: list[str]) -> Part:
        tree, value = parts[0]
        for (right, other), sign in zip(parts[1:], signs, strict=True):
            node = binary(_NODES[sign](), tree, right)
            value = self.combine(_SIGNS.get(sign, sign), node, value, other)
            tree = node
        return tree, value

    def _rightwards(self, parts: list[Part]) -> Expr:
        tree, value = parts[-1]
        for left, other in reversed(parts[:-1]):
            node = binary(ast.MatMult(), left, tree)
            value = self.combine("@", node, other, value)
            tree = node
        return value

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


def _tree(parts: list[Part], signs: list[str]) -> ast.expr:
    tree = parts[0][0]
    for (right, _), sign in zip(parts[1:], signs, strict=True):
        tree = binary(_NODES[sign](), tree, right)
    return tree
