"""Table entries of the norms, and of the matrices that their gradients are made of.

``norm1`` and ``norminf`` are entrywise, for matrices as for vectors: the sum of |x|, and the
largest |x| (whose gradient goes to the first entry that has it). ``norm(X, "nuc")`` is the sum of
the singular values, ``norm(X, 2)`` the largest; of a vector both are its 2-norm. Of a vector,
``norm(x, p)`` is the p-norm for any p > 0 and ``norm(x, "inf")`` the largest |x|; of a matrix these
mean one thing to some and another to others, so that they are refused there.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from ..core.expr import Expr, node, number
from ..core.shapes import ONE, SCALAR, Shape
from ..notation.math import Fence, Math, Num, Sym, Word, row, sub
from ..tensor import (
    COLUMN,
    INNER,
    ROW,
    Factor,
    Scale,
    Term,
    Value,
    add,
    call,
    contract,
    monomial,
    plain_number,
    product,
    scaled,
    spread,
)
from .arithmetic import PowerCall
from .base import (
    ENTRYWISE,
    Application,
    Cells,
    Codes,
    Definition,
    EntryPlace,
    OperatorCall,
    Pointwise,
    ShapeOf,
    Texts,
    Writes,
    leading,
    register,
    total,
)
from .batches import batch_code, every_matrix, over_batch
from .decompositions import sylvester
from .exact_work import iterated
from .flops import iterative, per_entry
from .inverses import inverse
from .matrix_algebra import Mat, applied, inner, outer
from .matrix_axes import AxesLayout, along, slots_of

_BOOK = "Petersen and Pedersen, The Matrix Cookbook (2012)"
_WATSON = "Watson, Linear Algebra and its Applications 170 (1992), p. 33-45"
_HIGHAM = "Higham, Functions of Matrices (2008), chapter 8"


@dataclass(frozen=True)
class NormCall(OperatorCall):
    """A norm of all entries; ``data`` is "nuc", 2 (spectral) or None (Frobenius)."""

    shape: ClassVar[ShapeOf] = staticmethod(lambda args: over_batch(args[0].shape))
    name: str = "norm"
    data: str | int | None = None

    def pullback(self, node: Term, position: int, cotangent: Term) -> Term:
        """Return the cotangent times the gradient of the norm, by ``_GRADIENTS``."""
        body = node.children[0]
        labels = tuple(range(len(body.dims)))
        factors = _GRADIENTS[self.name, self.data](node, body, labels)
        lead = labels[: len(node.dims)]
        return contract([Factor(cotangent, lead), *factors], labels, dict(enumerate(body.dims)))


Labels = tuple[int, ...]


def _frobenius(node: Term, body: Term, labels: Labels) -> list[Factor]:
    return [Factor(body, labels), Factor(node, labels[: len(node.dims)], Fraction(-1))]


def _nuclear(node: Term, body: Term, labels: Labels) -> list[Factor]:
    return [Factor(polar(body), labels)]


def _spectral(node: Term, body: Term, labels: Labels) -> list[Factor]:
    left = _matrix_call("left_singular", body, body.dims[:-1])
    right = _matrix_call("right_singular", body, (*body.dims[:-2], body.dims[-1]))
    return [Factor(left, labels[:-1]), Factor(right, (*labels[:-2], labels[-1]))]


def _entrywise(name: str, body: Term) -> Term:
    return call(ENTRYWISE[name](None), (body,), body.dims)


def _signs(node: Term, body: Term, labels: Labels) -> list[Factor]:
    return [Factor(_entrywise("sign", body), labels)]


def _largest(node: Term, body: Term, labels: Labels) -> list[Factor]:
    slots = tuple(k - len(labels) for k in labels)
    mask = along("max_mask", _entrywise("abs", body), slots)
    return [Factor(_entrywise("sign", body), labels), Factor(mask, labels)]


_GRADIENTS: dict[tuple[str, Any], Callable[[Term, Term, Labels], list[Factor]]] = {
    ("norm", None): _frobenius,
    ("norm", "nuc"): _nuclear,
    ("norm", 2): _spectral,
    ("norm1", None): _signs,
    ("norminf", None): _largest,
}


# What the kinds of norm that vectors have are to be written as for a matrix.
_BY_ENTRIES = "write norm1(X) for the sum of all |entries|, max(sum(abs(X), axis=0)) for columns"
_BY_LARGEST = "write norminf(X) for the largest |entry|, max(sum(abs(X), axis=1)) for rows"


def _build_norm(call: Application) -> Expr:
    count = call.expect(1, 2)
    x = call.expr(0)
    if count == 1:
        return node("norm", (x,), over_batch(call.shape(x)))
    kind = call.constant(1)
    if len(x.shape) == 2 and ONE in x.shape:
        return _vector_norm(call, x, kind)
    if kind in (1, "inf"):
        remedy = _BY_ENTRIES if kind == 1 else _BY_LARGEST
        raise call.fail(f"norm(.., {kind!r}) of a matrix has two readings", remedy=remedy)
    kind = call.choice(1, (2, "fro", "nuc"))
    return node("norm", (x,), over_batch(call.shape(x)), None if kind == "fro" else kind)


def _vector_norm(call: Application, x: Expr, kind: Hashable) -> Expr:
    """Return a norm of a vector by what is written for its kind: a number, a name, a scalar."""
    if kind in (2, "fro", "nuc"):  # of a vector every one of these is its 2-norm
        return node("norm", (x,), SCALAR)
    if kind in (1, "inf"):
        return node("norm1" if kind == 1 else "norminf", (x,), SCALAR)
    if isinstance(kind, str):
        raise call.fail(f"there is no norm {kind!r}", 1, 'write "inf" or a number p > 0')
    p = call.expr(1)
    if not p.is_scalar or (p.is_number and number(p) <= 0):
        remedy = "write norm(x, 3), or declare p: scalar"
        raise call.fail("p is a positive number or a scalar", 1, remedy)
    return node("norm_p", (x, p), SCALAR)


def _norm_lower(e: Expr, args: Sequence[Value]) -> Value:
    body = args[0]
    shape = e.args[0].shape
    core = sum(d != ONE for d in shape[-2:])
    if len(shape) > 2 and not core:
        return Value(_entrywise("abs", body.term), e.shape, body.loose)
    if len(shape) > 2 or e.data is not None:
        count = len(body.term.dims) - core
        found = call(NormCall(e.op, e.data), (body.term,), body.term.dims[:count])  # type: ignore[arg-type]
        return Value(found, e.shape, body.loose)
    if not body.loose:
        return _called(e, body)
    squares = product([(body, INNER, INNER + 1)], e.shape, exponents=(2,))
    return product([(squares, ROW, COLUMN)], e.shape, exponents=(Fraction(1, 2),))


def _called(e: Expr, body: Value) -> Value:
    assert e.data is None or isinstance(e.data, str | int)
    return Value(call(NormCall(e.op, e.data), (body.term,), ()), e.shape)


def _norm_cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    def norm(x: Cells) -> Any:
        if e.data is None:
            return at.math.root(total([y * y for r in x for y in r]))
        return at.math.matrix("norm_nuclear" if e.data == "nuc" else "norm_spectral", x)[0][0]

    found: Cells = every_matrix(args[0], norm)
    return found


def _norm_text(e: Expr, text: Texts) -> str:
    kind = {None: "", "nuc": ', "nuc"', 2: ", 2"}[e.data]  # type: ignore[index]
    return f"norm({text(e.args[0])}{kind})"


def _norm_notation(e: Expr, write: Writes) -> Math:
    mark: Math = Num("2")
    if e.data == "nuc":
        mark = Word("∗", function=False)
    elif e.data is None and ONE not in e.args[0].shape:
        mark = Sym("F")
    return sub(Fence("‖", write(e.args[0]), "‖"), mark)


def _entrywise_norm(name: str, mark: Math) -> Callable[[Expr, Writes], Math]:
    """Return the notation of a norm of all entries: of a matrix, bars mean an operator norm."""

    def notation(e: Expr, write: Writes) -> Math:
        if ONE in e.args[0].shape:
            return sub(Fence("‖", write(e.args[0]), "‖"), mark)
        return row(Word(name), Fence("(", write(e.args[0]), ")"))

    return notation


def _p_norm_notation(e: Expr, write: Writes) -> Math:
    return sub(Fence("‖", write(e.args[0]), "‖"), write(e.args[1]))


def _norm_code(e: Expr, code: Codes) -> str:
    kind = {None: "", "nuc": ', "nuc"', 2: ", 2"}[e.data]  # type: ignore[index]
    if len(e.args[0].shape) > 2:
        return batch_code(e, code, f"np.linalg.norm({code(e.args[0])}{kind}, axis=(-2, -1))")
    return f"np.linalg.norm({code(e.args[0])}{kind})"


def _sum_of_squares(norm: Term) -> Term | None:
    """Return the sum of the squares of all entries, under the root of a Frobenius norm."""
    if norm.data.data is not None:
        return None
    body = norm.children[0]
    labels = tuple(range(len(body.dims)))
    return contract([Factor(body, labels, Fraction(2))], (), dict(enumerate(body.dims)))


register(
    name="norm",
    range="nonnegative",
    square=_sum_of_squares,
    rests_on=Definition.of_vector("norm(x)", "sqrt(sum(x ** 2))"),
    work=lambda e, n, sizes: n if e.data is None else iterated(e, n, sizes),
    flops=lambda e: iterative(e) if e.data else per_entry(2)(e),
    tensors="whole",
    build=_build_norm,
    usage='norm(X), norm(X, "nuc"), norm(X, 2)',
    law="derivative of the norm: X / ‖X‖ for the Frobenius norm (and 0 at 0), the "
    "orthogonal polar factor for the nuclear, the singular vectors u vᵀ for the spectral norm",
    source=f"{_BOOK}, eq. 129; {_WATSON}",
    lower=_norm_lower,
    explicit=_norm_cells,
    text=_norm_text,
    notation=_norm_notation,
    numpy=_norm_code,
    analytic=False,
    samples=(
        "norm(X) * X",
        "norm(X - A @ X) ** 2 * X",
        "norm(x) * x",
        "norm(X) ** 3 * X",
        'norm(A @ X, "nuc") * X',
        "norm(X, 2) * X",
        "norm(A @ x, 2) * x",
        "norm(T)",
        "norm(T @ X.T, 2)",
        'norm(T, "nuc")',
    ),
    bad=(
        "norm()",
        "norm(X, 7)",
        "norm(X, A)",
        "norm(X, 'l1')",
        "norm(X, 1)",
        "norm(X, 'inf')",
        "norm(x, 'l1')",
        "norm(x, -1)",
        "norm(x, x)",
    ),
)


def _sum_of_abs(values: Sequence[Any], at: EntryPlace) -> Any:
    return total([at.math.fabs(x) for x in values])


def _largest_abs(values: Sequence[Any], at: EntryPlace) -> Any:
    sizes = [at.math.fabs(x) for x in values]
    return at.math.pick(">", sizes, sizes)


def _entry_norm(
    name: str,
    combine: Callable[[Sequence[Any], EntryPlace], Any],
    expanded: Callable[[Expr, Value], Value],
    law: str,
    code: Callable[[Expr, Codes], str],
    mark: Math,
    value: str,
    pieces: str = "signs",
    slope: str = "",
) -> None:
    """Register a norm of all entries; ``expanded`` is its lowering under an index of Sum."""

    def build(call: Application) -> Expr:
        call.expect(1)
        return node(name, (call.expr(0),), SCALAR)

    register(
        name=name,
        flops=per_entry(2),
        build=build,
        usage=f"{name}(X)",
        law=law,
        source="elementary calculus; entrywise norms, as on matrixcalculus.org for vectors",
        lower=lambda e, args: expanded(e, args[0]) if args[0].loose else _called(e, args[0]),
        explicit=lambda e, args, at: [[combine([x for r in args[0] for x in r], at)]],
        notation=_entrywise_norm(name, mark),
        numpy=code,
        analytic=False,
        pieces=pieces,
        slope=slope,
        rests_on=Definition.of_vector(f"{name}(x)", value),
        samples=(f"{name}(X) * X", f"{name}(A @ X + 3 * X) ** 2 * X", f"{name}(x) * x"),
        bad=(f"{name}()", f"{name}(X, 1)", f"{name}(X, axis=0)"),
    )


def _largest_under_an_index(e: Expr, body: Value) -> Value:
    sizes = _absolute(body)
    slots = slots_of(body.shape, None)
    term = along("max", sizes.term, slots) if slots else sizes.term
    return Value(term, e.shape, body.loose)


_entry_norm(
    "norm1",
    _sum_of_abs,
    lambda e, body: product([(_absolute(body), INNER, INNER + 1)], e.shape),
    "the gradient of the sum of |x| is sign(x)",
    lambda e, code: code.called("np.sum", code.called("np.abs", code(e.args[0]))),
    Num("1"),
    "sum(abs(x))",
    slope="sign(x)",
)
_entry_norm(
    "norminf",
    _largest_abs,
    _largest_under_an_index,
    "the gradient of the largest |x| is the sign of the first entry that has it",
    lambda e, code: code.called("np.max", code.called("np.abs", code(e.args[0]))),
    Word("∞", function=False),
    "max(abs(x))",
    pieces="size",
)


@dataclass(frozen=True)
class PNormCall(OperatorCall):
    """The p-norm along the last axis of a term; p is a second child without axes."""

    shape: ClassVar[ShapeOf] = staticmethod(lambda args: SCALAR)
    name: str = "norm_p"

    def pullback(self, node: Term, position: int, cotangent: Term) -> Term:
        """Return C sign(x) (|x| / y)^(p-1) with the output y; by p, the slope of log y times y.

        From y^p = the sum of |x|^p: log y = log(y^p) / p.
        """
        body, p = node.children
        layout = AxesLayout(body, (-1,))
        if position == 1:
            return self._by_exponent(node, layout, p, cotangent)
        whole = even_exponent(p)
        if whole:  # sign(x) |x|^(p-1) is a power of x itself
            return layout.whole(cotangent, monomial((node, 1 - whole)), monomial((body, whole - 1)))
        less = (Pointwise(p) - 1).term
        below = monomial((_to_the(node, less), -1))
        sizes = _to_the(_entrywise("abs", body), less)
        return layout.whole(cotangent, below, sizes, _entrywise("sign", body))

    @staticmethod
    def _by_exponent(node: Term, layout: AxesLayout, p: Term, cotangent: Term) -> Term:
        sizes = _entrywise("abs", layout.term)
        powers = _to_the(sizes, p)
        logs = layout.reduced(powers, _entrywise("log", sizes))
        share = monomial((logs, 1), (_to_the(node, p), -1))
        slope = add([share, scaled(_entrywise("log", node), Scale(Fraction(-1)))])
        parts = [Factor(t, leading(t, 0)) for t in (cotangent, node, slope)]
        lead = max((f.labels for f in parts), key=len)
        dims = dict(zip(lead, node.dims, strict=True))
        return contract([*parts, Factor(p, (), Fraction(-1))], (), dims)


def even_exponent(p: Term) -> int:
    """Return an exponent that is an even number, or 0."""
    value = plain_number(p)
    return int(value) if value is not None and value % 2 == 0 else 0


def _to_the(term: Term, p: Term) -> Term:
    """Return a power of a term whose exponent is a scalar term."""
    number = plain_number(p)
    if number is not None:
        return monomial((term, number))
    full = len(p.dims) == len(term.dims) > 0
    labels = tuple(range(len(term.dims)))
    spread_out = Factor(p, labels if full else ())
    exponent = contract([spread_out], labels, dict(enumerate(term.dims)))
    return call(PowerCall(), (term, exponent), term.dims)


def _absolute(body: Value) -> Value:
    return Value(_entrywise("abs", body.term), body.shape, body.loose)


def _p_norm_lower(e: Expr, args: Sequence[Value]) -> Value:
    body, p = args
    if not slots_of(body.shape, None):
        return Value(_entrywise("abs", body.term), e.shape, body.loose)
    if body.loose or p.loose:  # many norms at once: by the definition, under the index
        sizes, exponent = spread([_absolute(body), p], body.shape)
        powers = Value(_to_the(sizes.term, exponent.term), body.shape, sizes.loose)
        total = product([(powers, INNER, INNER + 1)], e.shape)
        root = spread([p], e.shape)[0] if p.loose else p
        under = _to_the(total.term, monomial((root.term, -1)))
        return Value(under, e.shape, total.loose)
    return Value(call(PNormCall(), (body.term, p.term), ()), e.shape)


def _p_norm_cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    p = args[1][0][0]
    powers = [at.math.power(at.math.fabs(x), p) for r in args[0] for x in r]
    return [[at.math.power(total(powers), 1 / p)]]


def _p_norm_code(e: Expr, code: Codes) -> str:
    x, p = (code(a) for a in e.args)
    if e.args[0].is_scalar:
        return code.called("np.abs", x)
    return code.called("np.linalg.norm", x, p)


register(
    name="norm_p",
    rests_on=Definition.of_vector("norm(x, p)", "t = sum(abs(x) ** p); t ** (1 / p)", p="scalar"),
    flops=per_entry(3),
    usage="norm(x, p), of a vector: norm(x, 3)",
    law="the gradient of the p-norm is sign(x) (|x| / ‖x‖)ᵖ⁻¹",
    source="Boyd and Vandenberghe, Convex Optimization (2004), appendix A.1.2; chain rule",
    lower=_p_norm_lower,
    explicit=_p_norm_cells,
    text=lambda e, text: f"norm({text(e.args[0])}, {text(e.args[1])})",
    notation=_p_norm_notation,
    numpy=_p_norm_code,
    analytic=False,
    samples=(
        "norm(x, 3) * x",
        "norm(A @ x, 4) ** 2 * X",
        "norm(x.T @ X + 3, 1.5) * X",
        "norm(x, 2 + s * s) * x",
        "Sum(i, norm(X[i, :], 3)) * x",
        "Sum(i, norm(X[i, :], 2 + s * s)) * x",
    ),
    bad=("norm(X, 3)", "norm(X, s)", "norm(x, 0)"),
)


@dataclass(frozen=True)
class SingularCall:
    """A matrix made of singular vectors."""

    name: str
    data: None = None

    def pullback(self, node: Term, position: int, cotangent: Term) -> Term:
        """Return the pullback in the output, by ``_SINGULAR``."""
        return _SINGULAR[self.name](node, node.children[0], cotangent)

    def rebuild(self, args: tuple[Expr, ...]) -> Expr:
        """Return the call as an expression."""
        return node(self.name, args, _SHAPES[self.name](args[0].shape))


def _polar_pullback(node: Term, body: Term, cotangent: Term) -> Term:
    """Return Z with X Y^T Z + Z Y^T X = C - Y C^T Y, where X has full rank.

    From X = Y P with P = Y^T X symmetric, where X is tall, and X = P Y where it is wide: the
    entries of U^T dY V are those of U^T dX V - V^T dX^T U over s_i + s_j.
    """
    x, y, c = Mat(body), Mat(node), Mat(cotangent)
    return sylvester(x @ y.T, y.T @ x, c - y @ c.T @ y).term


def _right_pullback(node: Term, body: Term, cotangent: Term) -> Term:
    return _vector_pullback(Mat(body), node, cotangent).term


def _left_pullback(node: Term, body: Term, cotangent: Term) -> Term:
    return _vector_pullback(Mat(body).T, node, cotangent).T.term


def _vector_pullback(x: Mat, v: Term, cotangent: Term) -> Mat:
    """Return s u w^T + X w v^T with (s^2 (I + v v^T) - X^T X) w = C - v v^T C and s u = X v.

    v is the eigenvector of X^T X of its largest eigenvalue s^2, which must be simple: Magnus, On
    differentiating eigenvalues and eigenvectors (1985), theorem 1.
    """
    gram = x.T @ x
    onto = outer(v, v)  # the projection onto v
    largest = inner(gram, onto)
    shifted = (gram.one() + onto).times(largest) - gram
    rest = applied(gram.one() - onto, cotangent)
    w = applied(Mat(inverse(shifted.term)), rest)
    return outer(applied(x, v), w) + outer(applied(x, w), v)


_SINGULAR: dict[str, Callable[[Term, Term, Term], Term]] = {
    "polar": _polar_pullback,
    "left_singular": _left_pullback,
    "right_singular": _right_pullback,
}
_SHAPES: dict[str, Callable[[Shape], Shape]] = {
    "polar": lambda shape: shape,
    "left_singular": lambda shape: over_batch(shape, (shape[-2], ONE)),
    "right_singular": lambda shape: over_batch(shape, (shape[-1], ONE)),
}


def _matrix_call(name: str, body: Term, dims: tuple[Any, ...]) -> Term:
    return call(SingularCall(name), (body,), dims)


def polar(body: Term) -> Term:
    """Return the orthogonal polar factor U Vᵀ of a term whose last two axes are a matrix."""
    return _matrix_call("polar", body, body.dims)


def _singular_cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    if len(e.args[0].shape) == 2 or e.op == "polar":
        found: Cells = at.math.matrix(e.op, args[0])
        return found
    stacked: Cells = every_matrix(args[0], lambda x: [r[0] for r in at.math.matrix(e.op, x)])
    return stacked


def _singular(name: str, law: str, samples: tuple[str, ...], word: Math) -> None:
    def build(call: Application) -> Expr:
        call.expect(1)
        x = call.expr(0)
        if ONE in x.shape:
            raise call.refuse(
                x, "it takes a matrix, not {shape}", "of a vector, write {x} / norm({x})"
            )
        return node(name, (x,), _SHAPES[name](x.shape))

    def lower(e: Expr, args: Sequence[Value]) -> Value:
        body = args[0]
        core = body.term.dims[-2:]
        kept = {"polar": core, "left_singular": core[:1], "right_singular": core[1:]}[name]
        term = _matrix_call(name, body.term, (*body.term.dims[:-2], *kept))
        return Value(term, e.shape, body.loose)

    register(
        name=name,
        rests_on="X = U S Vᵀ with orthonormal U and V: see the source",
        explained="is U Vᵀ of the singular value decomposition U S Vᵀ" if name == "polar" else "",
        flops=iterative,
        work=iterated,
        tensors="batch" if name == "polar" else "whole",
        build=build,
        usage=f"{name}(X)",
        law=law,
        source=_HIGHAM,
        lower=lower,
        explicit=_singular_cells,
        notation=lambda e, write: row(word, Fence("(", write(e.args[0]), ")")),
        numpy=lambda e, code: code.function(e, f"_{name}"),
        analytic=False,
        samples=samples,
        bad=(f"{name}()", f"{name}(x)", f"{name}(X, X)"),
    )


# Of a matrix that does not vary, at every size.
_CONSTANT = "diag(ones(n)) + onehot(1, n) @ onehot(1, n).T"
_singular(
    "polar",
    "the orthogonal polar factor U Vᵀ of X = U S Vᵀ",
    (f"polar({_CONSTANT}) @ X", "polar(X) * X", "polar(A + 9 * eye(n)) @ X"),
    Word("polar"),
)
_singular(
    "left_singular",
    "the left singular vector of the largest singular value",
    (f"left_singular({_CONSTANT}) * x", "left_singular(X)"),
    sub(Sym("u", bold=True), Num("1")),
)
_singular(
    "right_singular",
    "the right singular vector of the largest singular value, its largest entry positive",
    (f"right_singular({_CONSTANT}) * x", "right_singular(X)"),
    sub(Sym("v", bold=True), Num("1")),
)
