"""Makes expressions, trees of operators with a shape on every node, walks them and changes them.

``X.T @ G`` and ``Sum(i, X[i, p] * G[i, q])`` are of one kind. Nodes are immutable and hash-consed:
equal expressions are the same object, so comparison and memo tables are cheap.

A shape ends in rows and columns (a scalar is 1 x 1, a vector a column), with the batch axes of a
tensor in front. Shapes are trusted here: reading a text infers them, the constructors below take
them from their arguments.

Node operators and what ``data`` holds:

    num      Fraction          ones, zeros, eye   -              entry   an index for each axis
    var      name              onehot   position                 row     index
    named    name (args: value)    sum, mean   axis or None      column  index
    size     Dim               norm     kind                     Sum     (index, range)
    const    "pi" or "e"       loss     (name, gradient's name)    delta   (index, index, range)
    where    comparison        apply    (name, order)            partial names held fixed
    Prod     (index, range)    part     (before, size, behind, axis)
    slab     for each axis an index, or None for the whole of it
"""

from __future__ import annotations

from collections.abc import Callable, Container, Hashable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from operator import attrgetter
from typing import Any

from .interning import Interned
from .nodes import Notion, arguments_first, of_kind
from .shapes import ONE, SCALAR, Dim, Shape, broadcast, swapped, trimmed

Index = str | int
BINDERS = ("Sum", "Prod")  # what binds a named index in its one argument


class Expr:
    """One node: an operator, its arguments, a shape, and what the operator needs besides.

    >>> X = var("X", (Dim(1, ("n",)), Dim(1, ("d",))))
    >>> matmul(transpose(X), X), matmul(transpose(X), X) is matmul(transpose(X), X)
    (matmul(transpose(var('X')), var('X')), True)
    """

    __slots__ = ("op", "args", "shape", "data", "_free", "_reduced", "__weakref__")
    op: str
    args: tuple[Expr, ...]
    shape: Shape
    data: Hashable

    def __repr__(self) -> str:
        args = () if self.is_name else self.args  # a name stands for what it names
        inside = ", ".join([*map(repr, args), *([repr(self.data)] if self.data else [])])
        return f"{self.op}({inside})"

    @property
    def is_scalar(self) -> bool:
        """Whether the shape is 1 x 1."""
        return self.shape == SCALAR

    is_variable = Notion("var")
    is_name = Notion("named")  # written, and not what it stands for
    is_symbol = Notion("var", "named")
    is_loss = Notion("loss")
    is_number = Notion("num")
    is_coefficient = Notion("num", "size")  # what a scale is made of
    is_constant = Notion("num", "size", "const")
    is_ones = Notion("ones")
    is_sum = Notion("add")
    is_negative = Notion("neg")
    is_matrix_product = Notion("matmul")
    is_hadamard = Notion("mul")  # the product of entries, of scalars too
    is_product = Notion("matmul", "mul")
    is_quotient = Notion("div")
    is_scaled = Notion("mul", "div")
    is_power = Notion("pow")
    is_transpose = Notion("transpose")

    @property
    def is_all_ones(self) -> bool:
        """Whether it is ones(..), or the transpose of such."""
        return self.is_ones or (self.is_transpose and self.args[0].is_ones)

    @property
    def is_column_of_ones(self) -> bool:
        """Whether it is ones(n)."""
        return self.is_ones and self.shape[1] == ONE

    @property
    def is_row_of_ones(self) -> bool:
        """Whether it is ones(n).T, or ones(1, n)."""
        return self.is_all_ones and self.shape[0] == ONE

    @property
    def is_diagonal(self) -> bool:
        """Whether it is the diagonal matrix of a vector."""
        square = self.op == "diag" and self.shape[0] == self.shape[1]
        return square and ONE in self.args[0].shape

    @property
    def fixed_power(self) -> tuple[Expr, Fraction]:
        """Return base and exponent of a power whose exponent is a number, else itself and 1."""
        is_fixed = self.is_power and self.args[1].is_number
        return (self.args[0], number(self.args[1])) if is_fixed else (self, Fraction(1))

    def __reduce__(self) -> tuple[Callable[..., Expr], tuple[object, ...]]:
        # Another process has nodes of its own, of which equal ones must be one again.
        return node, (self.op, self.args, self.shape, self.data)

    # What is asked of a node again and again is found once: a deep problem asks for every part.
    _free: dict[str, Dim] | None
    _reduced: bool | None


_nodes: Interned[Expr] = Interned()


