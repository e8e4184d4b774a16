"""Reads the slopes that entries state; tells which are one call, and which functions they hold.

>>> ("sin", "cos") in DERIVED, ("cos", "sin") in DERIVED, "tanh" in IN_SLOPES, "log" in IN_SLOPES
(True, False, True, False)
"""

from __future__ import annotations

import re

from . import TABLE

_CALL = re.compile(r"(\w+)\(x\b[^()]*\)")
_HEAD = re.compile(r"(\w+)\(")

# Functions with another function of the same argument for their derivative.
DERIVED = {
    (op.name, found[1])
    for op in TABLE.values()
    if (found := _CALL.fullmatch(op.slope)) and found[1] != op.name
}
IN_SLOPES = {name for op in TABLE.values() for name in _HEAD.findall(op.slope)}
