"""Explicit entries: an expression at given sizes, entry by entry, over any kind of scalar.

The same walk builds SymPy expressions (the entry road), exact fractions (verdicts, re-checks) and
dual numbers (the derivative symbols of a derivation): only the scalar arithmetic differs. It
shares no code with the index road.

Contract: rational input gives exact rational results wherever the functions are rational; where
they are not, ``mpmath`` numbers of ``DIGITS`` digits. Nothing here knows a rule of calculus: a
dual number differentiates a transcendental function by a central difference at high precision.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from fractions import Fraction
from math import isqrt
from typing import Any

from .cells import batched, each, entry_at, flat, replaced, sizes_of
from .chaining import Chain
from .dual import Dual as Dual
from .errors import MissingRuleError
from .expr import Expr, Index, free_indices, node, own_indices, sum_index, var, walk
from .highprecision import DIGITS, FUNCTIONS, HIGH, MATRIX, floated, is_long_power, precise
from .ops import TABLE, Cells
from .shapes import SCALAR, Dim

_HIGHEST_ORDER = 6  # of the stand-in for an unspecified function, a polynomial
_STEP = HIGH.mpf(10) ** -40
_TRUSTED = 10**20  # beyond it, the step of a difference is lost in rounding


class ExactMath:
    """Scalar functions on fractions, exact where the result is rational."""

    def __init__(self, unspecified: Mapping[str, Callable[[Any], Any]] | None = None) -> None:
        self._given = dict(unspecified or {})

    def number(self, value: Fraction) -> Any:
        """Return a rational number."""
        return value

    def constant(self, name: str) -> Any:
        """Return pi or e."""
        return +getattr(HIGH, name)

    def power(self, x: Any, y: Any) -> Any:
        """Return x to the y; exact only where that has not too many digits."""
        if isinstance(y, Fraction) and y.denominator == 1 and not is_long_power(x, y):
            return x ** int(y)
        if isinstance(y, Fraction) and y.denominator == 2:
            return self.root(x) ** int(y.numerator)
        return precise("power", x, y)

    def root(self, x: Any) -> Any:
        """Return the square root, exact for squares of fractions."""
        if isinstance(x, Fraction) and x >= 0:
            over, under = isqrt(x.numerator), isqrt(x.denominator)
            if over * over == x.numerator and under * under == x.denominator:
                return Fraction(over, under)
        return precise("sqrt", x)

    def choose(self, sign: str, x: Any, y: Any, yes: Any, no: Any) -> Any:
        """Return ``yes`` where ``x sign y`` holds, else ``no``."""
        return yes if compare(sign, x, y) else no

    def fabs(self, x: Any) -> Any:
        """Return the absolute value."""
        none = self.number(Fraction(0))
        return self.choose(">", x, none, x, self.choose("<", x, none, -x, none))

    def sign(self, x: Any) -> Any:
        """Return 1, -1, or 0 at 0."""
        one, none = self.number(Fraction(1)), self.number(Fraction(0))
        return self.choose(">", x, none, one, self.choose("<", x, none, -one, none))

    def pick(self, sign: str, values: Sequence[Any], results: Sequence[Any]) -> Any:
        """Return the result at the first largest (">") or smallest ("<") of some values."""
        best, found = values[0], results[0]
        for x, y in zip(values[1:], results[1:], strict=True):
            best, found = self.choose(sign, x, best, x, best), self.choose(sign, x, best, y, found)
        return found

    def matrix(self, name: str, *grids: Cells) -> Cells:
        """Return a function of whole matrices from ``highprecision.MATRIX``, in 150 digits."""
        return MATRIX[name](*([[floated(x) for x in r] for r in cells] for cells in grids))

    def unspecified(self, letter: str, order: int, x: Any) -> Any:
        """Return a stand-in for an unspecified entrywise function, or its derivative."""
        # A polynomial of degree 6: rational, and nothing that occurs in a derivation is constant.
        result = x * 0
        for k in range(order, 7):
            share = Fraction((sum(map(ord, letter)) * (k + 3)) % 13 + 1, k + 2)
            for down in range(order):
                share = share * (k - down)
            result = result + share * x ** (k - order)
        return result

    def __getattr__(self, name: str) -> Callable[[Any], Any]:
        if name.startswith("_") or not (name in FUNCTIONS or hasattr(HIGH, name)):
            raise AttributeError(name)
        return lambda *args: precise(name, *args)


def compare(sign: str, x: Any, y: Any) -> bool:
    """Return whether ``x sign y`` holds."""
    a, b = (
        (x, y) if isinstance(x, Fraction) and isinstance(y, Fraction) else (floated(x), floated(y))
    )
    return bool({">": a > b, "<": a < b, ">=": a >= b, "<=": a <= b}[sign])


def _moved(x: Dual, sign: int) -> Any:
    return floated(x.value) + sign * _STEP * floated(x.slope)


class DualMath(ExactMath):
    """Scalar functions on dual numbers, by central differences at high precision."""

    def _lift(self, function: Callable[..., Any], *args: Any) -> Any:
        args = tuple(Dual.of(a) for a in args)
        value = function(*(a.value for a in args))
        if all(not a.slope for a in args):
            return Dual(value, Fraction(0))
        self._check_size(args)
        ends = [function(*(_moved(a, sign) for a in args)) for sign in (1, -1)]
        return Dual(value, (ends[0] - ends[1]) / (2 * _STEP))

    @staticmethod
    def _check_size(args: Iterable[Dual]) -> None:
        if any(abs(floated(a.value)) > _TRUSTED for a in args):
            raise ValueError("too large an argument for a difference to have 40 digits")

    def power(self, x: Any, y: Any) -> Any:
        """Return x to the y."""
        if isinstance(y, Fraction) and y.denominator == 1:
            return x ** int(y)
        y = Dual.of(y)
        if not y.slope and isinstance(y.value, Fraction) and y.value.denominator <= 2:
            base = Dual.of(x) if y.value.denominator == 1 else self.root(x)
            return base**y.value.numerator
        # The power of plain numbers: the one of this class would take its root of dual ones.
        return self._lift(ExactMath().power, x, y)

    def root(self, x: Any) -> Any:
        """Return the square root."""
        x = Dual.of(x)
        root = super().root(x.value)
        return Dual(root, x.slope / (2 * root) if x.slope else Fraction(0))

    def matrix(self, name: str, *grids: Cells) -> Cells:
        """Return a function of whole matrices, its slopes by one difference along them."""
        grids = tuple([[Dual.of(x) for x in r] for r in cells] for cells in grids)
        plain = super().matrix
        values = plain(name, *([[x.value for x in r] for r in cells] for cells in grids))
        if all(not x.slope for cells in grids for r in cells for x in r):
            return [[Dual(x, Fraction(0)) for x in r] for r in values]
        self._check_size(x for cells in grids for r in cells for x in r)
        ahead, behind = (
            plain(name, *([[_moved(x, sign) for x in r] for r in cells] for cells in grids))
            for sign in (1, -1)
        )
        return [
            [Dual(x, (a - b) / (2 * _STEP)) for x, a, b in zip(r, p, q, strict=True)]
            for r, p, q in zip(values, ahead, behind, strict=True)
        ]

    def choose(self, sign: str, x: Any, y: Any, yes: Any, no: Any) -> Any:
        """Return ``yes`` where ``x sign y`` holds, else ``no``."""
        return yes if compare(sign, Dual.of(x).value, Dual.of(y).value) else no

    def unspecified(self, letter: str, order: int, x: Any) -> Any:
        """Return the stand-in, differentiated by its next order."""
        x = Dual.of(x)
        value = ExactMath.unspecified(self, letter, order, x.value)
        if order == _HIGHEST_ORDER:
            return Dual(value, x.slope * 0)
        return Dual(value, ExactMath.unspecified(self, letter, order + 1, x.value) * x.slope)

    def __getattr__(self, name: str) -> Callable[[Any], Any]:
        plain = super().__getattr__(name)
        return lambda *args: self._lift(plain, *args)


class Explicit:
    """Entries of expressions at one point: sizes, values of the variables, positions of indices.

    ``values`` holds the cells of every variable and given gradient by name; ``override`` those of
    nodes that are taken as independent (a named intermediate that is differentiated by).
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
        for e in walk(x, lambda e: e in self._memo or e in self.override):
            if e in self._memo or e in self.override:
                if e in self.override:
                    self._memo[e] = self.override[e]
                continue
            inside_sum = e.op in ("entry", "row", "column", "delta") and any(
                isinstance(i, str) for i in own_indices(e)
            )
            if inside_sum or free_indices(e):
                continue
            args = () if e.op in ("Sum", "partial") else tuple(self._memo[a] for a in e.args)
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
        if x.op in ("Sum", "partial"):
            return self._one(x, ())
        return self._one(x, tuple(self._open(a) for a in x.args))

    def _one(self, e: Expr, args: tuple[Cells, ...]) -> Cells:
        if e in self.override:
            return self.override[e]
        if TABLE[e.op].tensors == "batch" and any(len(a.shape) > 2 for a in e.args):
            return self._batched(e, args)
        return TABLE[e.op].explicit(e, args, self)

    def _batched(self, e: Expr, args: tuple[Cells, ...]) -> Cells:
        """Return an operator of matrices at every position of the batch axes of its arguments."""
        # What an entry looks at is the shapes of one position.
        inner = tuple(a if len(a.shape) == 2 else var("", a.shape[-2:]) for a in e.args)
        one = node(e.op, inner, e.shape[-2:], e.data)
        tensor: Cells = batched(args, lambda parts: TABLE[e.op].explicit(one, parts, self))
        return tensor

    def over(self, e: Expr) -> list[Cells]:
        """Return the body of a ``Sum`` at every position of its index."""
        name, dim = sum_index(e)
        return [self.at(name, k).cells(e.args[0]) for k in range(1, self.size(dim) + 1)]

    def at(self, name: str, position: int) -> Explicit:
        """Return the same point with one more index in place."""
        return self.placed({name: position})

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
        inner._chains = self._chains
        return inner

    def loss(self, e: Expr, cells: Cells) -> Cells:
        """Return a stand-in value of an unspecified loss; its slope is the given gradient's."""
        assert isinstance(e.data, tuple)
        gradient = self.values[e.data[1]]
        slope: Any = Fraction(0)
        for g, z in zip(flat(gradient), flat(cells), strict=True):
            slope = slope + Dual.of(g).value * Dual.of(z).slope
        value = loss_value(e.data[0], cells)
        return [[Dual(value, slope) if slope else value]]

    def derivative(self, e: Expr) -> Cells:
        """Return the value of a symbol ∂a/∂b, by dual numbers."""
        of, by = e.args
        source, place = by, [1] * len(by.shape)
        if by.op == "entry":
            source = by.args[0]
            assert isinstance(by.data, tuple)
            place = [self.position(x) for x in by.data]
        if source.op not in ("var", "named"):
            raise MissingRuleError(f"no derivative by {source.op}: only by variables and names")
        chain = self._chain(of) if not e.data else None
        if chain is not None:
            return [[chain.slope(source, place)]]
        key = (source, tuple(place), e.data)
        point = self._seeded.get(key)
        if point is None:
            assert isinstance(e.data, tuple)
            point = self._seeded[key] = self._with_slope(source, place, e.data)
        slopes: Cells = each(lambda x: Dual.of(x).slope, point.placed(self.positions).cells(of))
        return slopes

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
        if source.op == "var":
            lifted[str(source.data)] = seeded
        else:
            override[source] = seeded
        return Explicit(self.sizes, lifted, math=DualMath(), override=override)


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
    values: Cells = each(lambda x: Dual.of(x).value, cells)
    return values
