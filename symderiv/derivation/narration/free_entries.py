"""Takes the section of an ambient gradient; returns it with one more step, to the free entries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ...core.expr import Expr, add, delta, div, entry, mul, neg, num, partial
from ...core.shapes import Dim
from .entry_forms import place
from .sections import Section
from .steps import Act, Step

By = Callable[[str, str], Expr]  # the derivative by an independent entry, at its place
Combine = Callable[[By, str, str, Dim], Expr]

_ONE_TRIANGLE = "the entries on the other side of the diagonal are zero, not free"
_ONE_SIDE = "the diagonals on the other side of the main one are zero, not free"
_ONLY_DIAGONAL = "only the entries on the diagonal are free"
# How the entry of a gradient follows from those that take all entries as independent.
_LAWS = {
    ("symmetric", "independent"): "two mirrored entries are one free entry: their derivatives add, "
    "and one on the diagonal counts once",
    ("symmetric", "tangent"): "the symmetric part",
    ("skew", "independent"): "two mirrored entries are one free entry, with opposite signs: "
    "their derivatives subtract",
    ("skew", "tangent"): "the skew-symmetric part",
    ("diagonal", "independent"): _ONLY_DIAGONAL,
    ("diagonal", "tangent"): _ONLY_DIAGONAL,
    ("toeplitz", "independent"): "the entries along a diagonal are one free entry: "
    "their derivatives add",
    ("toeplitz", "tangent"): "the mean along each diagonal",
    ("symmetric toeplitz", "independent"): "the entries along two mirrored diagonals are one free "
    "entry: their derivatives add, and those on the main diagonal count once",
    ("symmetric toeplitz", "tangent"): "the mean along each two mirrored diagonals",
    (
        "skew toeplitz",
        "independent",
    ): "the entries along two mirrored diagonals are one free entry, with opposite signs",
    ("skew toeplitz", "tangent"): "the mean along each two mirrored diagonals, with opposite signs",
    ("diagonal toeplitz", "independent"): "there is one free entry, that of the diagonal",
    ("diagonal toeplitz", "tangent"): "the mean along the diagonal",
    ("lower toeplitz", "independent"): _ONE_SIDE,
    ("lower toeplitz", "tangent"): _ONE_SIDE,
    ("upper toeplitz", "independent"): _ONE_SIDE,
    ("upper toeplitz", "tangent"): _ONE_SIDE,
    ("lower", "independent"): _ONE_TRIANGLE,
    ("lower", "tangent"): _ONE_TRIANGLE,
    ("upper", "independent"): _ONE_TRIANGLE,
    ("upper", "tangent"): _ONE_TRIANGLE,
    ("orthogonal", "tangent"): "projection onto the tangent space of the orthogonal matrices",
}


def _mirrored(by: By, p: str, q: str, dim: Dim) -> Expr:
    return add(by(p, q), by(q, p), neg(mul(delta(p, q, dim), by(p, p))))


def _sum(by: By, p: str, q: str, dim: Dim) -> Expr:
    return add(by(p, q), by(q, p))


def _difference(by: By, p: str, q: str, dim: Dim) -> Expr:
    return add(by(p, q), neg(by(q, p)))


def _on_diagonal(by: By, p: str, q: str, dim: Dim) -> Expr:
    return mul(delta(p, q, dim), by(p, p))


def _half(combine: Combine) -> Combine:
    return lambda by, p, q, dim: div(combine(by, p, q, dim), num(2))


_COMBINED: dict[tuple[str, str], Combine] = {
    ("symmetric", "independent"): _mirrored,
    ("symmetric", "tangent"): _half(_sum),
    ("skew", "independent"): _difference,
    ("skew", "tangent"): _half(_difference),
    ("diagonal", "independent"): _on_diagonal,
    ("diagonal", "tangent"): _on_diagonal,
}


def to_free_entries(
    section: Section, kind: tuple[str, str], result: Expr, index_form: Expr
) -> Section:
    """Return the section of an ambient gradient, continued to the result under a convention.

    ``kind`` is the structure of the variable with the convention, ``index_form`` the entry of the
    result over named indices: the step begins there where no derivatives combine to it.
    """
    law, after = _LAWS[kind], place(result, section.entry)
    before = _combined(section, kind) or index_form
    step = Step(before, after, Act.FREE, (law,), opens=True)
    return replace(section, steps=(*section.steps, step), result=result)


def _combined(section: Section, kind: tuple[str, str]) -> Expr | None:
    """Return the entry in the derivatives by independent entries, where those are steps here."""
    combine, whole = _COMBINED.get(kind), section.target
    derived = (s.before for s in section.steps if s.before.op == "partial")
    known = next((x for x in derived if x.args[1] == entry(whole, *section.entry)), None)
    if combine is None or known is None:
        return None
    held = known.data if isinstance(known.data, tuple) else ()

    def by(i: str, j: str) -> Expr:
        return partial(known.args[0], entry(whole, i, j), held)

    p, q = section.entry
    return combine(by, p, q, whole.shape[0])
