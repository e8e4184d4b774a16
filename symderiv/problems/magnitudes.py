"""How large a number written as sums, products and powers of numbers is, without computing it.

Contract: total and quick; a float is enough to tell what is too large to compute with exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from ..core.expr import Expr, number

LARGEST_NUMBER = 1e300

_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "add": lambda x, y: x + y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / y,
    "pow": lambda x, y: x**y,
}


def constant_value(e: Expr) -> float | None:
    """Return the value of sums, products and powers of numbers; None of anything else.

    It is infinite where it is too large for a float.

    >>> from symderiv.core.expr import num, power
    >>> constant_value(power(num(2), num(3))), constant_value(power(num(9), num(999)))
    (8.0, inf)
    """
    try:
        if e.op == "num":
            return float(number(e))
        if e.op == "neg":
            value = constant_value(e.args[0])
            return None if value is None else -value
        if e.op not in _ARITHMETIC:
            return None
        values = [constant_value(a) for a in e.args]
        known = [v for v in values if v is not None]
        found = reduce(_ARITHMETIC[e.op], known) if len(known) == len(values) else None
        return found if isinstance(found, float) else None  # a root of -1 is left to others
    except ZeroDivisionError:
        return None
    except OverflowError:
        return float("inf")
