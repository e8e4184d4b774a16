"""Takes a claim that is wrong in general; yields assumptions under which it may be right.

Contract: proposes only, the likeliest first; whether a claim is right under one is decided by
evaluation at points that satisfy it (see ``deciding``). An assumption that would excuse a slip is
not proposed: a forgotten derivative of relu is no claim about positive inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import chain, combinations, pairwise, product

from ..core.errors import LanguageError
from ..core.expr import Expr, Variable, transpose, walk, walk_all
from ..core.shapes import Dim
from ..derivation.derivations import is_network
from ..ops import TABLE
from ..ops.exact_work import minors
from ..problems import Problem
from .reading import read_claim


@dataclass(frozen=True, slots=True)
class Assumption:
    """What is assumed, in words, and how points are made to satisfy it."""

    words: str
    properties: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # further ones
    equal: tuple[tuple[Dim, Dim], ...] = ()  # sizes taken as equal
    fixed: Mapping[str, Expr] = field(default_factory=dict)  # variables that equal an expression
    ordered: tuple[str, ...] = ()  # sizes of which none is smaller than the next

    def allows(self, sizes: Mapping[str, int]) -> bool:
        """Whether sizes are in the order that is assumed."""
        return all(sizes[a] >= sizes[b] for a, b in pairwise(self.ordered))


NOTHING = Assumption("")
Proposer = Callable[["Claimed"], Iterator[Assumption]]


@dataclass(frozen=True)
class Claimed:
    """A claim, the truth, and the variables that either mentions."""

    problem: Problem
    claimed: Expr
    truth: Expr
    wrt: str

    def used(self) -> Iterator[Variable]:
        """Yield the variables that the two sides mention."""
        # Of a network, what the formulas show: what is assumed of a weight inside is no excuse.
        deep = is_network(self.problem)
        leave = Expr.is_name if deep else None
        sides = (self.claimed, self.truth)
        names = {e.data for x in sides for e in walk(x, leave) if e.is_variable}
        yield from (v for v in self.problem.variables.values() if v.name in names)

    def data(self) -> Iterator[Variable]:
        """Yield the used variables that are not differentiated by."""
        yield from (v for v in self.used() if v.name != self.wrt)

    def smooth(self) -> Iterator[Variable]:
        """Yield the data that are inside no function with a kink.

        Entries that are never negative would excuse a kink's derivative that was left out.
        """
        yield from (v for v in self.data() if v.name not in self.kinked)

    def mentioned(self) -> Iterator[Variable]:
        """Yield the smooth data that the claim mentions: what it leaves out was forgotten."""
        names = {e.data for e in walk(self.claimed) if e.is_variable}
        yield from (v for v in self.smooth() if v.name in names)

    def given(self) -> Iterator[Variable]:
        """Yield the gradients that come in."""
        yield from (Variable(g, x.shape, "matrix") for g, x in self.problem.upstream.items())

    @cached_property
    def kinked(self) -> frozenset[str]:
        """The variables inside a function with a kink."""
        return _inside(
            self.problem.objective, lambda e: e.args if TABLE[e.op].pieces in _KINKS else ()
        )

    @cached_property
    def dividing(self) -> frozenset[str]:
        """The variables that something is divided by."""
        sides = (self.problem.objective, self.claimed, self.truth)
        return frozenset().union(*(_inside(x, _divisors) for x in sides))

    def square(self, variables: Iterator[Variable]) -> Iterator[Variable]:
        """Yield the square matrices among some variables."""
        yield from filter(is_square, variables)


def is_square(v: Variable) -> bool:
    """Whether a variable is a square matrix."""
    return v.kind == "matrix" and len(v.shape) == 2 and v.shape[0] == v.shape[1]


def _inside(x: Expr, parts: Callable[[Expr], Sequence[Expr]]) -> frozenset[str]:
    """Return the variables inside some parts of an expression."""
    found = walk_all([a for e in walk(x) for a in parts(e)])
    return frozenset(str(e.data) for e in found if e.is_variable)


def _divisors(e: Expr) -> Sequence[Expr]:
    if e.is_power:
        k = e.args[1].data
        return () if isinstance(k, Fraction) and k > 0 else e.args
    return {"div": e.args[1:], "inv": e.args, "log": e.args, "solve": e.args[:1]}.get(e.op, ())


def _having(words: str, property_: str) -> Callable[[Variable], Assumption]:
    return lambda v: Assumption(words.format(v.name), {v.name: (property_,)})


def _symmetric(c: Claimed) -> Iterator[Assumption]:
    square = c.square(chain(c.used(), c.given()))
    yield from map(_having("{} is symmetric", "symmetric"), square)


def _all_symmetric(c: Claimed) -> Iterator[Assumption]:
    for pair in combinations(c.square(c.used()), 2):
        names = [v.name for v in pair]
        yield Assumption(
            f"{names[0]} and {names[1]} are symmetric", dict.fromkeys(names, ("symmetric",))
        )


def _is_likelihood(c: Claimed) -> bool:
    """Whether the objective has a logarithm, so that data may be labels or probabilities."""
    return any(TABLE[e.op].is_logarithm for e in walk(c.problem.objective))


def _rows(c: Claimed) -> Iterator[Assumption]:
    """Labels and weights: entries that sum to one, row by row or column by column."""
    for v in c.smooth() if _is_likelihood(c) else ():
        if v.kind == "vector":
            yield _having("the entries of {} sum to 1", "sums_to_one")(v)
        elif v.kind == "matrix" and len(v.shape) == 2:
            yield _having("every row of {} sums to 1", "sums_to_one")(v)
            yield _having("every column of {} sums to 1", "columns_sum_to_one")(v)


def _entries(c: Claimed) -> Iterator[Assumption]:
    for v in c.mentioned():
        if v.name not in c.dividing:
            yield _having("the entries of {} are 0 or 1", "binary")(v)
        yield _having("the entries of {} are 1 or -1", "pm1")(v)


def _onehot(c: Claimed) -> Iterator[Assumption]:
    for v in c.mentioned() if _is_likelihood(c) else ():
        if v.name in c.dividing:
            continue
        if v.kind == "vector":
            yield _having("{} is one-hot", "onehot")(v)
        elif v.kind == "matrix" and len(v.shape) == 2:
            yield _having("the rows of {} are one-hot", "onehot")(v)
            yield _having("the columns of {} are one-hot", "onehot_cols")(v)


def _equal_sizes(c: Claimed) -> Iterator[Assumption]:
    for a, b in combinations(c.problem.dims, 2):
        yield Assumption(f"{a} = {b}", equal=((Dim(1, (a,)), Dim(1, (b,))),))


def _particular_size(c: Claimed) -> Iterator[Assumption]:
    """A number in the claim: a size may have been written as one, perhaps with a factor 2."""
    exponents = {e.args[1] for e in walk(c.claimed) if e.is_power}
    written = [e.data for e in walk(c.claimed) if e.is_number and e not in exponents]
    parts = {abs(p) for x in written if isinstance(x, Fraction) for p in x.as_integer_ratio()}
    sizes = sorted({p * k for p in parts for k in (1, 2)} - {0, 1})
    kept = {d for e in walk(c.claimed) if isinstance(e.data, Dim) for d in e.data.names}
    for d, k in product(c.problem.dims, sizes):
        if k <= _LARGEST and d not in kept:
            yield Assumption(f"{d} = {k}", equal=((Dim(1, (d,)), Dim(k)),))


def _full_rank(c: Claimed) -> Iterator[Assumption]:
    """Matrices with at least as many rows as columns, or the reverse, where one is inverted."""
    if any(TABLE[e.op].work is minors for e in walk(c.claimed)):
        shapes = {v.written[-2:]: None for v in c.used() if v.kind == "matrix"}
        for a, b in (pair for shape in shapes for pair in (shape, shape[::-1])):
            if a != b and all(d.symbols == d.names and len(d.names) == 1 for d in (a, b)):
                yield Assumption(f"{a} >= {b}", ordered=(a.symbols[0], b.symbols[0]))


def _statistics(c: Claimed) -> Iterator[Assumption]:
    """A variable that stands for a statistic of another: mu for mean(x)."""
    for v in c.used():
        for other in c.problem.variables.values():
            if other.name != v.name and len(other.shape) == 2 and other.kind != "scalar":
                yield from _statistic(c.problem, v, other, c.kinked)


def _statistic(
    problem: Problem, v: Variable, of: Variable, kinked: frozenset[str]
) -> Iterator[Assumption]:
    places = ("",) if of.kind == "vector" else ("", ", axis=0", ", axis=1")
    # A variance is positive: the derivative of a kink is no more forgotten for that.
    words = ("mean", "sum") if v.name in kinked else ("mean", "var", "sum")
    for word, place in product(words, places):
        text = f"{word}({of.name}{place})"
        try:
            value = read_claim(problem, text).expr
        except LanguageError:  # the word is a variable's name
            continue
        turned = value if value.shape == v.shape else transpose(value)
        if turned.shape == v.shape:
            yield Assumption(f"{v.name} = {text}", fixed={v.name: turned})


def _positive(c: Claimed) -> Iterator[Assumption]:
    """Signs that were left out; not kinks, whose derivative must not be forgotten."""
    if all(TABLE[e.op].pieces != "sign" for e in walk_all([c.problem.objective, c.truth])):
        return
    free = (v for v in c.used() if v.name not in c.kinked)
    used = [v for v in free if "positive" not in v.properties]
    for v in used:
        yield _having("the entries of {} are positive", "positive")(v)
    for a, b in combinations(used, 2):
        words = f"the entries of {a.name} and {b.name} are positive"
        yield Assumption(words, dict.fromkeys((a.name, b.name), ("positive",)))


_LARGEST = 12  # exact arithmetic at larger sizes takes long
_KINKS = ("zero", "order", "bounds", "largest")  # of branches; signs may be left out


def _special(c: Claimed) -> Iterator[Assumption]:
    for name, word in (
        ("diagonal", "diagonal"),
        ("idempotent", "idempotent"),
        ("projection", "symmetric and idempotent"),
        ("orthogonal", "orthogonal"),
        ("skew", "skew-symmetric"),
    ):
        # An inverse written for a transpose is a slip, not a claim about orthogonal matrices.
        if name != "orthogonal" or not any(e.op == "inv" for e in walk(c.claimed)):
            free = (v for v in c.data() if not _EXCLUDED[name] & {*v.properties})
            yield from map(_having("{} is " + word, name), c.square(free))


def _lengths(c: Claimed) -> Iterator[Assumption]:
    for v in c.used():
        if v.kind == "vector":
            yield _having("{} has length 1", "normalized")(v)


_SIGNS = {"positive", "binary", "onehot", "onehot_cols", "unit01", "count", "sums_to_one"}
_TRIANGLES = {"lower", "upper", "diagonal", "spd"}
# Declared properties with which there are no such matrices, or next to none.
_EXCLUDED: dict[str, set[str]] = {
    "diagonal": _SIGNS,
    "idempotent": _SIGNS | _TRIANGLES | {"symmetric", "skew", "orthogonal", "invertible"},
    "projection": _SIGNS | _TRIANGLES | {"skew", "orthogonal", "invertible"},
    "orthogonal": _SIGNS | _TRIANGLES,
    "skew": _SIGNS | _TRIANGLES | {"symmetric", "orthogonal"},
}


# A weaker assumption stands before those that imply it.
PROPOSERS: tuple[Proposer, ...] = (
    _full_rank,
    _symmetric,
    _rows,
    _positive,
    _entries,
    _onehot,
    _equal_sizes,
    _particular_size,
    _statistics,
    _special,
    _lengths,
    _all_symmetric,
)


def assumptions(problem: Problem, claimed: Expr, truth: Expr, wrt: str) -> Iterator[Assumption]:
    """Yield what might be assumed, likeliest first."""
    asked = Claimed(problem, claimed, truth, wrt)
    for propose in PROPOSERS:
        yield from propose(asked)