def node(op: str, args: tuple[Expr, ...], shape: Shape, data: Hashable = None) -> Expr:
    """Return the one node with these parts."""
    key = (op, args, shape, data)
    found = _nodes.get(key)
    if found is None:
        found = of_kind(Expr, op)()
        found.op, found.args, found.shape, found.data = op, args, shape, data
        found._free = found._reduced = None
        _nodes.put(key, found)
    return found


def num(value: Fraction | int) -> Expr:
    """Return a rational number."""
    return node("num", (), SCALAR, value if type(value) is Fraction else Fraction(value))


_MINUS_ONE, _PLUS_ONE = num(-1), num(1)


def var(name: str, shape: Shape) -> Expr:
    """Return a variable."""
    return node("var", (), shape, name)


def named(name: str, value: Expr) -> Expr:
    """Return a reference to a definition the writer named."""
    return node("named", (value,), value.shape, name)


def ones(*dims: Dim) -> Expr:
    """Return the column, matrix or tensor of ones."""
    return node("ones", (), (*dims, ONE)[: max(2, len(dims))])


def zeros(*dims: Dim) -> Expr:
    """Return the column, matrix or tensor of zeros."""
    return node("zeros", (), (*dims, ONE)[: max(2, len(dims))])


def eye(rows: Dim) -> Expr:
    """Return the identity matrix."""
    return node("eye", (), (rows, rows))


def dim_size(dim: Dim) -> Expr:
    """Return the size of a dimension as a scalar."""
    return num(dim.coefficient) if not dim.symbols else node("size", (), SCALAR, dim)


def transpose(x: Expr) -> Expr:
    """Return the transpose of the last two axes, without one where the writer would see none."""
    if x.is_scalar or (x.op == "eye"):
        return x
    if x.is_transpose:
        return x.args[0]
    return node("transpose", (x,), swapped(x.shape))


def matmul(*factors: Expr) -> Expr:
    """Return a matrix product, flattened; scalars and signs in it stand in front."""
    scalars: list[Expr] = []
    rest: list[Expr] = []
    for f in factors:
        minus, scale, body = _fronted(f)
        scalars += [num(-1)] * minus + scale
        rest += [body] if body is not None else []
    if scalars:
        return mul(*scalars, matmul(*rest)) if rest else mul(*scalars)
    factors = tuple(rest)
    flat = tuple(g for f in factors for g in (f.args if f.is_matrix_product else (f,)))
    if len(flat) == 1:
        return flat[0]
    batch = broadcast([(*f.shape[:-2], ONE, ONE) for f in flat])[:-2]
    return node("matmul", flat, (*batch, flat[0].shape[-2], flat[-1].shape[-1]))


def _fronted(x: Expr) -> tuple[bool, list[Expr], Expr | None]:
    """Return the sign, the scalars and the rest of a factor: -2 * s * X is (-, [2, s], X)."""
    if x.is_scalar:
        return False, [x], None
    minus = x.is_negative
    body = x.args[0] if minus else x
    if not body.is_hadamard:
        return minus, [], body
    scalars = [a for a in body.args if a.is_scalar]
    rest = [a for a in body.args if not a.is_scalar]
    return minus, scalars, mul(*rest)


def _broadcast(args: tuple[Expr, ...]) -> Shape:
    shapes = {a.shape for a in args}
    shapes.discard(SCALAR)
    return broadcast([a.shape for a in args]) if len(shapes) > 1 else min(shapes, default=SCALAR)


def add(*terms: Expr) -> Expr:
    """Return an entrywise sum, flattened."""
    flat = tuple(g for t in terms for g in (t.args if t.is_sum else (t,)))
    return flat[0] if len(flat) == 1 else node("add", flat, _broadcast(flat))


def mul(*factors: Expr) -> Expr:
    """Return an entrywise (Hadamard) product, flattened; a sign of a factor stands in front."""
    minus = False
    flat: list[Expr] = []
    for f in factors:
        minus ^= f.is_negative or f is _MINUS_ONE
        body = f.args[0] if f.is_negative else f
        if f is not _MINUS_ONE:
            flat += body.args if body.is_hadamard else (body,)
    if len(flat) < 2:
        product = flat[0] if flat else _PLUS_ONE
    else:
        product = node("mul", tuple(flat), _broadcast(tuple(flat)))
    return neg(product) if minus else product


def neg(x: Expr) -> Expr:
    """Return the negative."""
    if x.is_negative:
        return x.args[0]
    if x.is_number:
        return num(-number(x))
    return node("neg", (x,), x.shape)


def div(x: Expr, y: Expr) -> Expr:
    """Return the entrywise quotient."""
    return node("div", (x, y), _broadcast((x, y)))


def power(x: Expr, y: Expr) -> Expr:
    """Return the entrywise power."""
    return node("pow", (x, y), _broadcast((x, y)))


