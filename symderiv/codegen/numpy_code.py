"""Expressions to NumPy source, as a person would write it.

Contract: scalars are floats, vectors and rows 1-D arrays, matrices 2-D arrays. Broadcasting takes
the place of ones and diag: ``X @ W + b``, ``G.sum(axis=0)``, ``s[:, None] * X``. How one operator
is written is its table entry's; this module knows only names, spreading and chains of products.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Container, Mapping, Sequence

from ..core.errors import UnsupportedError
from ..core.expr import BINDERS, Expr, Index, matmul
from ..core.remembering import remembered
from ..core.shapes import ONE, Dim, Shape
from ..ops import ATOM, POWER, PRODUCT, SIGN, SUM, TABLE

_CALL = re.compile(r"[\w.]+\([^()]*(?:\([^()]*\)[^()]*)*\)\Z")  # one call, the whole of it
_SIGNS = {"+": SUM, "-": SUM, "*": PRODUCT, "/": PRODUCT, "@": PRODUCT, "**": POWER}
_LIBRARIES = {"np", "scipy", "math", "torch", "nn", "jax", "jnp"}
_LOCAL = {
    "forward",
    "backward",
    "cache",
    "sizes",
    "dtype",
    "device",
    "ctx",
    "self",
    "arrays",
    "kept",
    "partial",
}
_RESERVED = {*_LIBRARIES, *_LOCAL, *dir(builtins)}


def python_name(name: str) -> str:
    """Return a name that hides nothing the generated code uses.

    >>> python_name("W"), python_name("np")
    ('W', 'np_')
    """
    if not name.isidentifier() or keyword.iskeyword(name):
        raise UnsupportedError(f"{name!r} cannot be a name in code", remedy="use another name")
    # A len is len_, and a len_ that there is too another name. What starts with _ and does not end
    # with it is never the name of a user: it belongs to helpers and to what is computed on the way.
    hides = name.startswith("_") or name.rstrip("_") in _RESERVED
    return f"{name}_" if hides else name


def code_level(code: str) -> int:
    """Return how tightly source binds that holds no sign looser than those of arithmetic.

    >>> code_level("np.exp(x + y)") == ATOM, code_level("x * np.exp(y)") == PRODUCT
    (True, True)
    """
    depth, level = 0, ATOM
    for word in code.split(" "):
        if not depth and word in _SIGNS:
            level = min(level, _SIGNS[word])
        depth += sum(word.count(c) for c in "([{") - sum(word.count(c) for c in ")]}")
    return min(level, SIGN) if code.startswith("-") else level


def one_line(x: Expr) -> str:
    """Return an expression as a line of NumPy; empty where that needs more than NumPy.

    >>> from symderiv.problems import problem
    >>> one_line(problem("X.T @ exp(Z)", X="n, d", Z="n, k").objective)
    'X.T @ np.exp(Z)'
    >>> one_line(problem("X.T @ softmax(Z)", X="n, d", Z="n, k").objective)
    ''
    """
    coder = Coder()
    code = coder(x)
    return "" if coder.helpers or "dtype" in code or "scipy" in code else code


class Coder:
    """Writes expressions; ``names`` gives the local names of nodes computed before."""

    def __init__(
        self, names: Mapping[Expr, str] | None = None, losses: Mapping[Expr, str] | None = None
    ) -> None:
        self.names = dict(names or {})
        self.losses = dict(losses or {})
        self.helpers: dict[str, None] = {}
        self.sizes: dict[str, None] = {}
        self.dims: dict[Dim, None] = {}  # every size that was written, as a whole
        self.functions: dict[str, None] = {}
        self._in_number = False  # whether what is written stands inside a plain number

    def __call__(self, e: Expr, level: int = SUM) -> str:
        if e in self.names:
            return self.names[e]
        operator = TABLE[e.op]
        if e.is_scalar and not self._in_number and is_number(e):
            self._in_number = True
            body = operator.numpy(e, self)
            self._in_number = False
            if "np." in body or "scipy." in body or re.search(r"\b_[a-z]\w*\(", body):
                # A NumPy scalar would turn float32 into float64; a complex step passes by.
                return f"float(np.real({body}))" if "dtype=dtype" in body else f"float({body})"
        else:
            body = self._summed(e) or operator.numpy(e, self)
        loosest = operator.level(e)
        if loosest == ATOM and level > SUM:  # a function of the language may be a product in NumPy
            loosest = code_level(body)
        is_call = loosest < level and _CALL.match(body) and code_level(body) == ATOM
        return f"({body})" if loosest < level and not is_call else body

    def _summed(self, e: Expr) -> str:
        """Return sums over several axes of a tensor, one inside the other, as one; or nothing."""
        if len(e.shape) > 2 or e.op not in ("sum", "transpose", "matmul"):
            return ""
        base, axes, gone = summed_axes(e, self.names)
        left = [k for k in range(len(base.shape)) if k not in gone]
        kept = [k for k, d in zip(axes, e.shape, strict=True) if k is not None and d != ONE]
        if len(base.shape) < 3 or not gone or sorted(kept) != left:
            return ""
        places = ", ".join(map(str, sorted(gone)))
        axis = f"axis={places}" if len(gone) == 1 else f"axis=({places})"
        whole = f"{self(base, ATOM)}.sum({axis if left else ''})"
        return whole if kept == left else f"{whole}.T"

    def name(self, e: Expr) -> str:
        """Return the local name of a variable or a named intermediate."""
        return python_name(str(e.data))

    def word(self, name: str) -> str:
        """Return the local name of a function."""
        return python_name(name)

    def is_named(self, e: Expr) -> bool:
        """Whether a node was computed before, under a name."""
        return e in self.names

    def size(self, dim: Dim) -> str:
        """Return a size as source."""
        for name in dim.names:
            if python_name(name) != name:
                raise UnsupportedError(
                    f"a size named {name} would hide what the generated code uses",
                    remedy="give the size another name, such as n",
                )
        self.sizes.update(dict.fromkeys(dim.names))
        self.dims[dim] = None
        text = str(dim)
        return f"({text})" if "*" in text else text

    def length(self, dim: Dim) -> str:
        """Return a size as source where commas keep it apart: ``h * k`` in no parentheses."""
        text = self.size(dim)
        return " * ".join(text[1:-1].split("*")) if text.startswith("(") else text

    def loss(self, e: Expr) -> str:
        """Return the name of the callable that stands for an unspecified loss."""
        assert isinstance(e.data, tuple)
        return self.losses.get(e, python_name(str(e.data[0])))

    def index(self, i: Index) -> str:
        """Return an index as source; positions count from 0 there."""
        return str(i - 1) if isinstance(i, int) else python_name(i)

    def filled(self, e: Expr, what: str) -> str:
        """Return a constant array of the shape of ``e``."""
        dims = [d for d in e.shape if d != ONE or len(e.shape) > 2]
        if what == "onehot":
            return f"np.eye(1, {self.size(dims[0])}, {int(str(e.data)) - 1}, dtype=dtype)[0]"
        if what == "eye":
            return f"np.eye({self.size(dims[0])}, dtype=dtype)"
        if not dims:
            return "1.0" if what == "ones" else "0.0"
        sizes = ", ".join(self.size(d) for d in dims)
        return f"np.{what}({f'({sizes})' if len(dims) > 1 else sizes}, dtype=dtype)"

    def function(self, e: Expr, name: str, *options: str) -> str:
        """Return a call on the arguments; ``name`` may hold ``{x}`` where the only one goes."""
        arguments = [self(a) for a in e.args]
        if "{x}" in name:
            return name.format(x=arguments[0])
        return self.called(name, *arguments, *options)

    def called(self, name: str, *arguments: str) -> str:
        """Return a call of a function of NumPy or SciPy, or of a helper."""
        if name.startswith("_"):
            self.helpers[name] = None
        return f"{name}({', '.join(arguments)})"

    def spread(self, e: Expr, over: Expr, level: int = SUM) -> str:
        """Return an argument of an entrywise operator, ready for NumPy to broadcast."""
        if len(over.shape) > 2:
            if len(e.shape) == 2 and e.shape[0] == ONE and e.shape[1] != ONE:
                return self(e, level)  # a row goes along the last axis as it is
            return self(e, level) if e.is_scalar or len(e.shape) > 2 else self.full(e, level)
        if ONE in over.shape or e.is_scalar:
            return self(e, level)
        if e.shape[1] == ONE:
            return f"{self(e, ATOM)}[:, None]"
        missing = self._left_out(e)
        if missing is not None and any(self._shows(a, missing) for a in over.args):
            if missing == 0:
                return self.chain_of(e.args[1:], level)
            return f"{self.chain_of(e.args[:-1], ATOM)}[:, None]"
        return self(e, level)

    def full(self, e: Expr, level: int = SUM) -> str:
        """Return an argument as an array with every axis of its shape, those of size 1 too."""
        if len(e.shape) > 2 or ONE not in e.shape:
            return self(e, level)
        marks = ", ".join("None" if d == ONE else ":" for d in e.shape)
        if e.is_scalar:
            return f"np.reshape({self.array(e)}, (1, 1))"
        return f"{self(e, ATOM)}[{marks}]"

    def array(self, e: Expr) -> str:
        """Return a scalar as what has a dtype: a plain number would become double precision."""
        return f"np.asarray({self(e)}, dtype=dtype)" if is_number(e) else self(e)

    def packed(self, code: str, shape: Shape, target: Shape) -> str:
        """Return an array that has every axis of ``shape`` as one that holds ``target``.

        The axes in which both differ have size 1 and lead; vectors are 1-D and scalars 0-D.
        """
        gone = len(shape) - len(target)
        flat = len(target) == 2 and ONE in target
        marks = ["0" if k < gone or (flat and d == ONE) else ":" for k, d in enumerate(shape)]
        while marks and marks[-1] == ":":
            marks.pop()
        return f"{code}[{', '.join(marks)}]" if marks else code

    def _left_out(self, e: Expr) -> int | None:
        """Return the axis of a product with ones that NumPy broadcasts over, or None."""
        if not e.is_matrix_product or e in self.names or ONE in e.shape:
            return None
        if e.args[0].is_column_of_ones:
            return 0
        return 1 if e.args[-1].is_row_of_ones else None

    def _shows(self, e: Expr, axis: int) -> bool:
        """Whether an operand has an axis even where it is written for broadcasting."""
        while e.is_negative:
            e = e.args[0]
        return e.shape[axis] != ONE and self._left_out(e) != axis

    def chain_of(self, factors: Sequence[Expr], level: int) -> str:
        """Return a chain of products as an operand."""
        return self(matmul(*factors), level)

    def chain(self, factors: Sequence[Expr]) -> str:
        """Return a matrix product as source: sums for ones, scalings for diag, few operations."""
        if any(len(f.shape) > 2 for f in factors):
            scaled = self._scaled(factors)
            if scaled is not None:
                return scaled
            return " @ ".join(self.full(f, POWER) for f in factors)
        thin = next((k for k in range(1, len(factors)) if factors[k].shape[0] == ONE), None)
        if thin is not None:
            return self._outer(factors[:thin], factors[thin:])
        if factors[-1].is_column_of_ones:
            return self._row_sums(factors[:-1])
        if factors[0].is_row_of_ones:
            return f"{self.chain_of(factors[1:], ATOM)}.sum(axis=0)"
        weighted = self._weighted(factors)
        if weighted is not None:
            return weighted
        if factors[-1].shape[1] == ONE and len(factors) > 2:
            if factors[0].shape[0] == ONE:
                return " @ ".join(self(f, POWER) for f in factors)
            # A matrix times a vector, from the right: no product of two matrices is formed.
            return f"{self(factors[0], POWER)} @ ({self.chain_of(factors[1:], SUM)})"
        return " @ ".join(self(f, POWER) for f in factors)

    def _outer(self, left: Sequence[Expr], right: Sequence[Expr]) -> str:
        a, b = matmul(*left), matmul(*right)
        if a.is_scalar or b.is_scalar:
            return f"{self(a, POWER)} * {self(b, POWER)}"
        if a.is_ones and b.is_row_of_ones:
            return f"np.ones(({self.size(a.shape[0])}, {self.size(b.shape[1])}), dtype=dtype)"
        return f"np.outer({self(a)}, {self(b)})"

    def _row_sums(self, factors: Sequence[Expr]) -> str:
        body = matmul(*factors)
        if body.is_transpose and body not in self.names:
            return f"{self(body.args[0], ATOM)}.sum(axis=0)"
        if body.shape[0] == ONE:
            return f"{self(body, ATOM)}.sum()"
        return f"{self(body, ATOM)}.sum(axis=1)"

    def _scaled(self, factors: Sequence[Expr]) -> str | None:
        """Return a chain of matrices, in stacks, with a diagonal one at an end as a scaling."""
        first, last = factors[0], factors[-1]
        if last.is_diagonal and last not in self.names:
            left = matmul(*factors[:-1])
            return f"{self.full(left, PRODUCT)} * {self(last.args[0], POWER)}"
        if first.is_diagonal and first not in self.names:
            right = matmul(*factors[1:])
            return f"{self(first.args[0], ATOM)}[:, None] * {self.full(right, POWER)}"
        return None

    def _weighted(self, factors: Sequence[Expr]) -> str | None:
        """Return a chain with a diagonal factor as a scaling of its neighbour."""
        spot = next((k for k, f in enumerate(factors) if f.is_diagonal), None)
        if spot is None or len(factors) == 1 or factors[spot] in self.names:
            return None
        weight = factors[spot].args[0]
        if spot:
            left = self.chain_of(factors[:spot], PRODUCT)
            scaled = f"{left} * {self(weight, POWER)}"
            rest = factors[spot + 1 :]
            return f"({scaled}) @ {self.chain_of(rest, POWER)}" if rest else scaled
        rest_code = self.chain_of(factors[1:], POWER)
        if factors[-1].shape[1] == ONE:
            return f"{self(weight, POWER)} * {rest_code}"
        return f"{self(weight, ATOM)}[:, None] * {rest_code}"


def summed_axes(
    e: Expr, known: Container[Expr] = ()
) -> tuple[Expr, list[int | None], frozenset[int]]:
    """Return what is summed, which of its axes those of ``e`` are, and over which it is summed.

    Axes of ``e`` that are left of sums, of size 1, are none. Sums in sums, of what has no name in
    ``known``, are one; so are products with ones.
    """
    inner, place = e, -1
    if e not in known and e.op == "transpose":
        base, axes, gone = summed_axes(e.args[0], known)
        return base, [*axes[:-2], axes[-1], axes[-2]], gone
    if e not in known and e.op == "sum" and e.data is not None:
        inner, place = e.args[0], int(str(e.data))
    elif e not in known and e.is_matrix_product and all(len(a.shape) == 2 for a in e.args):
        if e.args[-1].is_column_of_ones:
            inner, place = matmul(*e.args[:-1]), 1
        elif e.args[0].is_row_of_ones:
            inner, place = matmul(*e.args[1:]), 0
    if inner is e:
        return e, list(range(len(e.shape))), frozenset()
    base, axes, gone = summed_axes(inner, known)
    over = axes[place]
    axes = [None if k == place else a for k, a in enumerate(axes)][len(axes) - len(e.shape) :]
    return base, axes, gone if over is None else gone | {over}


def _varies(e: Expr) -> bool:
    return e.op in ("var", "named", "loss", "apply", "entry", *BINDERS)


def _is_number(e: Expr) -> bool:
    """Whether an expression is made of numbers and sizes alone."""
    return not _varies(e) and all(map(is_number, e.args))


is_number = remembered(_is_number, _varies)


def is_trivial(e: Expr) -> bool:
    """Whether computing a node again costs less than naming it."""
    if e.op in ("var", "num", "size", "const", "ones", "zeros", "eye", "onehot"):
        return True
    return e.op in ("transpose", "entry", "row", "column", "slab", "neg") and is_trivial(e.args[0])
