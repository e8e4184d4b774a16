"""Numbers that Python had worked out before they met an array: np.log(2 * np.pi) is a float.

A float that is, to its last bit, the value of a root, a logarithm or a multiple of pi with small
numbers in it is written as that, so that the derivation is about log(2 * pi) and not about
thirteen digits of it. Every other float is the decimal number that Python prints.
"""

from __future__ import annotations

import math
from functools import cache

_SMALL = 8
_LONG = 12  # digits; a shorter number was written as it stands


@cache
def _known() -> dict[float, str]:
    found: dict[float, str] = {math.pi: "pi", math.e: "e"}
    ratios = [
        (a / b, str(a) if b == 1 else f"{a} / {b}")
        for b in range(1, _SMALL + 1)
        for a in range(1, _SMALL + 1)
        if math.gcd(a, b) == 1
    ]
    for ratio, text in ratios:
        times_pi = "pi" if text == "1" else f"{text} * pi"
        for value, inside in (
            (ratio, text),
            (ratio * math.pi, times_pi),
            (ratio / math.pi, f"{text} / pi"),
        ):
            found.setdefault(value, inside)
            found.setdefault(math.sqrt(value), f"sqrt({inside})")
            if value > 1:
                found.setdefault(math.log(value), f"log({inside})")
                found.setdefault(0.5 * math.log(value), f"log({inside}) / 2")
    return found


def written(value: float) -> str:
    """Return the text of a positive number, or of zero.

    >>> written(0.5 * math.log(2 * math.pi)), written(math.sqrt(2 / math.pi)), written(0.125)
    ('log(2 * pi) / 2', 'sqrt(2 / pi)', '0.125')
    """
    text = repr(value)
    return text if len(text) < _LONG else _known().get(value, text)


def is_unexplained(text: str) -> bool:
    """Whether the text of a number has so many digits that nobody wrote it so."""
    return len(text) >= _LONG and text.replace(".", "").replace("e-", "").isdecimal()
