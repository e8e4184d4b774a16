"""Products of several arrays: np.einsum, np.tensordot, np.linalg.multi_dot, np.vdot."""

from __future__ import annotations

from functools import reduce
from typing import Any

import numpy as np

from ...core.errors import ShapeError
from ...core.shapes import Dim
from .array import FUNCTIONS, UFUNCS, Traced, operand
from .building import call, matmul, shown
from .traced_nodes import Node
from .user_places import refuse

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def _einsum(subscripts: Any, *arrays: Any, optimize: Any = False) -> Traced:
    if not isinstance(subscripts, str):
        raise refuse("np.einsum with lists of axes", 'write the indices: "ij,jk->ik"')
    nodes = [operand(a) for a in arrays]
    inputs, output = _indices(subscripts.replace(" ", ""), nodes)
    sizes: dict[str, Dim] = {}
    for letters, n in zip(inputs, nodes, strict=True):
        fits = len(letters) == n.rank and all(
            sizes.setdefault(c, d) == d for c, d in zip(letters, n.dims, strict=True)
        )
        if not fits:
            raise refuse(f"np.einsum: {letters!r} does not fit {shown(n.dims)}", "", ShapeError)
    if not set(output) <= set(sizes) or len(set(output)) < len(output):
        raise refuse(f"np.einsum: the indices {output!r} of the result", "name each once")
    arguments = ", ".join(f"{{{k}}}" for k in range(len(nodes)))
    dims = tuple(sizes[c] for c in output)
    made = call(f'einsum("{",".join(inputs)}->{output}", {arguments})', dims, *nodes)
    return arrays[0]._sharing(made) if len(arrays) == 1 else Traced(made)


def _indices(text: str, nodes: list[Node]) -> tuple[list[str], str]:
    """Return the indices of every argument and of the result, those left out written out."""
    left, arrow, output = text.partition("->")
    inputs = left.split(",")
    if len(inputs) != len(nodes):
        raise refuse(
            f"np.einsum: {len(inputs)} lists of indices for {len(nodes)} arrays", "", ShapeError
        )
    spare = [c for c in _LETTERS if c not in text]
    # An ellipsis stands for the axes without a letter, the same last ones in every argument.
    counts = [n.rank - len(i) + 3 for i, n in zip(inputs, nodes, strict=True) if "..." in i]
    dots = "".join(spare[: max(counts, default=0)])
    if any(c < 0 for c in counts):
        raise refuse(f"np.einsum: {left!r} has more indices than axes", "", ShapeError)
    lengths = iter(counts)
    inputs = [
        i.replace("...", dots[len(dots) - next(lengths) :]) if "..." in i else i for i in inputs
    ]
    if arrow:
        return inputs, output.replace("...", dots)
    joined = "".join(inputs)
    once = sorted(c for c in set(joined) if joined.count(c) == 1 and c not in dots)
    return inputs, dots + "".join(once)


def _tensordot(a: Any, b: Any, axes: Any = 2) -> Traced:
    left, right = operand(a), operand(b)
    if type(axes) is int:
        pairs = [(left.rank - axes + k, k) for k in range(axes)]
    else:
        lists = [[x] if type(x) is int else list(x) for x in axes]
        pairs = [(x % left.rank, y % right.rank) for x, y in zip(*lists, strict=True)]
    first = list(_LETTERS[: left.rank])
    second = list(_LETTERS[left.rank : left.rank + right.rank])
    for x, y in pairs:
        second[y] = first[x]
    summed = {first[x] for x, _ in pairs}
    output = "".join(c for c in first + second if c not in summed)
    return _einsum(f"{''.join(first)},{''.join(second)}->{output}", a, b)


def _multi_dot(arrays: Any) -> Traced:
    return Traced(reduce(matmul, map(operand, arrays)))


def _vdot(a: Any, b: Any) -> Traced:
    left, right = (x.ravel() if isinstance(x, Traced) else x for x in (a, b))
    if left.ndim == 0:
        return Traced(UFUNCS["multiply"](left, right))
    return Traced(matmul(left._node, operand(right)))


FUNCTIONS[np.einsum] = _einsum
FUNCTIONS[np.tensordot] = _tensordot
FUNCTIONS[np.linalg.multi_dot] = _multi_dot
FUNCTIONS[np.vdot] = _vdot
