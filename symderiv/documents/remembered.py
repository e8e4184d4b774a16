"""What holds beyond the problem at hand: the one or two facts that its gradients are cases of.

They are read off the form of each gradient, never off the problem: a factor of a product, an
addend of every row, an entrywise function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..core.expr import Expr
from ..derivation.narration import Section
from ..notation.math import EQUALS, row
from .model import Block, Bullets, Heading, Inline
from .symbols_shown import Scribe

_MOST = 3


def remembered(scribe: Scribe, number: Callable[[], str]) -> list[Block]:
    """Return the facts that the gradients of a document are cases of, a few at most."""
    found: dict[str, Inline] = {}
    for section in scribe.sections:
        for words in _facts(section, _cotangents(scribe)):
            formula = row(
                scribe.gradient_inline(section.target), EQUALS, scribe.write(section.result)
            )
            found.setdefault(words, (f"{words}: ", formula, "."))
    if not found:
        return []
    items = tuple(list(found.values())[:_MOST])
    return [Heading(("To remember",), number()), Bullets(items)]


def _cotangents(scribe: Scribe) -> set[Expr]:
    given = {s.given for s in scribe.sections if s.given is not None}
    return given | {scribe.known[g] for g in scribe.given_at if g in scribe.known}


def _facts(section: Section, cotangents: set[Expr]) -> Iterator[str]:
    """Yield what a gradient is a case of."""
    result = section.result
    factors = [a for a in result.args if not a.is_scalar] if result.op in ("matmul", "mul") else []
    if result.is_matrix_product and len(factors) == 2:
        first, second = factors
        if second in cotangents and first.is_transpose:
            yield "The factor on the right gets the left one transposed, times the cotangent"
        elif first in cotangents and second.is_transpose:
            yield "The factor on the left gets the cotangent, times the right one transposed"
    if _column_sums(result, cotangents):
        yield "What is added to every row gets the column sums of the cotangent"
    if result.op == "mul" and len(factors) == 2 and any(f in cotangents for f in factors):
        slopes = [f for f in factors if f not in cotangents]
        if len(slopes) == 1 and section.target in {*_names(slopes[0])}:
            yield "An entrywise function passes the cotangent on, times its slope"


def _column_sums(x: Expr, cotangents: set[Expr]) -> bool:
    if x.is_transpose and x.args[0].op == "sum" and x.args[0].data == 0:
        return x.args[0].args[0] in cotangents
    if not x.is_matrix_product or len(x.args) != 2 or not x.args[1].is_ones:
        return False
    return x.args[0].is_transpose and x.args[0].args[0] in cotangents


def _names(x: Expr) -> Iterator[Expr]:
    if x.is_symbol:
        yield x
    else:
        for a in x.args:
            yield from _names(a)
