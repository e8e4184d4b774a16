"""The fields of a table entry, and the table itself: an incomplete entry fails the import.

Each field serves one reader (the parser, the two roads, the printers, the code generator, the
tests). Entries call no engine: ``lower`` speaks in index terms, ``explicit`` in grids of scalars of
whatever kind the caller computes with (SymPy symbols, fractions, dual numbers), and the two share
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any, ClassVar, ParamSpec, Protocol

from ..core.cells import Cells as Cells
from ..core.cells import broadcast as broadcast
from ..core.expr import Expr, Index, node, walk
from ..core.shapes import Dim, Shape
from ..notation.math import Fence, Math, Word, listed, row
from ..tensor import (
    Factor,
    Label,
    Scale,
    Term,
    Value,
    add,
    call,
    constant,
    contract,
    monomial,
    scaled,
)
from .exact_work import Work, each_entry
from .flops import Count, entries

P = ParamSpec("P")

# How tightly an operator binds, as in Python.
SUM, SIGN, PRODUCT, POWER, ATOM = 1, 2, 3, 4, 5


class EntryPlace(Protocol):
    """Where explicit entries are built: sizes, positions of the named indices, scalar functions."""

    @property
    def math(self) -> Any: ...
    def size(self, dim: Dim) -> int: ...
    def position(self, index: Index) -> int: ...
    def given(self, e: Expr) -> Cells: ...
    def over(self, e: Expr) -> list[Cells]: ...
    def loss(self, e: Expr, cells: Cells) -> Cells: ...
    def applied(self, e: Expr, cells: Cells) -> Cells: ...
    def derivative(self, e: Expr) -> Cells: ...
    def differential(self, e: Expr) -> Cells: ...


class Texts(Protocol):
    """Prints an argument, in parentheses where it binds looser than ``level``."""

    def __call__(self, e: Expr, level: int = ...) -> str: ...


class Writes(Protocol):
    """Writes an argument as notation, in parentheses where it binds looser than ``level``.

    ``sized`` says whether constants are written with their sizes, which nothing beside them tells.
    """

    @property
    def sized(self) -> bool: ...
    def __call__(self, e: Expr, level: int = ...) -> Math: ...
    def index(self, i: Index) -> Math: ...
    def inner(self, e: Expr, mark: Math | None = ...) -> Math: ...
    def name(self, name: str) -> Math: ...
    def is_taken(self, letter: str) -> bool: ...
    def symbol(self, e: Expr) -> Math: ...
    def spread(self, e: Expr, over: Expr, level: int = ...) -> Math: ...
    def limits(self, index: str, dim: Dim) -> tuple[Math, Math | None]: ...


class Codes(Protocol):
    """Writes an argument as NumPy source; scalars are floats, vectors and rows 1-D arrays."""

    def __call__(self, e: Expr, level: int = ...) -> str: ...
    def spread(self, e: Expr, over: Expr, level: int = ...) -> str: ...
    def full(self, e: Expr, level: int = ...) -> str: ...
    def array(self, e: Expr) -> str: ...
    def packed(self, code: str, shape: Shape, target: Shape) -> str: ...
    def name(self, e: Expr) -> str: ...
    def word(self, name: str) -> str: ...
    def is_named(self, e: Expr) -> bool: ...
    def size(self, dim: Dim) -> str: ...
    def length(self, dim: Dim) -> str: ...
    def loss(self, e: Expr) -> str: ...
    def index(self, i: Index) -> str: ...
    def filled(self, e: Expr, what: str) -> str: ...
    def chain(self, factors: Sequence[Expr]) -> str: ...
    def function(self, e: Expr, name: str, *options: str) -> str: ...
    def called(self, name: str, *arguments: str) -> str: ...


class Application(Protocol):
    """A call ``name(..)`` that is being read: its arguments, checked as they are asked for."""

    @property
    def name(self) -> str: ...
    def expect(self, least: int, most: int | None = None, *keywords: str) -> int: ...
    def expr(self, position: int) -> Expr: ...
    def dim(self, position: int) -> Dim: ...
    def position(self, position: int) -> int: ...
    def axis(self, default: int | None = ..., of: Expr | None = ...) -> int | None: ...
    def constant(self, position: int) -> Hashable: ...
    def choice(self, position: int, allowed: tuple[Hashable, ...]) -> Hashable: ...
    def refuse(self, x: Expr, problem: str, remedy: str) -> Exception: ...
    def comparison(self, position: int) -> tuple[Expr, str, Expr]: ...
    def square(self, position: int) -> Expr: ...
    def vector(self, position: int) -> Expr: ...
    def whole_number(self, position: int) -> Expr: ...
    def times(self, left: int, right: int) -> tuple[Expr, Expr]: ...
    def same_columns(self, left: Expr, right: Expr, position: int) -> None: ...
    def common_shape(self, *args: Expr) -> Shape: ...
    def shape(self, x: Expr) -> Shape: ...
    def text(self, position: int) -> str: ...
    def integers(self, position: int) -> tuple[int, ...]: ...
    def offset(self, position: int) -> Dim | None: ...
    def dims(self, position: int) -> tuple[Dim, ...]: ...
    def fail(self, message: str, position: int | None = ..., remedy: str = ...) -> Exception: ...
    def equal_dims(self, left: Dim, right: Dim, what: str, position: int) -> Dim: ...
    def same_shape(self, left: Expr, right: Expr) -> Shape: ...
    def indices(self) -> tuple[Index, Index, Dim]: ...
    def bound(self, node_of: Callable[[str, Dim, Expr], Expr]) -> Expr: ...
    def index(self, position: int, dim: Dim) -> Index: ...


def binds(level: int) -> Callable[[Expr], int]:
    """Return the level of an operator that always binds alike."""
    return lambda e: level


def as_function(e: Expr, text: Texts) -> str:
    """Return ``name(argument, ..)``: the text of every operator that has no sign of its own."""
    return f"{e.op}({', '.join(text(a) for a in e.args)})"


def written_function(word: str) -> Callable[[Expr, Writes], Math]:
    """Return the notation ``word(argument, ..)``."""

    def notation(e: Expr, write: Writes) -> Math:
        return row(Word(word), Fence("(", listed(*(write(a) for a in e.args)), ")"))

    return notation


def _written_by_name(e: Expr, write: Writes) -> Math:
    return written_function(e.op)(e, write)


@dataclass(frozen=True, slots=True)
class Definition:
    """A function written in simpler ones, in the language: what its derivative is derived from."""

    call: str  # the function itself, of variables
    value: str  # the same in simpler functions
    declared: tuple[tuple[str, str], ...]  # the variables and their shapes
    by: str = "x"  # the one to differentiate by
    output: str = "y"  # the name of the value
    of_rows: str = "row by row"  # what becomes of a matrix: of each row, and then

    @classmethod
    def of_number(cls, call: str, value: str, **others: str) -> Definition:
        """Return the definition of a function of a number x."""
        return cls(call, value, (("x", "scalar"), *others.items()))

    @classmethod
    def of_vector(cls, call: str, value: str, of_rows: str = "", **others: str) -> Definition:
        """Return the definition of a function of a vector x with n entries."""
        return cls(call, value, (("x", "n"), *others.items()), of_rows=of_rows or "row by row")

    @classmethod
    def of_matrix(cls, call: str, value: str) -> Definition:
        """Return the definition of a function of a square matrix X with n rows."""
        return cls(call, value, (("X", "n, n"),), "X")


@dataclass(frozen=True, slots=True)
class Identity:
    """An equation that a function satisfies, in the language: what its derivative follows from."""

    call: str  # the function itself, of variables
    left: str  # of the variables and the output
    right: str
    declared: tuple[tuple[str, str], ...]  # the variables and their shapes
    solved: str  # how the differential of the output is found; {..} is in the language
    output: str = "Y"

    @classmethod
    def of_number(cls, call: str, left: str, right: str, solved: str) -> Identity:
        """Return the equation of a function y of a number x."""
        return cls(call, left, right, (("x", "scalar"),), solved, "y")

    @classmethod
    def of_matrix(cls, call: str, left: str, right: str, solved: str, **others: str) -> Identity:
        """Return the equation of a function Y of a square matrix X."""
        return cls(call, left, right, (("X", "n, n"), *others.items()), solved)


@dataclass(frozen=True, slots=True)
class Expansion:
    """A function of a matrix that is linear in each row: a sum of entries times cofactors."""

    call: str  # the function itself, of one variable
    cofactors: str  # of every entry; those of a row do not contain it
    solved: str  # what the cofactors are in terms of the function; {..} is in the language
    declared: tuple[tuple[str, str], ...] = (("X", "n, n"),)
    name: str = "C"
    output: str = "y"


Basis = Definition | Identity | Expansion


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Everything that is known about one operator; what has a default need not be stated.

    >>> from symderiv.ops import TABLE
    >>> TABLE["tanh"].usage, TABLE["tanh"].law, TABLE["tanh"].slope
    ('tanh(x)', "tanh' = 1 - tanh²", '1 - tanh(x) ** 2')
    """

    name: str  # the key, and the function name in the language
    usage: str  # how it is written
    law: str  # the sentence a derivation prints where it is used
    source: str  # where the rule is published
    lower: Callable[[Expr, Sequence[Value]], Value]  # the index road
    explicit: Callable[[Expr, Sequence[Cells], EntryPlace], Cells]  # the entry road, and evaluation
    numpy: Callable[[Expr, Codes], str]  # generated code
    samples: tuple[str, ...]  # expressions of X: n,d  A: n,n  x: n  s: scalar for the tests
    bad: tuple[str, ...]  # expressions that must be refused
    text: Callable[[Expr, Texts], str] = as_function  # the language
    level: Callable[[Expr], int] = binds(ATOM)  # how tightly its text binds
    notation: Callable[[Expr, Writes], Math] = _written_by_name  # LaTeX, Typst, Unicode
    written: Callable[[Expr], int] | None = None  # where notation binds otherwise than text
    build: Callable[[Application], Expr] | None = None  # how a call of its name is read
    spelled: str = ""  # the function name in the language, where it is not the key
    internal: str = ""  # why nobody can write it, so that it has no samples
    patterned: bool = True  # whether its entries have a pattern in indices that can be sought
    analytic: bool = True  # whether a complex step differentiates its code
    domain: str = "real"  # "real" | "positive" | "unit" (-1 to 1): where points are drawn
    tensors: str = ""  # "" refuses them | "batch": matrix by matrix | "whole": takes their cells
    flops: Count = entries  # what it takes, by the conventions of ``flops``
    work: Work = each_entry  # what it takes in exact arithmetic, roughly
    entrywise: bool = False  # whether an entry is a function of the entries at its place alone
    linear: bool = False  # whether it is linear in its first argument, and binds no index
    axis: str = ""  # whether it "reduces" or "keeps" the axis that its data is
    moves: bool = False  # whether its entries are some of those of its argument
    multiplies: bool = False  # whether its sizes are products of others
    plain: bool = False  # whether its derivative is a constant, or a matter of shapes alone
    singular: int | None = None  # the argument at which it is undefined, infinite or too large
    pieces: str = ""  # what decides between its branches: see ``PIECES``
    slope: str = ""  # the derivative of a function f(x), in the language
    # What its derivative follows from; where no lemma derives it, why none is needed.
    rests_on: Basis | str = ""
    explained: str = ""  # what a document says of the function's word where nothing defines it
    square: Callable[[Term], Term | None] | None = None  # of a root: what is under it
    range: str = ""  # of its values: "positive" | "nonnegative" | "unit", between 0 and 1
    undoes: str = ""  # the function f with op(f(x)) = x wherever f is defined
    sympy: str = ""  # what the function is called in SymPy
    is_logarithm: bool = False  # whether it is one, of a likelihood for example
    is_exponential: bool = False  # of a matrix: far away, its entries have a million digits


