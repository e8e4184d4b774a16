"""Random index terms beside their values: the canonical form, the rules and the matrix form.

A pool of terms grows from variables. Every new term is made twice from terms of the pool: by the
constructors of index terms, and by NumPy from the values of the parts. What the term is worth when
it is walked through, what it is worth simplified, and the code of its matrix form must all give
the value that NumPy found. Half of the terms are random; the others are motifs, products to which
a rule of simplification nearly or really applies.

``python tests/random_terms.py SEED N M`` repeats one seed and says what is wrong.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from fractions import Fraction
from random import Random
from typing import NamedTuple

import numpy as np
from term_values import (
    ENTRYWISE,
    FACTS,
    VARIABLES,
    Array,
    Dims,
    Labels,
    M,
    N,
    Point,
    called,
    is_invertible,
    is_same,
    is_small,
    may_have,
    numbered,
    softmax_of,
    written,
)

from symderiv.calculus.matrixform.raising import Raiser
from symderiv.calculus.matrixform.walking import shape_of
from symderiv.calculus.simplify import Simplifier
from symderiv.codegen.evaluation import evaluate
from symderiv.core.errors import MissingRuleError
from symderiv.core.expr import var
from symderiv.core.scale import UNIT_SCALE
from symderiv.core.shapes import SCALAR, Dim
from symderiv.ops.base import Pointwise
from symderiv.ops.entrywise import WhereCall
from symderiv.ops.inverses import InvCall, inverse
from symderiv.ops.softmax import softmax
from symderiv.ops.text import text
from symderiv.tensor import (
    Factor,
    Scale,
    Term,
    add,
    call,
    constant,
    contract,
    delta,
    is_symmetric,
    leaf,
    monomial,
    scaled,
    share,
    unit,
)

LABELS = {N: "ijk", M: "pq"}
ONE = Fraction(1)
EXPONENTS = [ONE] * 8 + [Fraction(k, 2) for k in (-4, -3, -2, -1, 1, 4, 6)]
NUMBERS = [ONE, ONE, ONE, -ONE, 2 * ONE, ONE / 2]
AXES = 3  # of a random term, at most
STEPS = 14  # terms that are tried from one seed
LARGEST, SMALLEST = 1e5, 1e-6  # of the entry of a value that is farthest from 0


class Known(NamedTuple):
    """A term and its value, found without it."""

    term: Term
    value: Array

    @property
    def dims(self) -> Dims:
        """Return the dimensions of the axes."""
        return self.term.dims


class Part(NamedTuple):
    """One factor of a product, its axes without labels."""

    known: Known
    exponent: Fraction = ONE


class Found(NamedTuple):
    """How many terms of a seed were checked, how many have no answer, and what is wrong."""

    checked: int
    refused: int
    wrong: str


# Terms -------------------------------------------------------------------------------------------


class UnusableError(Exception):
    """A draw that has no value, or none that doubles can tell from another."""


class Grower:
    """Makes terms from terms, each beside its value."""

    def __init__(self, seed: int, point: Point) -> None:
        self.random = Random(seed)
        self.point = point
        self.pool: list[Known] = []
        for name, dims in VARIABLES.items():
            shape = (*dims, *SCALAR)[: max(2, len(dims))]
            self.pool.append(Known(leaf(var(name, shape), dims), point.values[name]))
        self.pool += [Known(t, point.at(t)) for t in (delta(N), unit(1, N))]

    def grow(self) -> Known:
        """Return a new term; raises UnusableError, and MissingRuleError where none can be made."""
        made = self.random.choices(WAYS, WEIGHTS)[0](self)
        largest = abs(made.value).max()
        if not np.isfinite(made.value).all() or largest > LARGEST or 0 < largest < SMALLEST:
            raise UnusableError
        return made

    def drawn(self, is_wanted: Callable[[Known], bool] = lambda _: True) -> Known:
        """Return some term of the pool; raises UnusableError where none is of the wanted kind."""
        found = [k for k in self.pool if is_wanted(k)]
        if not found:
            raise UnusableError
        return self.random.choice(found)

    def chance(self, probability: float) -> bool:
        """Return True that often."""
        return self.random.random() < probability

    def labelled(self, dims: Dims) -> Labels:
        """Return random labels, which may repeat."""
        return tuple(self.random.choice(LABELS[d]) for d in dims)

    def kept(self, labels: Sequence[Hashable], probability: float) -> list[Hashable]:
        """Return some of the labels in any order: the axes of a product."""
        out = [x for x in labels if self.chance(probability)][:AXES]
        self.random.shuffle(out)
        return out

    def summed(
        self,
        parts: Sequence[tuple[Part, Labels]],
        out: Sequence[Hashable],
        dims: Mapping[Hashable, Dim],
        scale: Scale,
    ) -> Known:
        """Return a contraction; raises UnusableError where a power is not defined."""
        if not all(may_have(p.exponent, p.known.value) for p, _ in parts):
            raise UnusableError
        factors = [Factor(p.known.term, labels, p.exponent) for p, labels in parts]
        values = [(p.known.value, labels, p.exponent) for p, labels in parts]
        value = self.point.number(scale) * self.point.summed(values, out, dims)
        return Known(contract(factors, out, dict(dims), scale), value)

    def product(
        self, parts: Sequence[Part], probability: float, scale: Scale = UNIT_SCALE
    ) -> Known:
        """Return a product with random labels, each summed over or an axis."""
        labels = [self.labelled(p.known.dims) for p in parts]
        dims = {
            x: d for p, some in zip(parts, labels, strict=True)
            for x, d in zip(some, p.known.dims, strict=True)
        }  # fmt: skip
        if self.chance(0.1):
            dims["i"] = N  # which no factor may have
        out = self.kept(list(dims), probability)
        return self.summed(list(zip(parts, labels, strict=True)), out, dims, scale)

    def apply(self, name: str, known: Known) -> Known:
        """Return a function of every entry; raises UnusableError outside its domain."""
        if name == "log" and not may_have(ONE / 2, known.value):
            raise UnusableError
        if name in ("exp", "sigmoid") and not is_small(known.value):
            raise UnusableError
        if name == "sign" and not may_have(-ONE, known.value):
            raise UnusableError
        value = np.asarray(ENTRYWISE[name](known.value))
        return Known(Pointwise(known.term).apply(name).term, value)

    def half(self, known: Known, sign: str) -> Known:
        """Return 1 where an entry is positive, or where it is not, else 0."""
        if not may_have(-ONE, known.value):
            raise UnusableError
        none = Known(constant(Scale(0 * ONE), known.dims), 0 * known.value)
        yes, no = (self.ones(known.dims), none)[:: 1 if sign == ">" else -1]
        function = WhereCall(">")
        parts = (known, none, yes, no)
        term = call(function, tuple(k.term for k in parts), known.dims)
        return Known(term, called(function, *(k.value for k in parts)))

    def times(self, number: Fraction | int, known: Known) -> Known:
        """Return a multiple."""
        return Known(scaled(known.term, Scale(Fraction(number))), float(number) * known.value)

    def plus(self, *known: Known) -> Known:
        """Return a sum."""
        return Known(add([k.term for k in known]), np.asarray(sum(k.value for k in known)))

    def spread(self, known: Known) -> Known:
        """Return a term repeated along one more axis, now and then."""
        if len(known.dims) == AXES or self.chance(0.6):
            return known
        axes = tuple(range(len(known.dims)))
        dims = numbered((*known.dims, N))
        return self.summed([(Part(known), axes)], tuple(dims), dims, UNIT_SCALE)

    def ones(self, dims: Dims) -> Known:
        """Return ones."""
        return Known(constant(UNIT_SCALE, dims), np.ones(self.point.shape(dims)))

    def monomial(self, *parts: Part) -> Known:
        """Return a product of powers, entry by entry; raises UnusableError as ``summed`` does."""
        if not all(may_have(p.exponent, p.known.value) for p in parts):
            raise UnusableError
        powers = [p.known.value ** float(p.exponent) for p in parts]
        term = monomial(*((p.known.term, p.exponent) for p in parts))
        return Known(term, np.asarray(np.prod(powers, axis=0)))


def is_square(known: Known) -> bool:
    """Whether the last two axes are those of a square matrix."""
    return len(known.dims) >= 2 and known.dims[-1] == known.dims[-2]


def has_axes(known: Known) -> bool:
    """Whether a term is not a scalar."""
    return bool(known.dims)


# Ways of making a term ---------------------------------------------------------------------------


def random_call(g: Grower) -> Known:
    """Return a function of every entry of a term."""
    return g.apply(g.random.choice(tuple(ENTRYWISE)), g.drawn())


def random_inverse(g: Grower) -> Known:
    """Return an inverse, by the laws of products where they apply."""
    known = g.drawn(is_square)
    if not is_invertible(known.value):
        raise UnusableError
    return Known(inverse(known.term), np.linalg.inv(known.value))


def random_softmax(g: Grower) -> Known:
    """Return a softmax along the last axis."""
    known = g.drawn(has_axes)
    return Known(softmax(known.term), softmax_of(known.value, (-1,)))


def random_sum(g: Grower) -> Known:
    """Return a sum of multiples of terms with the same axes."""
    first = g.drawn()
    parts = [first]
    for _ in range(g.random.randint(1, 2)):
        parts.append(g.drawn(lambda k: k.dims == first.dims))
    multiples = [g.times(g.random.choice(NUMBERS), k) for k in parts]
    if g.chance(0.1 if first.dims else 0.3):
        multiples.append(g.ones(first.dims))
    return g.plus(*multiples)


def random_share(g: Grower) -> Known:
    """Return a term as one factor that is not merged into others."""
    known = g.drawn()
    return Known(share(known.term), known.value)


def random_product(g: Grower) -> Known:
    """Return a contraction of powers of terms."""
    parts = []
    for _ in range(g.random.randint(1, 4)):
        known, exponent = g.drawn(), g.random.choice(EXPONENTS)
        parts.append(Part(known, exponent if may_have(exponent, known.value) else ONE))
    sizes = (("n", g.random.choice((1, -1))),) if g.chance(0.2) else ()
    return g.product(parts, 0.55, Scale(g.random.choice(NUMBERS), sizes))


def random_motif(g: Grower) -> Known:
    """Return a product to which some rule applies, or nearly."""
    parts = list(g.random.choice(MOTIFS)(g))
    if g.chance(0.4):
        parts.append(Part(g.drawn()))
    return g.product(parts, 0.5)


# Motifs ------------------------------------------------------------------------------------------


def matrix_and_inverse(g: Grower) -> Iterator[Part]:
    """A matrix, or a product of two, beside its inverse."""
    known = g.drawn(lambda k: is_square(k) and len(k.dims) == 2)
    if g.chance(0.5):
        dims = known.dims
        other = g.drawn(lambda k: k.dims == dims)
        sides: list[tuple[Part, Labels]] = [(Part(known), (0, 1)), (Part(other), (1, 2))]
        known = g.summed(sides, (0, 2), dict.fromkeys(range(3), dims[0]), UNIT_SCALE)
    if not is_invertible(known.value):
        raise UnusableError
    term = call(InvCall(), (known.term,), known.dims)
    yield Part(Known(term, np.linalg.inv(known.value)))
    yield Part(known)


def exponential_over_its_sum(g: Grower) -> Iterator[Part]:
    """exp(X) over its sum along some axes: a softmax."""
    powers = g.apply("exp", g.drawn())
    yield Part(powers)
    yield Part(g.spread(g.product([Part(powers)], 0.5)), -ONE)


def product_over_its_sum(g: Grower) -> Iterator[Part]:
    """Two factors over the sum of their product."""
    first, second = g.drawn(), g.drawn()
    whole = g.product([Part(first), Part(second)], 0.6, Scale(g.random.choice(NUMBERS)))
    yield Part(first)
    yield Part(second)
    yield Part(g.spread(whole), g.random.choice((-ONE, -2 * ONE, Fraction(-3, 2))))


def logistic(g: Grower) -> Iterator[Part]:
    """Powers of exp(X) and of 1 + exp(X) or 1 + exp(-X)."""
    known = g.drawn(lambda k: is_small(k.value))
    below = g.apply("exp", known if g.chance(0.5) else g.times(-1, known))
    parts = [Part(g.plus(below, g.ones(known.dims)), Fraction(-g.random.choice((1, 2, 3))))]
    if g.chance(0.5):
        parts.append(Part(g.apply("exp", known), Fraction(g.random.choice((-1, 1, 2)))))
    yield Part(g.monomial(*parts))


def orthogonal_twice(g: Grower) -> Iterator[Part]:
    """Two orthogonal factors, transposed or not."""
    orthogonal = g.drawn(lambda k: k.term.kind == "leaf" and FACTS.has(k.term, "orthogonal"))
    return iter([Part(orthogonal)] * 2)


def onehot_rows(g: Grower) -> Iterator[Part]:
    """Rows that are unit vectors, squared perhaps, and anything."""
    rows = g.drawn(lambda k: FACTS.has(k.term, "onehot"))
    return iter([Part(rows, Fraction(g.random.choice((1, 2)))), Part(g.drawn())])


def softmax_along(g: Grower) -> Iterator[Part]:
    """A softmax along any axes."""
    known = g.drawn(has_axes)
    axes = range(-len(known.dims), 0)
    slots = tuple(sorted(g.random.sample(axes, g.random.randint(1, len(axes)))))
    yield Part(Known(softmax(known.term, slots), softmax_of(known.value, slots)))


def deviation_from_mean(g: Grower) -> Iterator[Part]:
    """X less its mean along the last axis, of which the sum is 0."""
    known = g.drawn(has_axes)
    axes = tuple(range(len(known.dims)))
    ranges, over = numbered(known.dims), Scale(ONE, ((str(known.dims[-1]), -1),))
    mean = g.summed([(Part(known), axes)], axes[:-1], ranges, over)
    spread = g.summed([(Part(mean), axes[:-1])], axes, ranges, UNIT_SCALE)
    yield Part(g.plus(known, g.times(-1, spread)))


def fraction_and_one(g: Grower) -> Iterator[Part]:
    """1 + Y / X beside X: one denominator."""
    below = g.drawn()
    above = g.drawn(lambda k: k.dims == below.dims)
    quotient = g.monomial(Part(above), Part(below, -ONE))
    yield Part(g.plus(quotient, g.ones(below.dims)))
    yield Part(below, Fraction(g.random.choice((1, 2))))


def shared_fraction(g: Grower) -> Iterator[Part]:
    """Y / X, or Y Z / X, as one factor beside X."""
    below = g.drawn()
    above = [Part(g.drawn(lambda k: k.dims == below.dims)) for _ in range(g.random.randint(1, 2))]
    quotient = g.monomial(*above, Part(below, -ONE))
    yield Part(Known(share(quotient.term), quotient.value))
    yield Part(below)


def functions_of_one(g: Grower) -> Iterator[Part]:
    """Powers of two functions of X, or of X and -X, or one function of the other."""
    known = g.drawn(lambda k: is_small(k.value))
    names = g.random.choice((("sin", "cos"), ("sign", "abs"), ("exp", "sigmoid"), ("log", "exp")))
    over, under = (g.apply(n, known) for n in g.random.sample(names, 2))
    if g.chance(0.3):
        under = g.apply(names[0], g.apply(names[1], known))
    if g.chance(0.3):
        over = g.apply(names[0], g.times(-1, known))
    exponents = [Fraction(g.random.choice((-1, 1, 1, 2))) for _ in range(2)]
    yield Part(g.monomial(Part(over, exponents[0]), Part(under, exponents[1])))


def one_less_share(g: Grower) -> Iterator[Part]:
    """1 - X / (1 + X), or 1 less a logistic function beside it."""
    known = g.drawn(lambda k: is_small(k.value))
    one = g.ones(known.dims)
    if g.chance(0.5):
        part = g.monomial(Part(known), Part(g.plus(one, known), -ONE))
    else:
        part = g.apply("sigmoid", known)
    rest = g.plus(one, g.times(-1, part))
    yield Part(g.plus(rest, g.apply("sigmoid", g.times(-1, known))) if g.chance(0.5) else rest)
    if g.chance(0.5):
        yield Part(part)


def choices(g: Grower) -> Iterator[Part]:
    """X where Z is positive and Y where it is not, and a half of a relu."""
    first = g.drawn()
    test = g.plus(first, g.times(-1, g.drawn(lambda k: k.dims == first.dims)))
    same = [g.drawn(lambda k: k.dims == test.dims) for _ in range(2)]
    halves = [
        g.monomial(Part(k), Part(g.half(test, sign)))
        for k, sign in zip(same, (">", "<="), strict=True)
    ]
    yield Part(g.plus(*halves) if g.chance(0.6) else halves[0])
    if g.chance(0.3):
        yield Part(g.monomial(Part(g.apply("relu", test)), Part(g.half(test, ">"))))


MOTIFS: tuple[Callable[[Grower], Iterator[Part]], ...] = (
    matrix_and_inverse,
    exponential_over_its_sum,
    product_over_its_sum,
    logistic,
    orthogonal_twice,
    onehot_rows,
    softmax_along,
    deviation_from_mean,
    fraction_and_one,
    shared_fraction,
    functions_of_one,
    one_less_share,
    choices,
)
WAYS: tuple[Callable[[Grower], Known], ...] = (
    random_call,
    random_inverse,
    random_softmax,
    random_sum,
    random_share,
    random_motif,
    random_product,
)
WEIGHTS = (10, 6, 4, 14, 4, 30, 32)


# Checks ------------------------------------------------------------------------------------------


class Checker:
    """Compares what becomes of a term with its value."""

    def __init__(self, point: Point) -> None:
        self.point = point
        self.simplify = Simplifier(FACTS)
        self.raiser = Raiser({}, FACTS)
        self.refused = 0

    def wrong(self, known: Known) -> str:
        """Return what is wrong with a term, or nothing."""
        term, wanted = known
        found = self._compared("canonical", term, wanted)
        if found:
            return found
        try:
            better = self.simplify(term)
            found = self._compared("simplified", better, wanted)
            return f"{found}\n  from {written(term)}" if found else self._wrong_form(known)
        except MissingRuleError:
            self.refused += 1
            return ""

    def _compared(self, what: str, term: Term, wanted: Array) -> str:
        value = self.point.at(term)
        if not is_same(value, wanted):
            return f"{what}: {_shown(value)}, not {_shown(wanted)}\n  {written(term)}"
        if is_symmetric(term) and not is_same(value.T, value):
            return f"{what}: said to be symmetric\n  {written(term)}"
        return ""

    def _wrong_form(self, known: Known) -> str:
        form = self.raiser.shaped(known.term, shape_of(known.term))
        value = np.asarray(evaluate(form, {**self.point.values, **self.point.sizes}))
        if is_same(value, known.value):
            return ""
        return (
            f"raised: {_shown(value)}, not {_shown(known.value)}"
            f"\n  {text(form)}\n  from {written(known.term)}"
        )


def _shown(value: Array) -> str:
    return np.array2string(value, precision=5, threshold=8).replace("\n", "")


def check(seed: int, sizes: Mapping[str, int]) -> Found:
    """Check the terms that grow from one seed, up to the first that is wrong."""
    point = Point(seed, sizes)
    grower, checker, checked = Grower(seed, point), Checker(point), 0
    for _ in range(STEPS):
        try:
            known = grower.grow()
        except (UnusableError, MissingRuleError):
            continue
        wrong = checker.wrong(known)
        if wrong:
            again = f"python tests/random_terms.py {seed} {sizes['n']} {sizes['m']}"
            return Found(checked, checker.refused, f"{wrong}\n{again}")
        grower.pool.append(known)
        checked += 1
    return Found(checked, checker.refused, "")


if __name__ == "__main__":
    at, n, m = map(int, sys.argv[1:])
    with np.errstate(all="ignore"):
        print(check(at, {"n": n, "m": m}).wrong or "nothing is wrong")
