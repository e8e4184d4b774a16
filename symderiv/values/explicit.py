"""Takes an expression, sizes and values; returns its entries, in any kind of scalar.

The same walk builds SymPy expressions (the entry road), exact fractions (verdicts, re-checks) and
dual numbers (the derivative symbols of a derivation): only the scalar arithmetic differs. It
shares no code with the index road.

Contract: rational input gives exact rational results wherever the functions are rational; where
they are not, ``mpmath`` numbers of ``DIGITS`` digits. Nothing here knows a rule of calculus.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from fractions import Fraction
from math import prod
from typing import Any, Protocol

from ..core.budget import spend
from ..core.cells import batched, built, each, entry_at, flat, replaced, sizes_of
from ..core.errors import MissingRuleError
from ..core.expr import (
    BINDERS,
    Expr,
    Index,
    free_indices,
    node,
    own_indices,
    sum_index,
    var,
    walk,
    walk_all,
)
from ..core.shapes import SCALAR, Dim
from ..ops import TABLE, Cells
from .dual import Dual as Dual
from .highprecision import DIGITS, HIGH, floated, in_full
from .scalars import DualMath as DualMath
from .scalars import ExactMath as ExactMath
from .scalars import compare as compare

_LONGEST = 20_000  # bits of a number that is exact
_SHARE = Fraction(1, 64)  # of the stand-in, in a loss of which the value is chosen
_OF_THEIR_OWN = (*BINDERS, "partial", "differential")  # which find their arguments themselves
_SYMPY = 10  # steps from which an entry is an expression of SymPy


class Explicit:
    """Entries of expressions at one point: sizes, values of the variables, positions of indices.

    ``values`` holds the cells of every variable and given gradient by name; ``override`` those of
    nodes that are taken as independent (a named intermediate that is differentiated by).

    >>> from symderiv.problems import problem
    >>> product = problem("A @ x", A="n, n", x="n").objective
    >>> Explicit({"n": 2}, {"A": [[1, 2], [3, 4]], "x": [[5], [6]]}).cells(product)
    [[17], [39]]
    """

    def __init__(
        self,
        sizes: Mapping[str, int],
        values: Mapping[str, Cells],
        *,
        math: Any = None,
        positions: Mapping[str, int] | None = None,
        override: Mapping[Expr, Cells] | None = None,
    ) -> None:
        self.sizes, self.values = dict(sizes), dict(values)
        self.math = math if math is not None else ExactMath()
        self.positions = dict(positions or {})
        self.override = dict(override or {})
        # Shared with the same point at other positions: what depends on no index, which
        # expressions that was done for, and the points at which one entry has the slope 1.
        self._memo: dict[Expr, Cells] = {}
        self._inner: dict[tuple[Hashable, ...], Cells] = {}
        self._computed: set[Expr] = set()
        self._seeded: dict[Hashable, Explicit] = {}
        self._lifted: dict[str, Cells] = {}
        self._chains: dict[Expr, Chain] = {}
        self._still: dict[Expr, tuple[int, dict[Expr, Cells]]] = {}

    def size(self, dim: Dim) -> int:
        """Return the size of a dimension."""
        return dim.at(self.sizes)

    def position(self, index: Index) -> int:
        """Return where an index stands, counted from 1."""
        return index if isinstance(index, int) else self.positions[index]

    def given(self, e: Expr) -> Cells:
        """Return the entries of a variable."""
        return self.values[str(e.data)]

    def cells(self, x: Expr) -> Cells:
        """Return every entry of an expression."""
        self._compute(x)
        return self._open(x)

    def _compute(self, x: Expr) -> None:
        """Compute what depends on no index, so that it is done once."""
        if x in self._computed:
            return
        self._computed.add(x)
        for e in walk(x, self.override.__contains__, self._memo):
            if e in self.override:
                self._memo[e] = self.override[e]
                continue
            if any(isinstance(i, str) for i in own_indices(e)) or free_indices(e):
                continue
            args = () if e.op in _OF_THEIR_OWN else tuple(self._memo[a] for a in e.args)
            self._memo[e] = self._one(e, args)

    def _open(self, x: Expr) -> Cells:
        if x in self._memo:
            return self._memo[x]
        free = free_indices(x)
        if len(free) >= len(self.positions) or not x.args:
            return self._inside(x)
        # Under an index that it has not, it is the same at every position.
        key = (x, *(self.positions[i] for i in free))
        if key not in self._inner:
            self._inner[key] = self._inside(x)
        return self._inner[key]

    def _inside(self, x: Expr) -> Cells:
        if x.op in _OF_THEIR_OWN:
            return self._one(x, ())
        return self._one(x, tuple(self._open(a) for a in x.args))

    def _one(self, e: Expr, args: tuple[Cells, ...]) -> Cells:
        if e in self.override:
            return self.override[e]
        self._count(e)
        if TABLE[e.op].tensors == "batch" and any(len(a.shape) > 2 for a in e.args):
            return self._batched(e, args)
        return _shortened(TABLE[e.op].explicit(e, args, self))

    def _count(self, e: Expr) -> None:
        """Count the entries of a node, those of a product and a sum once for each of their terms.

        What an operator takes beyond that, as a determinant does, its arguments are too small for.
        """
        entries = prod(self.size(d) for d in e.shape)
        inside = sum(prod(self.size(d) for d in a.shape) for a in e.args)
        steps = entries + inside
        if self.math.weight >= _SYMPY:  # which orders the terms of a sum each time one is added
            steps += inside**2 // max(entries, 1) // 4
        spend(self.math.weight * steps, f"{e.op} of {entries + inside:,} entries")

    def _batched(self, e: Expr, args: tuple[Cells, ...]) -> Cells:
        """Return an operator of matrices at every position of the batch axes of its arguments."""
        # What an entry looks at is the shapes of one position.
        inner = tuple(a if len(a.shape) == 2 else var("", a.shape[-2:]) for a in e.args)
        one = node(e.op, inner, e.shape[-2:], e.data)
        tensor: Cells = batched(args, lambda parts: TABLE[e.op].explicit(one, parts, self))
        return tensor

    def over(self, e: Expr) -> list[Cells]:
        """Return the body of a ``Sum`` or a ``Prod`` at every position of its index."""
        name, dim = sum_index(e)
        return [self.at(name, k).cells(e.args[0]) for k in range(1, self.size(dim) + 1)]

    def at(self, name: str, position: int) -> Explicit:
        """Return the same point with one more index in place."""
        return self.placed({name: position})

    def again(self, lift: Callable[[Any], Any] = lambda x: x) -> Explicit:
        """Return the same point with nothing computed yet, its values passed through ``lift``."""
        return Explicit(
            self.sizes,
            {n: each(lift, c) for n, c in self.values.items()},
            math=self.math,
            positions=self.positions,
            override={e: each(lift, c) for e, c in self.override.items()},
        )

    def scalars(self, within: Sequence[Expr] = ()) -> Iterator[Any]:
        """Yield every entry that was computed at this point, or of those some expressions have."""
        met = {*walk_all(within)}
        for e, cells in self._memo.items():
            if not met or e in met:
                yield from flat(cells)
        for key, cells in self._inner.items():
            if not met or key[0] in met:
                yield from flat(cells)

    def placed(self, positions: Mapping[str, int]) -> Explicit:
        """Return the same point with more indices in place."""
        inner = Explicit(
            self.sizes,
            self.values,
            math=self.math,
            positions={**self.positions, **positions},
            override=self.override,
        )
        inner._memo, inner._computed = self._memo, self._computed
        inner._inner = self._inner
        inner._seeded, inner._lifted = self._seeded, self._lifted
        inner._chains, inner._still = self._chains, self._still
        return inner

    def loss(self, e: Expr, cells: Cells) -> Cells:
        """Return a stand-in value of an unspecified loss; its slope is the given gradient's."""
        assert isinstance(e.data, tuple)
        gradient = self.values[e.data[1]]
        slope: Any = Fraction(0)
        for g, z in zip(flat(gradient), flat(cells), strict=True):
            slope = slope + Dual.of(g).value * Dual.of(z).slope
        value = loss_value(e.data[0], cells)
        chosen = self.values.get(called(e.data[0]))
        if chosen is not None:
            value = chosen[0][0] + value * _SHARE
        return [[Dual(value, slope) if slope else value]]

    def applied(self, e: Expr, cells: Cells) -> Cells:
        """Return stand-in values of an unspecified entrywise function, or of its derivative."""
        assert isinstance(e.data, tuple)
        name, order = e.data
        chosen = self.values.get(called(name))
        if chosen is None:
            found: Cells = each(lambda x: self.math.unspecified(name, order, x), cells)
        else:
            found = each(lambda x: _expansion(flat(chosen)[order:], x), cells)
        return found

    def derivative(self, e: Expr) -> Cells:
        """Return the value of a symbol ∂a/∂b, by dual numbers."""
        of, by = e.args
        source, place = by, [1] * len(by.shape)
        if by.op == "entry":
            source = by.args[0]
            assert isinstance(by.data, tuple)
            place = [self.position(x) for x in by.data]
        if not source.is_symbol:
            raise MissingRuleError(
                f"no derivative with respect to {source.op}: only to variables and names"
            )
        chain = self._chain(of) if not e.data else None
        if chain is not None:
            return [[chain.slope(source, place)]]
        key = (source, tuple(place), e.data)
        point = self._seeded.get(key)
        if point is None:
            assert isinstance(e.data, tuple)
            self._plain().placed(self.positions).cells(of)
            point = self._seeded[key] = self._with_slope(source, place, e.data)
        slopes: Cells = each(lambda x: Dual.of(x).slope, point.placed(self.positions).cells(of))
        return slopes

    def differential(self, e: Expr) -> Cells:
        """Return the slope of an expression when variables move, each along a way of its own."""
        if e.args[0].op == "differential":
            return self._second_differential(e)
        point = self._seeded.get(e.data)
        if point is None:
            assert isinstance(e.data, tuple)
            lifted = {n: each(Dual.of, c) for n, c in self.values.items()}
            lifted.update((n, _moved(lifted[n], _way(n))) for n in e.data)
            point = self._seeded[e.data] = Explicit(self.sizes, lifted, math=DualMath())
        slopes: Cells = each(lambda x: Dual.of(x).slope, point.cells(e.args[0]))
        return slopes

    def _second_differential(self, e: Expr) -> Cells:
        """Return the slope of a slope along the same way: a difference of it, in many digits."""
        assert isinstance(e.data, tuple)
        with in_full():
            step = HIGH.mpf(10) ** (-HIGH.dps // 5)
            ends = []
            for sign in (1, -1):
                values = {n: each(_floated, c) for n, c in self.values.items()}
                values.update((n, _shifted(values[n], sign * step, _way(n))) for n in e.data)
                ends.append(Explicit(self.sizes, values).cells(e.args[0]))
            return [
                [(a - b) / (2 * step) for a, b in zip(p, q, strict=True)]
                for p, q in zip(*ends, strict=True)
            ]

    def _chain(self, of: Expr) -> Chain | None:
        """Return the derivatives of a deep scalar without indices, at a point in plain numbers."""
        if of.shape != SCALAR or free_indices(of) or self.override:
            return None
        if of not in self._chains and not isinstance(self.math, DualMath):
            self._chains[of] = Chain(of, self._plain().cells, self._with_slope)
        chain = self._chains.get(of)
        return chain if chain is not None and chain.is_deep else None

    def _plain(self) -> Explicit:
        """Return the point from which those with a slope start, in plain numbers."""
        return self._seeded.setdefault(
            None, Explicit(self.sizes, self.values, override=self.override)
        )

    def _with_slope(self, source: Expr, place: Sequence[int], held: tuple[Expr, ...]) -> Explicit:
        """Return the point in dual numbers at which one entry has the slope 1."""
        fixed = self._plain()
        base = fixed.cells(source)
        one = Dual(Dual.of(entry_at(base, place)).value, Fraction(1))
        seeded: Cells = replaced(each(Dual.of, base), place, one)
        if not self._lifted:
            self._lifted.update({n: each(Dual.of, c) for n, c in self.values.items()})
        lifted = dict(self._lifted)
        override = {**self.override, **{h: fixed.cells(h) for h in held}}
        if source.is_variable:
            lifted[str(source.data)] = seeded
        else:
            override[source] = seeded
        point = Explicit(self.sizes, lifted, math=DualMath(), override=override)
        point._memo.update(self._unmoved(source))
        return point

    def _unmoved(self, source: Expr) -> dict[Expr, Cells]:
        """Return what was computed in plain numbers and does not depend on a name."""
        known = self._plain()._memo
        count, found = self._still.get(source, (0, {}))
        if count != len(known):
            moved: set[Expr] = set()
            for e in walk_all([*known]):
                if e == source or any(a in moved for a in e.args):
                    moved.add(e)
            found = {e: c for e, c in known.items() if e not in moved}
            self._still[source] = len(known), found
        return found


def _moved(cells: Cells, way: Iterator[Fraction]) -> Cells:
    """Return cells whose entries have the next slopes of a way."""
    found: Cells = each(lambda x: Dual(Dual.of(x).value, next(way)), cells)
    return found


def _floated(x: Any) -> Any:
    return floated(Dual.of(x).value)


def _shifted(cells: Cells, step: Any, way: Iterator[Fraction]) -> Cells:
    """Return cells that have moved by a step along a way."""
    found: Cells = each(lambda x: x + step * floated(next(way)), cells)
    return found


def _way(name: str) -> Iterator[Fraction]:
    """Yield the numbers along which a variable moves: fixed ones that no symmetry shares."""
    k = sum(map(ord, name))
    while True:
        k = (k * 37 + 11) % 101
        yield Fraction(k - 50, 7)


def _shortened(cells: Cells) -> Cells:
    """Return cells in which no number has more digits than an exact value is worth."""
    if not any(map(_is_long, flat(cells))):
        return cells
    short: Cells = each(lambda x: _in_floats(x) if _is_long(x) else x, cells)
    return short


def _in_floats(x: Any) -> Any:
    return Dual(floated(x.value), floated(x.slope)) if isinstance(x, Dual) else floated(x)


def _is_long(x: Any) -> bool:
    if isinstance(x, Dual):
        return _is_long(x.value) or _is_long(x.slope)
    if not isinstance(x, Fraction):
        return False
    return max(x.numerator.bit_length(), x.denominator.bit_length()) > _LONGEST


def called(name: str) -> str:
    """Return under which name a point may hold what an unspecified function is chosen to be.

    Of a loss that is a value, to which a small share of its stand-in is added; of an entrywise
    function, its derivatives at 0.
    """
    return f"{name}(..)"


def _expansion(derivatives: Sequence[Any], x: Any) -> Any:
    """Return a polynomial of which the derivatives at 0 are given."""
    result = x * 0
    for k, value in reversed([*enumerate(derivatives, 1)]):
        result = value + result * x / k
    return result


def loss_value(name: str, cells: Cells) -> Any:
    """Return the stand-in value of an unspecified loss: it depends on the name and every entry."""
    value: Any = Fraction(sum(map(ord, name)) % 17 + 2, 3)
    for k, z in enumerate(flat(cells)):
        plain = Dual.of(z).value
        value = value + plain * plain * Fraction(k % 5 + 2, 7) + plain / (k + 2)
    return value


def is_exact(cells: Cells) -> bool:
    """Whether every entry is a fraction, so that comparing is exact."""
    return all(isinstance(x, Fraction | int) for x in flat(cells))


def same(left: Any, right: Any) -> bool:
    """Whether two scalars are equal: exactly for fractions, to 40 of 50 digits otherwise."""
    if isinstance(left, Fraction | int) and isinstance(right, Fraction | int):
        return left == right
    a, b = floated(left), floated(right)
    return bool(abs(a - b) <= max(abs(a), abs(b), 1) * HIGH.mpf(10) ** (10 - DIGITS))


def same_cells(left: Cells, right: Cells) -> bool:
    """Whether cells have one shape and equal entries."""
    if sizes_of(left) != sizes_of(right):
        return False
    return all(same(x, y) for x, y in zip(flat(left), flat(right), strict=True))


def plain(cells: Cells) -> Cells:
    """Return cells without dual parts."""
    values: Cells = each(lambda x: x.value if isinstance(x, Dual) else x, cells)
    return values


_DEEP = 4  # with fewer intermediates, one derivative at a time is as cheap


class Seeded(Protocol):
    """A point in dual numbers at which one entry has the slope 1."""

    def cells(self, x: Expr) -> Cells:
        """Return every entry of an expression."""


# By one entry of a name, with other names held fixed.
Seed = Callable[[Expr, Sequence[int], tuple[Expr, ...]], Seeded]


class Chain:
    """The derivatives of one scalar at one point."""

    def __init__(self, of: Expr, cells: Callable[[Expr], Cells], seed: Seed) -> None:
        self._of, self._cells, self._seed = of, cells, seed
        self._stages = [e for e in walk(of) if e.is_name and e is not of]
        self._used: dict[Expr, tuple[Expr, ...]] = {}  # the names in the body of a stage
        self._users: dict[Expr, list[Expr]] = {}
        self._bars: dict[Expr, Cells] = {of: [[Fraction(1)]]}
        for stage in (*self._stages, of):
            met = [e for e in walk(_body(stage), Expr.is_name) if e.is_symbol]
            self._used[stage] = tuple(e for e in met if e.is_name)
            for e in met:
                self._users.setdefault(e, []).append(stage)

    @property
    def is_deep(self) -> bool:
        """Whether there are so many intermediates that chaining pays."""
        return len(self._stages) > _DEEP

    def slope(self, source: Expr, place: Sequence[int]) -> Any:
        """Return the derivative by one entry of a variable or of an intermediate."""
        total: Any = Fraction(source is self._of)
        for stage in self._users.get(source, ()):
            held = tuple(e for e in self._used[stage] if e is not source)
            local = flat(self._seed(source, place, held).cells(_body(stage)))
            for bar, x in zip(flat(self._bar(stage)), map(Dual.of, local), strict=True):
                total = total + bar * x.slope if x.slope else total
        return total

    def _bar(self, stage: Expr) -> Cells:
        """Return the derivative by every entry of a stage; those after it are found first."""
        for later in reversed(self._stages):
            if stage in self._bars:
                break
            if later not in self._bars:
                sizes = sizes_of(self._cells(later))
                self._bars[later] = built(
                    sizes, lambda *at, e=later: self.slope(e, [k + 1 for k in at])
                )
        return self._bars[stage]


def _body(stage: Expr) -> Expr:
    return stage.args[0] if stage.is_name else stage