# What decides between the branches of an operator: the sign of its argument, which of its first
# two arguments is larger, two bounds, which entry is largest, the signs of all entries, which entry
# is largest in size and what its sign is.
PIECES = ("", "zero", "sign", "order", "bounds", "largest", "signs", "size")

TABLE: dict[str, Operator] = {}

# The entries that are read from a call, by the name of the function in the language.
FUNCTIONS: dict[str, Operator] = {}

_OPTIONAL = {f.name for f in fields(Operator) if f.default in ("", None)}


def put(operator: Operator) -> Operator:
    """Put an entry into the table; an incomplete or repeated one fails the import."""
    missing = [f.name for f in fields(operator) if getattr(operator, f.name) in ("", None, ())]
    optional = _OPTIONAL | ({"samples"} if operator.internal else set())
    missing = [name for name in missing if name not in optional]
    if missing or operator.name in TABLE:
        raise TypeError(f"operator {operator.name!r}: incomplete or repeated ({missing})")
    TABLE[operator.name] = operator
    if operator.build is not None:
        FUNCTIONS[operator.spelled or operator.name] = operator
    return operator


def _putting(make: Callable[P, Operator]) -> Callable[P, Operator]:
    """Return the maker of an entry that puts it into the table as well."""
    return lambda *args, **kwargs: put(make(*args, **kwargs))


