"""What people call the gradient that is given: dout, grad_output, upstream, delta, next_dz.

Contract: words alone. Whether a name is taken by something else is for the caller to see.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

# These mean the given gradient even beside an intermediate called out or output.
_OF_THE_OUTPUT = {
    "dout", "d_out", "grad_out", "grad_output", "out_grad", "output_grad", "upstream",
    "upstream_grad", "upstream_gradient",
}  # fmt: skip
_WORDS = {
    "dnext", "d_next", "grad", "grads", "gradient", "gradients", "delta", "deltas", "error",
    "errors", "err", "cotangent", "seed", "adjoint", "dvalues", "gy", "gz", "gout", "g_out",
    "topdiff",
}  # fmt: skip
_SHAPES = re.compile(
    r"(grad|gradient|upstream|top|next|accum|incoming|backprop|error|delta|output)_\w+"
    r"|\w+_(grad|gradient|gradients|diff|delta|error|bar|cotangent)"
    r"|d[A-Z]\w*|d_\w+|d[a-z]\d?|d[a-z]_\w+|d(loss|cost)_?d?_?\w*|d[lj]_?d\w+"
)
# How people call the gradient with respect to what stands for {}, as a key or a variable.
GRADIENT_SPELLINGS = ("d{}", "grad_{}", "{}_grad", "dL/d{}", "dL_d{}", "d_{}", "grad{}", "g{}")
_DERIVED = ("d{}", "d_{}", "grad_{}", "{}_grad", "dL_d{}", "dLd{}", "dL{}", "delta_{}", "{}_delta")


def is_upstream_word(name: str) -> bool:
    """Whether a name is one that people give to the gradient that comes from above.

    >>> [n for n in ("dout", "grad_y", "next_dz", "dLdy", "top_diff", "mask") if
    ...  is_upstream_word(n)]
    ['dout', 'grad_y', 'next_dz', 'dLdy', 'top_diff']
    """
    known = name.lower() in _WORDS or is_of_the_output(name)
    return known or _SHAPES.fullmatch(name) is not None


def is_of_the_output(name: str) -> bool:
    """Whether a name means the gradient from above, whatever a local variable is called."""
    return name.lower() in _OF_THE_OUTPUT


def derived_from(name: str, names: Iterable[str]) -> str | None:
    """Return of which of some names another says the gradient: Z for dZ, grad_Z, Z_grad.

    >>> derived_from("grad_Z", ["X", "Z"]), derived_from("dout", ["Z"])
    ('Z', None)
    """
    return next((n for n in names if name in [d.format(n) for d in _DERIVED]), None)


def names_of_gradient(word: str) -> list[str]:
    """Return what a word may say the gradient of, by its spelling.

    >>> names_of_gradient("dW"), names_of_gradient("b_grad"), names_of_gradient("W")
    (['W'], ['b'], [])
    """
    found = []
    for before, after in (s.split("{}") for s in GRADIENT_SPELLINGS):
        inner = word.removeprefix(before).removesuffix(after)
        if inner and word == f"{before}{inner}{after}":
            found.append(inner)
    return found