MAKERS: dict[str, Callable[..., Expr]] = {
    "add": add,
    "mul": mul,
    "matmul": matmul,
    "neg": neg,
    "div": div,
    "pow": power,
    "transpose": transpose,
    "sqrt": lambda x: node("sqrt", (x,), x.shape),
}


def remade(x: Expr, args: Sequence[Expr]) -> Expr:
    """Return an operator of ``MAKERS`` with other arguments, which may have other shapes."""
    return MAKERS[x.op](*args)


def entry(x: Expr, *place: Index) -> Expr:
    """Return the scalar x[i, j], with an index for every axis."""
    return node("entry", (x,), SCALAR, place)


def row(x: Expr, i: Index) -> Expr:
    """Return row i, 1 x d."""
    return node("row", (x,), (ONE, x.shape[1]), i)


def column(x: Expr, j: Index) -> Expr:
    """Return column j, n x 1."""
    return node("column", (x,), (x.shape[0], ONE), j)


def slab(x: Expr, marks: tuple[Index | None, ...]) -> Expr:
    """Return what named indices leave of a tensor: an axis with one has size 1, or falls away."""
    shape = (ONE if m is not None else d for m, d in zip(marks, x.shape, strict=True))
    return node("slab", (x,), trimmed(tuple(shape)), marks)


def index_sum(index: str, dim: Dim, body: Expr) -> Expr:
    """Return the sum of ``body`` over a named index with the given range."""
    return node("Sum", (body,), body.shape, (index, dim))


def delta(i: Index, j: Index, dim: Dim) -> Expr:
    """Return the Kronecker delta of two indices that run over the same range."""
    return node("delta", (), SCALAR, (i, j, dim))


def partial(of: Expr, by: Expr, held: tuple[Expr, ...] = ()) -> Expr:
    """Return the symbol for the derivative of one entry by another, some names held fixed."""
    return node("partial", (of, by), SCALAR, held)


def differential(x: Expr, moving: tuple[str, ...]) -> Expr:
    """Return dx, the change of ``x`` to first order when some variables change."""
    return node("differential", (x,), x.shape, moving)


def number(x: Expr) -> Fraction:
    """Return the value of a ``num`` node."""
    assert isinstance(x.data, Fraction)
    return x.data


_args_of = attrgetter("args")


def walk(
    x: Expr, leave: Callable[[Expr], bool] | None = None, known: Container[Expr] = ()
) -> Iterator[Expr]:
    """Yield every distinct node, arguments before the nodes that use them.

    Nothing is looked for below a node that ``leave`` holds for, nor from one that is ``known``.
    """
    return arguments_first([x], _args_of, leave, known)


def walk_all(roots: Sequence[Expr], leave: Callable[[Expr], bool] | None = None) -> Iterator[Expr]:
    """Yield every distinct node of several expressions, as ``walk`` does of one."""
    return arguments_first(roots, _args_of, leave)


Change = Callable[[Expr, tuple[Expr, ...]], Expr]


def rebuild(x: Expr, change: Change, leave: Callable[[Expr], bool] | None = None) -> Expr:
    """Return ``x`` with every node replaced by ``change(node, new arguments)``, bottom up.

    Nodes that ``leave`` holds for stay as they are.
    """
    done: dict[Expr, Expr] = {}
    for current in walk(x, leave):
        kept = leave is not None and leave(current)
        args = () if kept else tuple(done[a] for a in current.args)
        done[current] = current if kept else change(current, args)
    return done[x]


def _settled(x: Expr, ask: Callable[[Expr], object], answer: Callable[[Expr], None]) -> None:
    """Have ``answer`` called for every node of which ``ask`` knows nothing, arguments first."""
    for current in walk(x, lambda e: ask(e) is not None):
        if ask(current) is None:
            answer(current)


def with_args(x: Expr, args: tuple[Expr, ...]) -> Expr:
    """Return the node with other arguments of the same shapes."""
    return x if args == x.args else node(x.op, args, x.shape, x.data)


def substitute(x: Expr, values: dict[Expr, Expr]) -> Expr:
    """Return ``x`` with nodes replaced by others of the same shape."""
    return rebuild(x, lambda old, args: values.get(old) or with_args(old, args))


def free_indices(x: Expr) -> dict[str, None]:
    """Return the index names that no ``Sum`` inside ``x`` binds, in order of appearance."""
    return dict.fromkeys(free_ranges(x))


_MARKS: dict[str, Callable[[Any], tuple[Index | None, ...]]] = {
    "entry": tuple,
    "slab": tuple,
    "delta": lambda data: data[:2],
    "row": lambda i: (i, None),
    "column": lambda j: (None, j),
}