register = _putting(Operator)


ShapeOf = Callable[[Sequence[Expr]], Shape]


class OperatorCall:
    """What calls share: their value has the ``shape`` that their arguments give, of the first."""

    name: str
    data: Hashable = None
    shape: ClassVar[ShapeOf] = staticmethod(lambda args: args[0].shape)

    def rebuild(self, args: tuple[Expr, ...]) -> Expr:
        """Return the call as an expression."""
        return node(self.name, args, type(self).shape(args), self.data)


def read_pointwise(name: str) -> Callable[[Application], Expr]:
    """Return how ``name(x)`` is read when the result has the shape of its one argument."""

    def build(call: Application) -> Expr:
        call.expect(1)
        x = call.expr(0)
        return node(name, (x,), x.shape)

    return build


def letter_or_word(
    letter: str, word: str, arguments: Callable[[Expr], Sequence[Math]], short: Math
) -> Callable[[Expr, Writes], Math]:
    """Return the notation of a constant: a letter, or ``word(..)`` where that is a name."""

    def notation(e: Expr, write: Writes) -> Math:
        if write.is_taken(letter):
            return row(Word(word), Fence("(", listed(*arguments(e)), ")"))
        return short

    return notation


def is_indicator(e: Expr) -> bool:
    """Whether an expression is 1 where a comparison holds, else 0."""
    if e.op != "where" or {a.op for a in e.args[2:]} != {"num"}:
        return False
    return (e.args[2].data, e.args[3].data) == (1, 0)


