"""The table of all gradients of a network: matrix form, shape, and what it takes to compute."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.errors import MissingRuleError
from ..core.expr import Expr, walk_all
from ..core.shapes import Dim
from ..derivation.costs import CostRow, Costs, costs_of
from ..notation.math import Math, Num, Op, Script, row
from ..ops.flops import Flops
from ..ops.leaves import size_notation
from ..ops.written import shape_notation
from .checks import dimension_section, slip_of
from .first_page import DEFINED, where_lines
from .model import Block, CostLine, CostTable, DimensionRow, Heading, Inline, Paragraph, Piece
from .symbols_shown import Scribe, shape_words

_CONVENTION = (
    "One multiplication, addition or value of a function is one flop (Golub and Van Loan, Matrix "
    "Computations, section 1.1.15); a line of the table is counted given the values above it. "
)
_ROWS = 34  # of a table, which stays on a page


def result_tables(scribe: Scribe) -> list[Block]:
    """Return the table of all gradients, cotangents on the way included, where there are many."""
    costs = _costs(scribe)
    if costs is None:
        return []
    ordered = _in_order(scribe, costs)
    lines = [_line(scribe, target, r) for target, r in ordered]
    explained = {s.given for s in scribe.sections if s.given is not None}
    where = tuple(where_lines(scribe, [r.expr for _, r in ordered], explained))
    parts = [tuple(lines[k : k + _ROWS]) for k in range(0, len(lines), _ROWS)]
    return [
        CostTable(part, where if part is parts[-1] else (), "Result" if part is parts[0] else "")
        for part in parts
    ]


def _costs(scribe: Scribe) -> Costs | None:
    """Return what a derivation takes that has a table; None where it depends on the values."""
    if not scribe.tabled:
        return None
    try:
        return costs_of(scribe.derivation)
    except MissingRuleError:
        return None


def shapes_section(scribe: Scribe, number: str, more: Sequence[DimensionRow] = ()) -> list[Block]:
    """Return what all gradients take, where a table has their shapes, else that check.

    ``more`` are rows of second derivatives, for which there is no table of costs.
    """
    costs = _costs(scribe)
    if costs is None or more:
        return dimension_section(scribe, number, more)
    found: list[Block] = [Heading(("Cost and shapes",), number)]
    said: list[Piece] = [_CONVENTION, *_totals(costs)]
    slip = slip_of(scribe)
    if slip is not None:
        name, wrong = slip
        said += [" Shapes reject a common slip: ", wrong.formula, " as "]
        said += [scribe.gradient_inline(scribe.known[name]), ", that is ", wrong.shapes]
        said += [", is ", *wrong.product]
        if wrong.variable:
            said += [", but ", *wrong.variable]
        said.append(".")
    return [*found, Paragraph(tuple(said))]


def _in_order(scribe: Scribe, costs: Costs) -> list[tuple[Expr, CostRow]]:
    """Return every gradient right after the last cotangent that it needs, walking backward."""
    targets = {s.result: s.target for s in scribe.sections}
    backward = [r for r in costs.rows if r.part == "cotangent"]
    place = {r.name: k for k, r in enumerate(backward)}
    keyed: list[tuple[int, int, CostRow]] = []
    for r in costs.rows:
        if r.part == "cotangent":
            keyed.append((place[r.name], 0, r))
        elif r.part == "gradient":
            met = walk_all([r.expr], Expr.is_name)
            used = [place[str(e.data)] for e in met if e.is_name and str(e.data) in place]
            keyed.append((max(used, default=-1), 1, r))
    keyed.sort(key=lambda item: item[:2])
    by_name = {f"d{s.target.data}": s.target for s in scribe.sections}
    return [(by_name.get(r.name) or targets[r.expr], r) for _, _, r in keyed]


def _line(scribe: Scribe, target: Expr, r: CostRow) -> CostLine:
    symbol = scribe.gradient_inline(target)
    given = next((s.given for s in scribe.sections if s.target is target), None)
    return CostLine(
        gradient=symbol if given is None else row(scribe.write(given), DEFINED, symbol),
        formula=scribe.write(r.expr),
        shape=shape_words(target.shape) if target.is_scalar else shape_notation(target.shape),
        flops=flops_notation(r.flops),
        copied=scribe.copied(r.expr),
    )


def _totals(costs: Costs) -> Inline:
    forward, backward = costs.forward.leading, costs.backward.leading
    found: list[Piece] = ["To leading order the forward pass takes "]
    found += [flops_notation(forward.ordered(costs.sizes)), " flops and the backward pass "]
    found.append(flops_notation(backward.ordered(costs.sizes)))
    if costs.ratio is None:
        return (*found, ".")
    ratio = row(Num(str(costs.ratio)))
    return (*found, ": ", ratio, " times as many.")


def flops_notation(flops: Flops) -> Math:
    """Return a polynomial in the sizes as notation.

    >>> from symderiv.notation.unicode import unicode
    >>> from symderiv.core.shapes import symbol
    >>> unicode(flops_notation(Flops.of(symbol("n"), symbol("n"), times=2)))
    '2n²'
    """
    parts: list[Math] = []
    for symbols, value in flops.terms:
        parts += [Op("+")] if parts else []
        if value != 1 or not symbols:
            parts.append(Num(str(value)))
        for s in dict.fromkeys(symbols):
            base, power = size_notation(Dim(1, (s,))), symbols.count(s)
            parts.append(Script(base, sup=Num(str(power))) if power > 1 else base)
    return row(*parts) if parts else Num("0")
