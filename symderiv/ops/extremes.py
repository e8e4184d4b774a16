"""Table entries of max, min, prod, logsumexp, var and std, of all entries or along an axis.

The gradient of max and min goes to the first maximal (minimal) entry, which ``max_mask`` and
``min_mask`` mark with a 1; the slope of a mask is 0. The gradient of prod is the product of the
other entries, never the product divided by the entry, so that zeros do no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from typing import Any

from ..core.cells import levelled
from ..core.errors import MissingRuleError
from ..core.expr import Expr, node
from ..core.shapes import ONE, Dim
from ..notation.math import Math, Sym, Word, sub
from ..tensor import (
    Factor,
    Parts,
    Scale,
    Term,
    Value,
    add,
    call,
    contract,
    fuse,
    is_zero,
    monomial,
    scaled,
    spread,
    zero,
)
from .base import (
    Application,
    Cells,
    Codes,
    Definition,
    EntryPlace,
    broadcast,
    register,
    total,
)
from .flops import iterative, per_entry
from .matrix_axes import (
    RULES,
    AxesLayout,
    Slots,
    along,
    axis_code,
    axis_notation,
    axis_of,
    axis_text,
    lower_along,
    mapped_cells,
    read_along,
    reduced_cells,
    slots_of,
)
from .softmax import softmax

_MINUS = Scale(Fraction(-1))


def _reduction(
    name: str,
    combine: Callable[[Any, list[Any]], Any],
    law: str,
    source: str,
    *,
    numpy: str,
    lower: Callable[[Expr, Sequence[Value]], Value] = lower_along,
    code: Callable[[Expr, Codes], str] | None = None,
    spelled: str = "",
    samples: tuple[str, ...] = (),
    **stated: Any,
) -> None:
    """Register a reduction; ``combine`` computes it from scalar functions and a list."""

    word = spelled or name

    def cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
        found = reduced_cells(args[0], e.data, lambda values: combine(at.math, values))
        cells: Cells = levelled(found, len(e.shape))
        return cells

    register(
        name=name,
        axis="reduces",
        tensors="whole",
        build=read_along(name),
        spelled=spelled,
        usage=f"{word}(X), {word}(X, axis=0), {word}(X, axis=1)",
        law=law,
        source=source,
        lower=lower,
        explicit=cells,
        text=axis_text,
        notation=axis_notation(Word(word)),
        numpy=code or axis_code(numpy),
        samples=samples
        or (
            f"{word}(X) * X",
            f"X * {word}(A @ X, axis=1)",
            f"{word}(X, axis=0) * X",
            f"{word}(x) * x",
            f"{word}(A @ x, axis=0)",
            f"{word}(T, axis=1) * T",
            f"{word}(T @ X.T, axis=0) * A",
            f"{word}(T) * T",
        ),
        bad=(f"{word}()", f"{word}(X, axis=2)", f"{word}(X, 'a')", f"{word}(X, dim=0)"),
        **{"flops": per_entry(1), **stated},
    )


def _mask(name: str, sign: str, word: Math, of: str) -> None:
    """Register the mask that marks the entry a maximum or a minimum takes."""

    def cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
        def combine(values: list[Any]) -> list[Any]:
            one, none = at.math.number(Fraction(1)), at.math.number(Fraction(0))
            marks = [
                [one if i == k else none for i in range(len(values))] for k in range(len(values))
            ]
            return [at.math.pick(sign, values, m) for m in marks]

        marked: Cells = mapped_cells(args[0], e.data, combine)
        return marked

    RULES[name] = lambda layout, node, cotangent: zero(layout.term.dims)
    register(
        name=name,
        axis="keeps",
        flops=per_entry(1),
        tensors="whole",
        build=read_along(name),
        usage=f"{name}(X), {name}(X, axis=0), {name}(X, axis=1)",
        law=f"a mask of the first {of} entry has the slope 0",
        source="definition",
        lower=_mask_lower,
        explicit=cells,
        text=axis_text,
        notation=axis_notation(word),
        numpy=_code_or(f"_{name}", "ones"),
        analytic=False,
        pieces="largest",
        samples=(
            f"{name}(X) * X",
            f"{name}(X, axis=1) * X",
            f"{name}(A @ X, axis=0) * X",
            f"{name}(x) * x",
        ),
        bad=(f"{name}()", f"{name}(X, axis=2)", f"{name}(X, A)"),
    )


def _mask_lower(e: Expr, args: Sequence[Value]) -> Value:
    """Return the mask; where there is no axis every entry is the first maximal one."""
    found = lower_along(e, args)
    if found.term is args[0].term:
        return Value(AxesLayout(found.term, ()).whole(), e.shape, found.loose)
    return found


def _code_or(name: str, alone: str) -> Callable[[Expr, Codes], str]:
    """Return the code of a function along an axis, which of one number is 0 or 1."""
    plain = axis_code(name)

    def write(e: Expr, code: Codes) -> str:
        if slots_of(e.args[0].shape, e.data):  # type: ignore[arg-type]
            return plain(e, code)
        return code.filled(e, alone)

    return write


def _to_first(mask: str) -> Callable[[AxesLayout, Term, Term], Term]:
    """Return the rule of an extremum: the cotangent goes to the entry that the mask marks."""
    return lambda layout, node, c: layout.whole(c, along(mask, layout.term, layout.slots))


_mask("max_mask", ">", sub(Sym("1", bold=True), Word("max", function=False)), "maximal")
_mask("min_mask", "<", sub(Sym("1", bold=True), Word("min", function=False)), "minimal")
RULES["max"], RULES["min"] = _to_first("max_mask"), _to_first("min_mask")
_reduction(
    "max",
    lambda m, values: m.pick(">", values, values),
    "the gradient of max goes to the first maximal entry",
    "elementary calculus; at a tie one of the subgradients",
    rests_on="one of its entries, the same one nearby",
    numpy="np.max",
    analytic=False,
    pieces="largest",
)
_reduction(
    "min",
    lambda m, values: m.pick("<", values, values),
    "the gradient of min goes to the first minimal entry",
    "elementary calculus; at a tie one of the subgradients",
    rests_on="one of its entries, the same one nearby",
    numpy="np.min",
    analytic=False,
    pieces="largest",
)


def _logsumexp_rule(layout: AxesLayout, node: Term, cotangent: Term) -> Term:
    return layout.whole(cotangent, softmax(layout.term, layout.slots))


RULES["logsumexp"] = _logsumexp_rule
_reduction(
    "logsumexp",
    lambda m, values: m.log(total([m.exp(x) for x in values])),
    "the gradient of logsumexp is softmax",
    "Boyd and Vandenberghe, Convex Optimization (2004), section 3.1.5",
    rests_on=Definition.of_vector("logsumexp(x)", "t = sum(exp(x)); log(t)"),
    numpy="_logsumexp",
    flops=per_entry(4, 2),  # with the maximum subtracted first
    is_logarithm=True,
)


def _centred(layout: AxesLayout) -> Term:
    mean = layout.reduced(layout.term, scale=layout.share, spread=True)
    return add([layout.term, scaled(mean, _MINUS)])


def _var_rule(layout: AxesLayout, node: Term, cotangent: Term) -> Term:
    """Return 2/n C * (X - mean(X))."""
    return scaled(layout.whole(cotangent, _centred(layout)), layout.share * Scale(Fraction(2)))


def _var_lower(e: Expr, args: Sequence[Value]) -> Value:
    found = lower_along(e, args)
    # One number has no spread.
    return Value(zero(found.term.dims), e.shape) if found.term is args[0].term else found


def _variance(m: Any, values: list[Any]) -> Any:
    share = m.number(Fraction(1, len(values)))
    mean = total(values) * share
    return total([(x - mean) * (x - mean) for x in values]) * share


RULES["variance"] = _var_rule
_reduction(
    "variance",
    _variance,
    "the gradient of the (biased) variance is 2/n times the deviations from the mean",
    "definition; product rule",
    rests_on=Definition.of_vector("var(x)", "mu = mean(x); c = x - mu; mean(c ** 2)"),
    numpy="_var",
    flops=per_entry(4, 2),  # from the deviations
    lower=_var_lower,
    code=_code_or("_var", "zeros"),
    spelled="var",
)


def _std_rule(layout: AxesLayout, node: Term, cotangent: Term) -> Term:
    """Return 1/n C / Y * (X - mean(X)) with the output Y."""
    parts = (cotangent, monomial((node, -1)), _centred(layout))
    return scaled(layout.whole(*parts), layout.share)


RULES["std"] = _std_rule
_reduction(
    "std",
    lambda m, values: m.root(_variance(m, values)),
    "the gradient of the (biased) standard deviation is the deviations from the mean over n times "
    "itself",
    "definition; chain rule on the root of the variance",
    rests_on=Definition.of_vector("std(x)", "v = var(x); sqrt(v)"),
    numpy="_std",
    flops=per_entry(4, 3),
    lower=_var_lower,
    code=_code_or("_std", "zeros"),
    samples=(  # of one number it is 0, and has no derivative
        "std(concat(X, 2 * X + 3, axis=1)) * X",
        "X * std(concat(A @ X, X + 3, axis=1), axis=1)",
        "std(concat(X, A @ X + 9, axis=0), axis=0) * X",
        "std(concat(x, 2 * x + 3, axis=0)) * x",
        "std(concat(T, 2 * T + 3, axis=1), axis=1) * T",
    ),
)


@dataclass(frozen=True)
class ProductOfOthersCall:
    """For every entry the product of the others, and the derivatives of that along directions.

    With x and directions c1, c2, .. it is the gradient by x of the derivative of prod(x) along
    all the directions: a symmetric, multilinear form, so its own derivatives are of its kind.
    """

    data: Slots
    name: str = "prod_others"

    def pullback(self, node: Term, position: int, cotangent: Term) -> Term:
        """Return the form with the cotangent as one more direction, or in place of one."""
        body, *directions = node.children
        if position:
            directions.pop(position - 1)
        return others(body, self.data, *directions, cotangent)

    def along(self, node: Term, slopes: Mapping[int, Term], extra: int) -> Term:
        """Return the form with slopes, which have further axes behind, in place of directions."""
        if 0 in slopes:
            raise MissingRuleError("no rule for prod_others along its first argument")
        args = list(node.children)
        found = []
        for position, slope in slopes.items():
            rest = [c for k, c in enumerate(args) if k not in (0, position)]
            found.append(_others_along(args[0], self.data, rest, slope, extra))
        return add(found)

    def rebuild(self, args: tuple[Expr, ...]) -> Expr:
        """Return the call as an expression."""
        x = max(args, key=lambda a: sum(d != ONE for d in a.shape))
        return node(self.name, args, x.shape, axis_of(x, self.data))


def _others_along(body: Term, slots: Slots, rest: Sequence[Term], slope: Term, extra: int) -> Term:
    """Return the form with one direction that has further axes, each of which is carried along."""
    count = len(body.dims)
    if len(slots) == 2:
        return _in_one_line(body, slots, rest, slope, extra)
    (slot,) = slots
    line = count + slot
    labels = tuple(range(count + extra))
    dims = dict(enumerate(slope.dims))
    scale, factors, outside = _taken_apart(slope, line)
    # What does not vary along the line stays outside, so that the form has few axes.
    inside = [f for f in factors if f not in outside]
    carried = [x for x in labels if x < count or any(x in f.labels for f in inside)]
    place = carried.index(line) - len(carried)

    ranges = {x: dims[x] for x in carried}

    def spread_out(term: Term) -> Term:
        return contract([Factor(term, tuple(range(count)))], carried, ranges)

    direction = contract(inside, carried, ranges)
    form = others(spread_out(body), (place,), *map(spread_out, rest), direction)
    return contract([Factor(form, tuple(carried)), *outside], labels, dims, scale)


def _taken_apart(slope: Term, line: int) -> tuple[Scale, list[Factor], list[Factor]]:
    """Return the scale and the factors of a slope, and those that are constant along a line."""
    scale, factors, out, dims = Parts.of(slope)
    if len(dims) > len(out) or is_zero(slope):
        return Scale(), [Factor(slope, out)], []
    return scale, list(factors), [f for f in factors if line not in f.labels]


def _in_one_line(body: Term, slots: Slots, rest: Sequence[Term], slope: Term, extra: int) -> Term:
    """Return the form along both axes of a matrix, as one along the vec of it."""
    count = len(body.dims)
    first, second = (count + s for s in slots)
    pair = fuse(body.dims[second], body.dims[first])
    ends = (first, second)

    def joined(term: Term) -> Term:
        labels = tuple(range(len(term.dims)))
        out = ("line", *(x for x in labels if x not in ends))
        dims: dict[Any, Dim] = dict(enumerate(term.dims))
        dims["line"] = pair.dims[0]
        return contract([Factor(pair, ("line", second, first)), Factor(term, labels)], out, dims)

    form = _others_along(joined(body), (1 - count,), [*map(joined, rest)], joined(slope), extra)
    labels = tuple(range(count + extra))
    dims: dict[Any, Dim] = dict(enumerate(slope.dims))
    dims["line"] = pair.dims[0]
    inner = ("line", *(x for x in labels if x not in ends))
    return contract([Factor(pair, ("line", second, first)), Factor(form, inner)], labels, dims)


def others(body: Term, slots: Slots, *directions: Term) -> Term:
    """Return the products of the other entries along slots; directions in canonical order."""
    args = (body, *sorted(directions, key=lambda t: t.order))
    return call(ProductOfOthersCall(slots), args, body.dims)


def _prod_rule(layout: AxesLayout, node: Term, cotangent: Term) -> Term:
    return layout.whole(cotangent, others(layout.term, layout.slots))


RULES["prod"] = _prod_rule
_reduction(
    "prod",
    lambda m, values: reduce(lambda x, y: x * y, values),
    "the slope of a product by one entry is the product of the others",
    "product rule",
    rests_on="the product rule",
    explained="multiplies the entries",
    numpy="np.prod",
    patterned=False,  # each term has all factors but one, as many as there are entries
)


def _others_build(call: Application) -> Expr:
    count = call.expect(1, 5, "axis")
    args = tuple(call.expr(k) for k in range(count))
    return node("prod_others", args, call.common_shape(*args), call.axis(of=args[0]))


def _others_lower(e: Expr, args: Sequence[Value]) -> Value:
    parts = spread(args, e.shape)
    body, *directions = (p.term for p in parts)
    assert e.data is None or isinstance(e.data, int)
    slots = slots_of(e.shape, e.data)
    if slots:
        return Value(others(body, slots, *directions), e.shape, parts[0].loose)
    # Of one entry, the product of the others is 1, and constant.
    found = zero(body.dims) if directions else AxesLayout(body, ()).whole()
    return Value(found, e.shape, parts[0].loose)


def _others_cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    spread_out = broadcast(args, lambda *entries: entries)
    one, none = at.math.number(Fraction(1)), at.math.number(Fraction(0))

    def product(left: list[tuple[Any, ...]], used: tuple[int, ...]) -> Any:
        """Return the sum over all ways to take each direction once, the argument elsewhere."""
        if not left:
            return one if len(used) == len(args) - 1 else none
        (x, *slopes), *rest = left
        found = x * product(rest, used)
        for k, c in enumerate(slopes):
            if k not in used:
                found = found + c * product(rest, (*used, k))
        return found

    def combine(values: list[Any]) -> list[Any]:
        return [
            product([v for i, v in enumerate(values) if i != k], ()) for k in range(len(values))
        ]

    found: Cells = mapped_cells(spread_out, e.data, combine)
    return found


def _others_code(e: Expr, code: Codes) -> str:
    if not slots_of(e.shape, e.data):  # type: ignore[arg-type]
        return code.filled(e, "zeros" if e.args[1:] else "ones")
    parts = [code.spread(a, e) for a in e.args]
    axis = None if ONE in e.shape else e.data
    return code.called("_prod_others", *parts, *([] if axis is None else [f"axis={axis}"]))


register(
    name="prod_others",
    rests_on="the product rule",
    axis="keeps",
    flops=iterative,
    tensors="whole",
    build=_others_build,
    usage="prod_others(X), prod_others(X, axis=1)",
    law="the derivative of a product of others leaves out one entry more",
    source="product rule",
    lower=_others_lower,
    explicit=_others_cells,
    text=axis_text,
    notation=axis_notation(sub(Word("prod"), Word("others", function=False))),
    numpy=_others_code,
    patterned=False,
    samples=(
        "prod_others(X) * X",
        "prod_others(X, axis=1) * X",
        "prod_others(A @ X, axis=0)",
        "prod_others(x) * x",
        "prod_others(X, A @ X, axis=0)",
    ),
    bad=("prod_others()", "prod_others(X, axis=2)", "prod_others(X, A)"),
)
