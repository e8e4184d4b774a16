"""Slips as people make them, on the formula of a gradient: one table entry for each kind.

A mutation proposes changed formulas; ``numeric_values`` says which of them have another value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from formulas import Place, at, everywhere, places, put, without

from symderiv.claims.edits import exchange
from symderiv.core.expr import (
    Expr,
    column,
    entry,
    neg,
    node,
    num,
    row,
    transpose,
)
from symderiv.core.shapes import ONE, SCALAR, Dim
from symderiv.derivation.derivations import Gradient
from symderiv.derivation.narration.entry_forms import Letters
from symderiv.ops.entrywise import ENTRYWISE
from symderiv.problems import Problem

NUMBERS = ("num", "size", "const")
FUNCTIONS = {*ENTRYWISE, "apply", "softmax"}
LINEAR = ("add", "neg", "mul", "matmul", "transpose", "div", "sum", "mean", "trace")


@dataclass(frozen=True)
class Asked:
    """A gradient of a problem, and what a formula of the problem may use."""

    problem: Problem
    result: Gradient

    @property
    def truth(self) -> Expr:
        return self.result.expr

    @property
    def is_matrix(self) -> bool:
        """Whether an entry of the gradient has two indices."""
        return len(self.truth.shape) == 2 and ONE not in self.truth.shape

    @property
    def entry(self) -> tuple[str, str]:
        """Return the letters of the entry that the index form gives."""
        p, q = Letters(self.result.derivation.problem.taken).targets(2)
        return p, q

    def letter(self, used: tuple[str, ...] = ()) -> str:
        """Return an index that means nothing in the problem yet."""
        taken = {*self.problem.known(), *self.problem.dims, *used}
        return next(i for i in "ijrstuvw" if i not in taken)


Mutate = Callable[[Asked], list[Expr]]


@dataclass(frozen=True)
class Slip:
    """One kind of slip: how it is made, and what this program may call it."""

    mutate: Mutate
    names: tuple[str, ...]
    about: str = "gradient"  # or "entry"


def is_linear(x: Expr, place: Place) -> bool:
    """Whether what stands at a place enters the formula linearly."""
    for k, step in enumerate(place):
        e = at(x, place[:k])
        if e.op not in LINEAR or (e.op == "div" and step == 1):
            return False
    return True


def _transposed(a: Asked) -> list[Expr]:
    def change(e: Expr) -> Iterator[Expr]:
        if e.op == "matmul":
            for k, f in enumerate(e.args):
                yield put(e, (k,), transpose(f))

    whole = [] if a.truth.is_scalar else [transpose(a.truth)]
    return [*whole, *everywhere(a.truth, change)]


def _swapped(a: Asked) -> list[Expr]:
    def change(e: Expr) -> Iterator[Expr]:
        if e.op == "matmul":
            for k in range(len(e.args) - 1):
                args = (*e.args[:k], e.args[k + 1], e.args[k], *e.args[k + 2 :])
                yield node("matmul", args, e.shape)

    return everywhere(a.truth, change)


def _term_left_out(a: Asked) -> list[Expr]:
    def change(e: Expr) -> Iterator[Expr]:
        if e.op == "add":
            yield from (without(e, k) for k in range(len(e.args)))

    return everywhere(a.truth, change)


def _one_row(a: Asked) -> list[Expr]:
    """One row, column or entry for the sum over all of them."""
    i = a.letter()
    j = a.letter((i,))

    def change(e: Expr) -> Iterator[Expr]:
        if e.op == "sum" and len(e.args[0].shape) == 2:
            x = e.args[0]
            if e.data is None:
                yield entry(x, i, j)
            else:
                yield row(x, i) if e.data == 0 else column(x, i)
        if e.op == "matmul" and all(len(f.shape) == 2 for f in e.args):
            for k in range(1, len(e.args)):
                left, right = _product(e.args[:k]), _product(e.args[k:])
                if left.shape[-1] != ONE:
                    yield node("matmul", (_column(left, i), row(right, i)), e.shape)

    return everywhere(a.truth, change, lambda p: is_linear(a.truth, p))


def _column(x: Expr, i: str) -> Expr:
    return transpose(row(x.args[0], i)) if x.op == "transpose" else column(x, i)


def _size(name: str) -> Expr:
    return node("size", (), SCALAR, Dim(1, (name,)))


def _sum_for_mean(a: Asked) -> list[Expr]:
    def change(e: Expr) -> Iterator[Expr]:
        if e.op in ("sum", "mean"):
            yield node("mean" if e.op == "sum" else "sum", e.args, e.shape, e.data)
        if e.op == "div":
            if e.args[1].op == "size":
                yield e.args[0]
            if e.args[1].op == "mul":
                for k, f in enumerate(e.args[1].args):
                    if f.op == "size":
                        yield node("div", (e.args[0], without(e.args[1], k)), e.shape)

    divided = [node("div", (a.truth, _size(d)), a.truth.shape) for d in a.problem.dims]
    linear = everywhere(a.truth, change, lambda p: is_linear(a.truth, p))
    return [*divided, *linear, *linear]


def _factor_of_two(a: Asked) -> list[Expr]:
    two, half = num(2), num(Fraction(1, 2))

    def change(e: Expr) -> Iterator[Expr]:
        if e.op == "mul":
            for k, f in enumerate(e.args):
                if f.op == "num":
                    yield without(e, k)
        if e.op == "div" and e.args[1].op == "num":
            yield e.args[0]
        if e.op == "add":
            for k, t in enumerate(e.args):
                yield put(e, (k,), _times(two, t))

    x = a.truth
    return [_times(two, x), _times(half, x), node("div", (x, two), x.shape), *everywhere(x, change)]


def _times(a: Expr, b: Expr) -> Expr:
    return node("mul", (a, b), b.shape)


def _sign(a: Asked) -> list[Expr]:
    def change(e: Expr) -> Iterator[Expr]:
        if e.op == "add":
            for k, t in enumerate(e.args):
                yield put(e, (k,), neg(t))

    return [neg(a.truth), *everywhere(a.truth, change)]


def _factor_left_out(a: Asked) -> list[Expr]:
    """A factor of a product dropped: a derivative, a matrix of the chain, a denominator."""

    def change(e: Expr) -> Iterator[Expr]:
        if e.op in ("mul", "matmul"):
            for k, f in enumerate(e.args):
                if f.op not in NUMBERS:
                    yield without(e, k)
        if e.op == "div" and e.args[1].op not in NUMBERS:
            yield e.args[0]

    return everywhere(a.truth, change)


def _at_the_output(a: Asked) -> list[Expr]:
    """A derivative taken at the value of the function, or at another stage, not at its input."""
    stages = [e for n, e in a.problem.known().items() if n in a.problem.definitions]

    def change(e: Expr) -> Iterator[Expr]:
        if e.op in FUNCTIONS and len(e.args) == 1 and not e.args[0].is_scalar:
            yield node(e.op, (e,), e.shape, e.data)
        if e.op == "named" and e.args[0].op in FUNCTIONS and e.args[0].args[0].shape == e.shape:
            yield e.args[0].args[0]
        if e.op == "named":
            for s in stages:
                if s.args[0].op in FUNCTIONS and s.args[0].args[0] is e:
                    yield s

    return everywhere(a.truth, change)


def _entrywise(a: Asked) -> list[Expr]:
    """An entrywise product for a matrix product, and the other way round."""

    def change(e: Expr) -> Iterator[Expr]:
        if e.op == "matmul":
            for k in range(1, len(e.args)):
                yield node("mul", (_product(e.args[:k]), _product(e.args[k:])), e.shape)
        if e.op == "mul":
            big = [f for f in e.args if not f.is_scalar]
            small = [f for f in e.args if f.is_scalar]
            for k in range(1, len(big)):
                left, right = _entries(big[:k]), _entries(big[k:])
                product = node("matmul", (left, right), e.shape)
                yield node("mul", (*small, product), e.shape) if small else product

    return everywhere(a.truth, change)


def _entries(factors: list[Expr]) -> Expr:
    return factors[0] if len(factors) == 1 else node("mul", tuple(factors), factors[0].shape)


def _product(factors: tuple[Expr, ...]) -> Expr:
    if len(factors) == 1:
        return factors[0]
    return node("matmul", factors, (factors[0].shape[-2], factors[-1].shape[-1]))


def _other_variable(a: Asked) -> list[Expr]:
    known = list(a.problem.known().values())

    def change(e: Expr) -> Iterator[Expr]:
        if e.op in ("var", "named"):
            yield from (o for o in known if o is not e and o.shape == e.shape)

    return everywhere(a.truth, change)


def _indices_swapped(a: Asked) -> list[Expr]:
    if not a.is_matrix:
        return []
    p, q = a.entry
    found = exchange(a.result.index_expr, p, q)
    return [found] if found is not None else []


def _along_the_other_axis(a: Asked) -> list[Expr]:
    """A sum along the wrong axis, a row for a column or a column for a row."""

    def change(e: Expr) -> Iterator[Expr]:
        if e.data in (0, 1) and e.op in ("sum", "mean", "softmax"):
            yield node(e.op, e.args, e.shape, 1 - int(str(e.data)))
        if e.op in ("add", "mul", "div") and e.shape != SCALAR:
            for k, f in enumerate(e.args):
                if ONE in f.shape and f.shape not in (SCALAR, e.shape):
                    yield put(e, (k,), transpose(f))

    return everywhere(a.truth, change)


def _reduced(a: Asked) -> list[Expr]:
    """A sum or trace that stayed, though its derivative was taken."""
    x = a.truth

    def change(e: Expr) -> Iterator[Expr]:
        if not e.is_scalar and e.op not in NUMBERS and len(e.shape) == 2:
            yield node("sum", (e,), SCALAR)
            if e.shape[0] == e.shape[1]:
                yield node("trace", (e,), SCALAR)

    whole = list(change(x))
    axes = [node("sum", (x,), x.shape, k) for k in (0, 1) if not x.is_scalar]
    factors = [
        put(x, p, there)
        for p in places(x)
        if p and at(x, p[:-1]).op == "mul" and is_linear(x, p)
        for there in change(at(x, p))
    ]
    return [*whole, *axes, *factors]


SLIPS: dict[str, Slip] = {
    "transposed": Slip(_transposed, ("transposed", "factor-order")),
    "factors swapped": Slip(_swapped, ("factor-order", "transposed")),
    "term missing": Slip(_term_left_out, ("missing-term",)),
    "one row for the sum": Slip(_one_row, ("missing-sum",)),
    "sum for mean": Slip(_sum_for_mean, ("sum-vs-mean",)),
    "factor 2": Slip(_factor_of_two, ("missing-factor", "extra-factor")),
    "sign": Slip(_sign, ("sign",)),
    "factor missing": Slip(_factor_left_out, ("chain-factor", "missing-factor")),
    "at the output": Slip(_at_the_output, ("chain-factor", "wrong-argument")),
    "entrywise": Slip(_entrywise, ("elementwise",)),
    "wrong variable": Slip(_other_variable, ("wrong-variable",)),
    "index pair": Slip(_indices_swapped, ("index-swap",), "entry"),
    "wrong axis": Slip(_along_the_other_axis, ("broadcasting", "transposed")),
    "sum not dropped": Slip(_reduced, ("extra-sum", "extra-trace")),
}