def is_plain(e: Expr) -> bool:
    """Whether an expression is a number of no precision of its own: made of numbers and sizes."""
    return e.is_scalar and not any(map(_holds_values, walk(e, _holds_values)))


def _holds_values(e: Expr) -> bool:
    return e.op in ("var", "named", "loss", "apply")


def leading(term: Term, core: int) -> tuple[Label, ...]:
    """Return labels for the axes of a term in front of its last ``core`` ones.

    They are named indices that no Sum bound yet, and batch axes: a rule carries them along.
    """
    return tuple(("lead", k) for k in range(len(term.dims) - core))


def moved_to_front(term: Term, extra: int) -> Term:
    """Return a term whose last axes, so many of them, stand in front as leading ones."""
    labels = tuple(range(len(term.dims)))
    out = labels[len(labels) - extra :] + labels[: len(labels) - extra]
    return contract([Factor(term, labels)], out, dict(enumerate(term.dims)))


def moved_to_back(term: Term, extra: int) -> Term:
    """Return a term whose first axes, so many of them, stand behind the others."""
    return moved_to_front(term, len(term.dims) - extra)


def total(values: Sequence[Any]) -> Any:
    """Return the sum of at least one scalar."""
    result = values[0]
    for v in values[1:]:
        result = result + v
    return result


@dataclass(frozen=True)
class Pointwise:
    """A term under entrywise arithmetic, so that a derivative reads as it is written on paper."""

    term: Term

    @staticmethod
    def lift(other: Pointwise | int | Fraction, like: Term) -> Term:
        """Return a number as a constant with the axes of ``like``."""
        if isinstance(other, Pointwise):
            return other.term
        return constant(Scale(Fraction(other)), like.dims)

    def __add__(self, other: Pointwise | int) -> Pointwise:
        return Pointwise(add([self.term, self.lift(other, self.term)]))

    __radd__ = __add__

    def __neg__(self) -> Pointwise:
        return Pointwise(scaled(self.term, Scale(Fraction(-1))))

    def __sub__(self, other: Pointwise | int) -> Pointwise:
        return self + -Pointwise(self.lift(other, self.term))

    def __rsub__(self, other: Pointwise | int) -> Pointwise:
        return -self + other

    def __mul__(self, other: Pointwise | int | Fraction) -> Pointwise:
        return Pointwise(monomial((self.term, 1), (self.lift(other, self.term), 1)))

    __rmul__ = __mul__

    def __pow__(self, exponent: int | Fraction) -> Pointwise:
        return Pointwise(monomial((self.term, exponent)))

    def __rtruediv__(self, other: int) -> Pointwise:
        return self**-1 * other

    def apply(self, name: str, data: Hashable = None) -> Pointwise:
        """Return another entrywise function of this term, by its name in the table."""
        return Pointwise(call(ENTRYWISE[name](data), (self.term,), self.term.dims))


# Makers of the call function of each entrywise operator; filled by ``entrywise``.
ENTRYWISE: dict[str, Callable[[Hashable], Any]] = {}
