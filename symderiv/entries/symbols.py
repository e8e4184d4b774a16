"""Takes a name and a place; returns the SymPy symbol of that entry, and functions of such symbols.

An entry of a name is a real symbol called ``X_{1,2}`` (matrix), ``b_{2}`` (vector) or ``s``
(scalar), so that a SymPy expression says by itself which entries it is made of. Unspecified
entrywise functions are SymPy functions whose derivative is the next one: f, fp, fpp.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from functools import cache, lru_cache
from typing import Any

from ..core.cells import built
from ..core.errors import NoEntriesError
from ..core.expr import Expr
from ..core.later import sympy
from ..core.shapes import ONE, Shape
from ..ops import TABLE, Cells

_PLACE = re.compile(r"(.*)_\{(\d+(?:,\d+)*)\}")
_RELATIONS = {">": "Gt", "<": "Lt", ">=": "Ge", "<=": "Le"}  # in SymPy

# What the functions that entries are computed with are called in SymPy, where not as here.
_SYMPY_NAMES = {"fabs": "Abs", **{op.name: op.sympy for op in TABLE.values() if op.sympy}}

_HYPERBOLIC = {"tanh": "", "sinh": "cosh", "cosh": "sinh"}  # and their slopes


@cache
def undefined() -> frozenset[Any]:
    """Return what SymPy answers where there is no real number."""
    return frozenset((sympy.zoo, sympy.nan, sympy.oo, -sympy.oo, sympy.I))


@lru_cache(maxsize=65536)
def entry_symbol(name: str, *place: int) -> Any:
    """Return the symbol of one entry; a scalar has no place.

    >>> entry_symbol("X", 1, 2), entry_symbol("s")
    (X_{1,2}, s)
    """
    mark = f"_{{{','.join(map(str, place))}}}" if place else ""
    return sympy.Symbol(name + mark, real=True)


@lru_cache(maxsize=65536)
def name_and_place(symbol: Any) -> tuple[str, tuple[int, ...]]:
    """Return the name and the place that a symbol stands for.

    >>> name_and_place(entry_symbol("X", 1, 2))
    ('X', (1, 2))
    """
    found = _PLACE.fullmatch(symbol.name)
    if found is None:
        return symbol.name, ()
    return found[1], tuple(int(k) for k in found[2].split(","))


def symbol_cells(name: str, shape: Shape, sizes: Mapping[str, int]) -> Cells:
    """Return the symbols of all entries of a name; an axis of dimension 1 has no index.

    >>> from symderiv.core.shapes import ONE, symbol
    >>> symbol_cells("b", (symbol("m"), ONE), {"m": 2})
    [[b_{1}], [b_{2}]]
    """

    def at(*place: int) -> Any:
        pairs = zip(place, shape, strict=True)
        return entry_symbol(name, *(k + 1 for k, d in pairs if d != ONE))

    cells: Cells = built([d.at(sizes) for d in shape], at)
    return cells


@lru_cache(maxsize=256)
def unspecified_class(letter: str, order: int) -> Any:
    """Return the SymPy function for the derivative of given order of an unspecified function.

    >>> x = entry_symbol("x", 1)
    >>> unspecified_class("f", 0)(x ** 2).diff(x)
    2*x_{1}*fp(x_{1}**2)
    """

    def fdiff(self: Any, argindex: int = 1) -> Any:
        return unspecified_class(letter, order + 1)(self.args[0])

    content = {"fdiff": fdiff, "unspecified": (letter, order), "is_real": True}
    return type(letter + "p" * order, (sympy.Function,), content)


@lru_cache(maxsize=256)
def mark_class(sign: str, position: int) -> Any:
    """Return the SymPy function that is 1 where its argument at a position is the first extreme.

    A choice between many values is a sum with these marks: SymPy's own nested choices grow too
    fast. The slope of a mark is 0.
    """

    def fdiff(self: Any, argindex: int = 1) -> Any:
        return sympy.Integer(0)

    content = {"fdiff": fdiff, "mark": (sign, position), "is_real": True}
    name = "is_largest" if sign == ">" else "is_smallest"
    return type(f"{name}_{position + 1}", (sympy.Function,), content)


@lru_cache(maxsize=256)
def choice_class(sign: str) -> Any:
    """Return the SymPy function of x, y, yes, no that is yes where x stands so to y, else no.

    SymPy unfolds the choices inside the condition of its own Piecewise, and simplifies each branch
    of those: this function leaves its condition as it is.

    >>> x, y = entry_symbol("x", 1), entry_symbol("y", 1)
    >>> choice_class(">")(x, y, x**2, y).diff(x)
    choice(x_{1}, y_{1}, 2*x_{1}, 0)
    """

    def slope(self: Any, by: Any) -> Any:
        x, y, yes, no = self.args
        return self.func(x, y, yes.diff(by), no.diff(by))

    def settled(_: Any, x: Any, y: Any, yes: Any, no: Any) -> Any:
        return yes if yes == no else None

    def pieces(self: Any) -> Any:
        x, y, yes, no = self.args
        return (yes, sympy.Rel(x, y, sign, evaluate=False)), (no, sympy.true)

    content = {"pieces": property(pieces), "is_real": True, "_eval_derivative": slope}
    return type("choice", (sympy.Function,), {**content, "eval": classmethod(settled)})


@lru_cache(maxsize=8)
def real_class(name: str) -> Any:
    """Return a hyperbolic function of SymPy, known to be real as the entries all are.

    Of an argument that it cannot tell to be real, such as a root, SymPy divides the imaginary part
    by pi, by the greatest common divisor of polynomials that may be long.

    >>> real_class("tanh")(sympy.sqrt(entry_symbol("x"))).is_real
    True
    """

    def fdiff(self: Any, argindex: int = 1) -> Any:
        x = self.args[0]
        return 1 - self**2 if name == "tanh" else real_class(_HYPERBOLIC[name])(x)

    known = {"is_positive": True} if name == "cosh" else {"is_real": True}
    return type(name, (getattr(sympy, name),), {"fdiff": fdiff, **known})


def pieces_of(e: Any) -> Any:
    """Return the pairs of a value and its condition of a choice; None for anything else."""
    return e.args if e.is_Piecewise else getattr(e, "pieces", None)


class SymbolicMath:
    """Scalar functions on SymPy expressions: what ``Explicit`` computes entries with."""

    weight = 20  # steps that an entry counts for

    def number(self, value: Fraction) -> Any:
        """Return a rational number."""
        return sympy.Rational(value.numerator, value.denominator)

    def constant(self, name: str) -> Any:
        """Return pi or e."""
        return {"pi": sympy.pi, "e": sympy.E}[name]

    def power(self, x: Any, y: Any) -> Any:
        """Return x to the y."""
        return x**y

    def root(self, x: Any) -> Any:
        """Return the square root."""
        return sympy.sqrt(x)

    def choose(self, sign: str, x: Any, y: Any, yes: Any, no: Any) -> Any:
        """Return ``yes`` where ``x sign y`` holds, else ``no``."""
        if any(sympy.sympify(side).has(sympy.Piecewise) for side in (x, y)):
            return choice_class(sign)(x, y, yes, no)
        return sympy.Piecewise((yes, getattr(sympy, _RELATIONS[sign])(x, y)), (no, True))

    def sign(self, x: Any) -> Any:
        """Return 1, -1, or 0 at 0; SymPy's own sign has a delta function for its slope."""
        return self.choose(">", x, 0, 1, self.choose("<", x, 0, -1, 0))

    def pick(self, sign: str, values: Sequence[Any], results: Sequence[Any]) -> Any:
        """Return the result at the first largest (">") or smallest ("<") of some values."""
        if len(values) == 1:
            return results[0]
        marks = (mark_class(sign, k)(*values) for k in range(len(values)))
        return sympy.Add(*(m * y for m, y in zip(marks, results, strict=True)))

    def matrix(self, name: str, *grids: Cells) -> Cells:
        """Refuse: the entries of such a function have no closed form."""
        raise NoEntriesError(f"no entries in SymPy for {name}: they have no closed form")

    def unspecified(self, letter: str, order: int, x: Any) -> Any:
        """Return an unspecified entrywise function, or its derivative."""
        return unspecified_class(letter, order)(x)

    def log1p(self, x: Any) -> Any:
        """Return log(1 + x)."""
        return sympy.log(1 + x)

    def expm1(self, x: Any) -> Any:
        """Return exp(x) - 1."""
        return sympy.exp(x) - 1

    def scale(self, values: Iterable[Any]) -> Fraction:
        """Return 1: symbols have no size."""
        return Fraction(1)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        found = getattr(sympy, _SYMPY_NAMES.get(name, name), None)
        if name.startswith("_") or found is None:
            raise AttributeError(name)
        if name in _HYPERBOLIC:
            return lambda x: (found if sympy.sympify(x).is_real else real_class(name))(x)
        return found  # type: ignore[no-any-return]


def loss_name(e: Expr, several: bool) -> str:
    """Return how the value of an unspecified loss is called among the symbols."""
    assert isinstance(e.data, tuple)
    name, gradient = e.data
    return f"{name}({gradient})" if several else str(name)
