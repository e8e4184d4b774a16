"""Functions along some axes of a term, all others carried along: their terms, entries, text, code.

An axis is named by its *slot*, counted from the end (-1 is the last): what stands in front of the
core axes (named indices, batch axes) then needs no rule of its own, and the maximum of every row
is the maximum of a vector with one leading axis.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ..core.cells import each, flat, reshaped, sizes_of
from ..core.errors import MissingRuleError
from ..core.expr import Expr, node, transpose
from ..core.shapes import ONE, Dim, Shape, reduced_shape
from ..notation.math import Fence, Math, Script, Word, listed, row, sub
from ..tensor import Factor, Label, Scale, Term, Value, call, contract
from .base import TABLE, Application, Codes, Texts, Writes
from .leaves import size_notation

Slots = tuple[int, ...]


def slots_of(shape: Shape, axis: int | None) -> Slots:
    """Return the slots of the axes along which ``axis`` goes; none where they have size 1."""
    core = [k for k, dim in enumerate(shape) if dim != ONE]
    return tuple(p - len(core) for p, k in enumerate(core) if axis in (None, k))


def axis_of(x: Expr, slots: Slots) -> int | None:
    """Return the axis of a raised argument that slots stand for; None for all of its entries."""
    if len(x.shape) > 2 and 1 < len(slots) < len(x.shape):
        raise MissingRuleError("no form for a function along several axes of a tensor, but not all")
    if ONE in x.shape or len(slots) != 1:
        return None
    return len(x.shape) + slots[0]


@dataclass(frozen=True)
class AxesLayout:
    """Labels for every axis of a term, and for those that a reduction leaves."""

    term: Term
    slots: Slots

    @property
    def all(self) -> tuple[Label, ...]:
        """Return a label for every axis."""
        return tuple(range(len(self.term.dims)))

    @property
    def kept(self) -> tuple[Label, ...]:
        """Return the labels of the axes that are not reduced."""
        gone = {len(self.term.dims) + s for s in self.slots}
        return tuple(k for k in self.all if k not in gone)

    @property
    def dims(self) -> dict[Any, Dim]:
        """Return the range of every label."""
        return dict(enumerate(self.term.dims))

    @property
    def left(self) -> tuple[Dim, ...]:
        """Return the dimensions of what a reduction leaves."""
        return tuple(self.dims[k] for k in self.kept)

    @property
    def share(self) -> Scale:
        """Return 1 / the number of entries that are reduced to one."""
        scale = Scale()
        for k in self.all:
            if k not in self.kept:
                scale = scale * Scale.of(self.dims[k], -1)
        return scale

    def whole(self, *factors: Term) -> Term:
        """Return an entrywise product; a factor that was reduced is spread over its axes."""
        return contract(self._factors(factors), self.all, self.dims)

    def reduced(self, *factors: Term, scale: Scale | None = None, spread: bool = False) -> Term:
        """Return the sum of an entrywise product along the slots, spread out again if asked."""
        inner = contract(self._factors(factors), self.kept, self.dims, scale or Scale())
        return self.whole(inner) if spread else inner

    def _factors(self, terms: tuple[Term, ...]) -> list[Factor]:
        full = len(self.term.dims)
        return [Factor(t, self.all if len(t.dims) == full else self.kept) for t in terms]


Rule = Callable[[AxesLayout, Term, Term], Term]

# The pullbacks of functions along axes, by name: from the layout of the argument, the node and
# its cotangent. Each entry puts in its own.
RULES: dict[str, Rule] = {}

# Those that go along the last axis unless they are told another.
NEEDS_AXIS = ("softmax", "logsoftmax")


@dataclass(frozen=True)
class AxisCall:
    """A function along some axes of a term; ``data`` holds their slots."""

    name: str
    data: Slots
    reuses_cotangent: ClassVar[bool] = True

    def pullback(self, node: Term, position: int, cotangent: Term) -> Term:
        """Return the cotangent of the argument, by the rule of this function."""
        return RULES[self.name](AxesLayout(node.children[0], self.data), node, cotangent)

    def rebuild(self, args: tuple[Expr, ...]) -> Expr:
        """Return the call as an expression; a row that a reduction leaves is turned upright."""
        x = args[0]
        axis = axis_of(x, self.data)
        if TABLE[self.name].axis == "keeps":
            # A vector has one axis, and one row of a softmax is to be told from one column.
            told = self.name in NEEDS_AXIS and ONE in x.shape
            return node(self.name, args, x.shape, 0 if told else axis)
        found = node(self.name, args, reduced_shape(x.shape, axis), axis)
        return transpose(found) if axis == 0 and len(x.shape) == 2 else found


def along(name: str, term: Term, slots: Slots) -> Term:
    """Return a function along some axes of a term."""
    dims = term.dims if TABLE[name].axis == "keeps" else AxesLayout(term, slots).left
    return call(AxisCall(name, slots), (term,), dims)


def read_along(name: str) -> Callable[[Application], Expr]:
    """Return how ``name(X)``, ``name(X, axis=0)`` and ``name(X, axis=1)`` are read."""

    def build(call: Application) -> Expr:
        call.expect(1, 1, "axis")
        x = call.expr(0)
        axis = call.axis(of=x)
        shape = x.shape if TABLE[name].axis == "keeps" else reduced_shape(x.shape, axis)
        return node(name, (x,), shape, axis)

    return build


def lower_along(e: Expr, args: Sequence[Value]) -> Value:
    """Return a function of one argument along ``e.data``; where there is no axis, the argument."""
    assert e.data is None or isinstance(e.data, int)
    slots = slots_of(args[0].shape, e.data)
    term = along(e.op, args[0].term, slots) if slots else args[0].term
    return Value(term, e.shape, args[0].loose)


def reduced_cells(cells: Any, axis: Any, combine: Callable[[list[Any]], Any]) -> Any:
    """Return one scalar for all entries along an axis, or for all there are."""
    if axis is None:
        return [[combine(flat(cells))]]
    if axis:
        return [reduced_cells(part, axis - 1, combine) for part in cells]
    return [each(lambda *values: combine(list(values)), *cells)]


def mapped_cells(cells: Any, axis: Any, combine: Callable[[list[Any]], list[Any]]) -> Any:
    """Return the entries along an axis, or all, each list of them taken to one of its length."""
    if axis is None:
        return reshaped(combine(flat(cells)), sizes_of(cells))
    if axis:
        return [mapped_cells(part, axis - 1, combine) for part in cells]
    lines = [combine(list(line)) for line in zip(*map(flat, cells), strict=True)]
    return [reshaped(part, sizes_of(cells[0])) for part in zip(*lines, strict=True)]


def axis_text(e: Expr, text: Texts) -> str:
    """Return ``name(x, .., axis=0)``; an axis is written where it is not that of all entries."""
    axis = "" if e.data is None else f", axis={e.data}"
    name = TABLE[e.op].spelled or e.op
    return f"{name}({', '.join(text(a) for a in e.args)}{axis})"


def axis_code(name: str) -> Callable[[Expr, Codes], str]:
    """Return how a function along an axis is written; where there is no axis, it is the argument.

    ``name`` is that of NumPy or of a helper that goes over all entries unless it is told an axis.
    """

    def write(e: Expr, code: Codes) -> str:
        x = e.args[0]
        if not slots_of(x.shape, e.data):  # type: ignore[arg-type]
            return code(x)
        if len(x.shape) > 2 and isinstance(e.data, int):
            return _tensor_code(e, code, name, e.data)
        axis = None if ONE in x.shape else e.data
        return code.function(e, name, *([] if axis is None else [f"axis={axis}"]))

    return write


def _tensor_code(e: Expr, code: Codes, name: str, axis: int) -> str:
    """Return a function along an axis of a tensor; a reduction keeps the axis with size 1."""
    source = e.args[0].shape
    found = code.function(e, name, f"axis={axis}")
    if TABLE[e.op].axis == "keeps":
        return found
    left = (*source[:axis], *source[axis + 1 :])
    if len(e.shape) < len(source):
        return code.packed(found, left, e.shape)
    return f"{found}[{', '.join([':'] * axis + ['None'])}]"


def axis_notation(word: Math) -> Callable[[Expr, Writes], Math]:
    """Return the notation ``word(x)``, with a mark where the axis is not that of all entries."""

    def notation(e: Expr, write: Writes) -> Math:
        body = Fence("(", listed(*(write(a) for a in e.args)), ")")
        if e.data is None or ONE in e.args[0].shape:
            return row(word, body)
        if isinstance(word, Script) and word.sub is not None:
            return row(Script(word.base, listed(word.sub, axis_word(e))), body)
        return row(sub(word, axis_word(e)), body)

    return notation


def axis_word(e: Expr) -> Math:
    """Return what is written for the axis of ``e.data``.

    The matrices of a tensor have rows and columns; another axis of it is named by its size.
    """
    shape, axis = e.args[0].shape, int(str(e.data))
    if axis < len(shape) - 2:
        return row(Word("along", function=False), size_notation(shape[axis]))
    return Word("each column" if axis == len(shape) - 2 else "each row", function=False)
