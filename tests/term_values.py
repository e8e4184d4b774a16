"""Values of index terms: arrays of the variables at a point, and NumPy's answer for any term."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from fractions import Fraction
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from symderiv.calculus.simplify import Facts
from symderiv.core.shapes import Dim, symbol
from symderiv.tensor import Function, Scale, Term, factors_of, summands

Array = NDArray[Any]
Dims = tuple[Dim, ...]
Labels = tuple[Hashable, ...]

N, M = symbol("n"), symbol("m")
VARIABLES: dict[str, Dims] = {
    "a": (), "x": (N,), "y": (N,), "v": (M,), "A": (N, N), "S": (N, N), "Q": (N, N), "B": (N, M),
    "Y": (N, M), "T": (N, N, M), "K": (N, N, N),
}  # fmt: skip
FACTS = Facts({"S": ("symmetric",), "Q": ("orthogonal",), "Y": ("onehot",)})
# Values are doubles: what is near 0 by cancelling is no divisor.
LEAST, LARGEST_POWER = 1e-3, 5.0
RELATIVE, ABSOLUTE = 1e-6, 1e-8


def softmax_of(x: Array, slots: tuple[int, ...]) -> Array:
    """Return the softmax along the axes at ``slots``."""
    powers = np.exp(x - x.max())
    return np.asarray(powers / powers.sum(axis=slots, keepdims=True))


ENTRYWISE: dict[str, Callable[[Array], Any]] = {
    "exp": np.exp,
    "log": np.log,
    "sin": np.sin,
    "cos": np.cos,
    "tanh": np.tanh,
    "tan": np.tan,
    "abs": np.abs,
    "sign": np.sign,
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}


def called(function: Function, x: Array, *others: Array) -> Any:
    """Return the value of a call: of what is made here, and of what the rules make of that."""
    if function.name == "softmax":
        return softmax_of(x, cast(tuple[int, ...], function.data))
    if function.name == "where":
        right, yes, no = others
        return np.where(x > right if function.data == ">" else x <= right, yes, no)
    return np.linalg.inv(x) if function.name == "inv" else ENTRYWISE[function.name](x)


class Point:
    """Values of the variables at some sizes, and of any term in them."""

    def __init__(self, seed: int, sizes: Mapping[str, int]) -> None:
        self.sizes = dict(sizes)
        random = np.random.default_rng(seed)
        self.values: dict[str, Array] = {
            name: random.uniform(0.5, 1.5, self.shape(dims)) for name, dims in VARIABLES.items()
        }
        n, m = self.shape((N, M))
        self.values["S"] = self.values["S"] + self.values["S"].T
        self.values["Q"] = np.linalg.qr(random.normal(size=(n, n)))[0]
        self.values["Y"] = np.eye(m)[random.integers(m, size=n)]
        self._memo: dict[Term, Array] = {}

    def shape(self, dims: Dims) -> tuple[int, ...]:
        """Return the shape of an array with these axes."""
        return tuple(d.at(self.sizes) for d in dims)

    def number(self, scale: Scale) -> float:
        """Return the value of a scale."""
        sizes = [float(self.sizes[name]) ** exponent for name, exponent in scale.sizes]
        return float(scale.value) * float(np.prod(sizes))

    def summed(
        self,
        parts: Sequence[tuple[Array, Labels, Fraction]],
        out: Sequence[Hashable],
        dims: Mapping[Hashable, Dim],
    ) -> Array:
        """Return the sum over all labels that are not in ``out`` of a product of entries."""
        number = {label: k for k, label in enumerate(dims)}
        operands: list[Any] = []
        for value, labels, exponent in parts:
            whole = exponent.denominator == 1
            power = value ** (int(exponent) if whole else float(exponent))
            operands += [power, [number[x] for x in labels]]
        for label, dim in dims.items():  # a label of no factor is summed over as well
            operands += [np.ones(dim.at(self.sizes)), [number[label]]]
        if not operands:
            return np.asarray(1.0)
        return np.asarray(np.einsum(*operands, [number[x] for x in out], optimize=len(dims) > 6))

    def at(self, term: Term) -> Array:
        """Return the value of a term, by a walk through it."""
        if term not in self._memo:
            self._memo[term] = np.asarray(self._at(term))
        return self._memo[term]

    def _at(self, term: Term) -> Any:
        if term.kind == "leaf":
            return self.values[str(term.data.data)]
        if term.kind in ("named", "share"):
            return self.at(term.children[0])
        if term.kind in ("delta", "unit"):
            identity = np.eye(term.dims[0].at(self.sizes))
            return identity if term.kind == "delta" else identity[term.data - 1]
        if term.kind == "add":
            return sum(self.number(s) * self.at(body) for s, body in summands(term))
        if term.kind == "call":
            return called(term.data, *map(self.at, term.children))
        assert term.kind == "contract", term.kind
        scale, factors, dims = factors_of(term)
        parts = [(self.at(f.term), f.labels, f.exponent) for f in factors]
        return self.number(scale) * self.summed(parts, range(len(term.dims)), numbered(dims))


def numbered(dims: Dims) -> dict[Hashable, Dim]:
    """Return the axes by the labels 0, 1, .."""
    return dict(enumerate(dims))


def may_have(exponent: Fraction, value: Array) -> bool:
    """Whether a power of every entry is defined, and is no quotient of rounding errors."""
    if exponent.denominator != 1:
        return bool((value > LEAST).all())
    return exponent > 0 or bool((abs(value) > LEAST).all())


def is_invertible(value: Array) -> bool:
    """Whether every matrix on the last two axes is well away from a singular one."""
    return bool((abs(np.linalg.det(value)) > LEAST).all())


def is_small(value: Array) -> bool:
    """Whether the exponential of every entry is of a usual size."""
    return bool((abs(value) < LARGEST_POWER).all())


def is_same(value: Array, wanted: Array) -> bool:
    """Whether two arrays have the same shape and, up to rounding, the same entries."""
    if value.shape != wanted.shape:
        return False
    return bool(np.allclose(value, wanted, RELATIVE, ABSOLUTE * (1 + abs(wanted).max())))


def written(term: Term) -> str:
    """Return a term as it is stored, its contractions with numbered labels."""
    if term.kind == "add":
        return "(" + " + ".join(f"{_front(s)}{written(t)}" for s, t in summands(term)) + ")"
    if term.kind == "contract":
        scale, factors, _ = factors_of(term)
        body = " ".join(
            f"{written(f.term)}[{','.join(map(str, f.labels))}]"
            + (f"^{f.exponent}" if f.exponent != 1 else "")
            for f in factors
        )
        return f"{{{len(term.dims)} axes: {_front(scale)}{body}}}"
    name = {"leaf": term.spelled, "call": getattr(term.data, "name", "")}.get(term.kind, term.kind)
    inside = ", ".join(map(written, term.children))
    return f"{name}({inside})" if term.children else name


def _front(scale: Scale) -> str:
    sizes = "".join(f" {name}^{exponent}" for name, exponent in scale.sizes)
    return "" if scale.is_unit else f"{scale.value}{sizes} "