def marks_of(x: Expr) -> tuple[Index | None, ...]:
    """Return the index that a node writes at each axis, None for all of one; () where it has none.

    The axes are those of what it is taken from, or of the identity for a delta.
    """
    read = _MARKS.get(x.op)
    return read(x.data) if read is not None else ()


def with_marks(x: Expr, args: tuple[Expr, ...], new: Sequence[object]) -> Expr:
    """Return a node with other indices at the axes, taken from other arguments."""
    data: dict[str, Hashable] = {"row": new[0], "column": new[-1]}
    if x.op == "delta" and isinstance(x.data, tuple):
        data["delta"] = (*new, x.data[2])
    return node(x.op, args, x.shape, data.get(x.op, tuple(new)))


def own_indices(x: Expr) -> tuple[Index, ...]:
    """Return the indices written on this very node (not those that a Sum binds)."""
    return tuple(i for i in marks_of(x) if i is not None)


def index_ranges(x: Expr) -> tuple[Dim, ...]:
    """Return the ranges of the indices written on this very node."""
    if x.op == "delta" and isinstance(x.data, tuple):
        return (x.data[2], x.data[2])
    axes = x.args[0].shape if marks_of(x) else ()
    return tuple(d for i, d in zip(marks_of(x), axes, strict=True) if i is not None)


def free_ranges(x: Expr) -> dict[str, Dim]:
    """Return the range of every index that no ``Sum`` inside ``x`` binds."""
    if x._free is None:
        _settled(x, lambda e: e._free, _find_free)
    return dict(x._free or {})


def _find_free(x: Expr) -> None:
    found: dict[str, Dim] = {}
    for a in x.args:
        found.update(a._free or {})
    if x.op in BINDERS:
        found.pop(sum_index(x)[0], None)
    if marks_of(x):
        pairs = zip(own_indices(x), index_ranges(x), strict=True)
        found.update((i, d) for i, d in pairs if isinstance(i, str))
    x._free = found


def sum_index(x: Expr) -> tuple[str, Dim]:
    """Return the index that a ``Sum`` or a ``Prod`` binds, and its range."""
    assert isinstance(x.data, tuple)
    return x.data


_REDUCTIONS = {"sum", "mean", "max", "min", "prod", "logsumexp", "variance"}


def is_one_per_row(x: Expr) -> bool:
    """Whether a column was made by a reduction of rows: it has one number for each row."""
    if x._reduced is None:
        _settled(x, lambda e: e._reduced, _find_reduced)
    return bool(x._reduced)


def _find_reduced(x: Expr) -> None:
    own = x.op in _REDUCTIONS and x.data == 1
    x._reduced = own or any(a._reduced for a in x.args)


def variables(x: Expr) -> dict[str, Expr]:
    """Return the variables that occur in ``x``, by name."""
    return {str(v.data): v for v in walk(x) if v.is_variable}


def dims_of(x: Expr, leave: Callable[[Expr], bool] | None = None) -> dict[str, None]:
    """Return the dimension symbols that occur in ``x``, in order of appearance (see ``walk``)."""
    found: dict[str, None] = {}
    for v in walk(x, leave):
        dims = [*v.shape, *([v.data] if isinstance(v.data, Dim) else [])]
        if v.op in (*BINDERS, "delta"):
            assert isinstance(v.data, tuple)
            dims.append(v.data[-1])
        elif v.op == "part" and isinstance(v.data, tuple):
            dims += [*v.data[0], *v.data[2]]
        for dim in dims:
            found.update(dict.fromkeys(dim.names))
    return found


@dataclass(frozen=True, slots=True)
class Variable:
    """A declared or inferred variable: its shape, what it is called, and its properties.

    >>> S = Variable("S", (Dim(1, ("n",)),) * 2, "matrix", ("symmetric",))
    >>> S.expr, [str(size) for size in S.written]
    (var('S'), ['n', 'n'])
    """

    name: str
    shape: Shape
    kind: str  # "scalar" | "vector" | "matrix" | "tensor"
    properties: tuple[str, ...] = ()
    inferred: bool = False
    meaning: str = ""

    @property
    def written(self) -> Shape:
        """Return the sizes as they are declared: none for a scalar, one for a vector."""
        return self.shape[: {"scalar": 0, "vector": 1}.get(self.kind, len(self.shape))]

    @property
    def declared(self) -> str:
        """Return how the variable is declared: ``n, d symmetric``."""
        return " ".join([", ".join(map(str, self.written)) or "scalar", *self.properties])

    @property
    def expr(self) -> Expr:
        """Return the variable as an expression."""
        return var(self.name, self.shape)
