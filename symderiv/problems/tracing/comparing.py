"""Comparisons: of sizes, which are decided, and of entries, which np.where takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...core.shapes import Dim
from .array import EQUAL, UFUNCS, Condition, Traced, operand
from .building import entrywise, number
from .traced_sizes import compared
from .user_places import refuse

_SIGNS = {"greater": ">", "less": "<", "greater_equal": ">=", "less_equal": "<="}


def two_sizes(a: Any, b: Any) -> tuple[Dim, Dim] | None:
    """Return two operands as sizes, where each is a size or an integer that is not negative."""
    first, second = (
        x._node.size if isinstance(x, Traced) else Dim(x, ()) if type(x) is int and x >= 0 else None
        for x in (a, b)
    )
    return None if first is None or second is None else (first, second)


def _ordered(sign: str) -> Callable[[Any, Any], Any]:
    def build(a: Any, b: Any) -> Any:
        sizes = two_sizes(a, b)
        if sizes is None:
            return Condition(operand(a), sign, operand(b))
        first, second = sizes if ">" in sign else sizes[::-1]
        return compared(first, sign.replace("<", ">"), second)

    return build


def _equal(a: Any, b: Any) -> Any:
    sizes = two_sizes(a, b)
    return compared(sizes[0], "==", sizes[1]) if sizes else _distance(a, "<=", b)


def _unequal(a: Any, b: Any) -> Any:
    sizes = two_sizes(a, b)
    return not compared(sizes[0], "==", sizes[1]) if sizes else _distance(a, ">", b)


def _distance(a: Any, sign: str, b: Any) -> Condition:
    """Return a == b as |a - b| <= 0, and a != b as |a - b| > 0."""
    if any(isinstance(x, Condition) for x in (a, b)):
        raise refuse("a comparison of truth values", "compare the numbers themselves")
    left, right = operand(a), operand(b)
    is_zero = not right.args and right.column in ("0", "0.0")
    between = left if is_zero else entrywise("{0} - {1}", left, right)
    return Condition(entrywise("abs({0})", between), sign, number("0"))


def _truth(x: Any) -> Condition:
    if not isinstance(x, Condition):
        raise refuse("an operation of truth values on numbers", "compare first: (x > 0) & (y < 1)")
    return x


def _joined(template: str) -> Callable[[Any, Any], Condition]:
    """Return a condition made of two, which are numbers 0 and 1."""

    def build(a: Any, b: Any) -> Condition:
        both = entrywise(template, _truth(a)._node, _truth(b)._node)
        return Condition(both, ">", number("0"))

    return build


def _negated(a: Any) -> Condition:
    condition = _truth(a)
    return Condition(condition._left, _OPPOSITE[condition._sign], condition._right)


_OPPOSITE = {">": "<=", "<=": ">", "<": ">=", ">=": "<"}

for _name, _sign in _SIGNS.items():
    UFUNCS[_name] = _ordered(_sign)
UFUNCS.update(logical_and=_joined("{0} * {1}"), logical_or=_joined("{0} + {1}"))
UFUNCS.update(bitwise_and=UFUNCS["logical_and"], bitwise_or=UFUNCS["logical_or"])
UFUNCS.update(logical_not=_negated, invert=_negated)
UFUNCS.update(equal=_equal, not_equal=_unequal)
EQUAL += [_equal, _unequal]
