"""Takes a derivation; returns what it assumes of values so that every function has a derivative."""

from __future__ import annotations

from ..core.expr import Expr, number, walk
from ..core.shapes import ONE
from ..ops import TABLE
from .model import Inline
from .symbols_shown import Scribe

_EVERYWHERE = {o.name for o in TABLE.values() if o.range == "positive"}  # only large: exp
_KNOWN = {"positive", "spd", "invertible", "orthogonal", "unit01", "count", "pm1"}


def conditions(scribe: Scribe) -> list[Inline]:
    """Return the conditions, each once: a matrix is invertible, a vector or a number is not 0.

    Those on names and products: a sum is often seen to be above 0.
    """
    problem = scribe.problem
    nodes = list(walk(problem.objective))
    smooth = {e.args[0] for e in nodes if e.op == "pow" and _is_even(e.args[1])}
    found: dict[Inline, None] = {}
    for e in nodes:
        operator = TABLE[e.op]
        if operator.square is not None and e not in smooth:
            found[scribe.write(e.args[0]), " is not 0"] = None
        elif operator.singular is not None and e.op not in _EVERYWHERE:
            arg = e.args[operator.singular]
            square = ONE not in arg.shape and not operator.entrywise and e.op != "div"
            above = " is above 0" if operator.is_logarithm else " is not 0"
            if _is_open(scribe, arg):
                found[scribe.write(arg), " is invertible" if square else above] = None
    return list(found)


def _is_even(exponent: Expr) -> bool:
    return exponent.op == "num" and number(exponent) % 2 == 0


def _is_open(scribe: Scribe, x: Expr) -> bool:
    """Whether nothing says yet that a value is what a function asks for."""
    variable = scribe.problem.variables.get(str(x.data)) if x.is_symbol else None
    return (x.is_symbol or x.is_matrix_product) and not (
        variable is not None and _KNOWN & {*variable.properties}
    )
