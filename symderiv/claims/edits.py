"""Takes a formula; yields it with one place changed, with the name of the slip; likeliest first.

Of a claim the places are changed as a slip is mended, of the right formula as a slip is made. That
a slip was made is not claimed: a caller decides by evaluation. Formulas are written from the trees'
looks, so their shapes are to be settled anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations

from ..core.expr import (
    Expr,
    Index,
    column,
    free_indices,
    free_ranges,
    index_sum,
    marks_of,
    matmul,
    neg,
    node,
    num,
    own_indices,
    rebuild,
    row,
    substitute,
    transpose,
    var,
    variables,
    walk,
    with_args,
    with_marks,
)
from ..core.shapes import SCALAR, Dim, DimMismatchError
from ..ops.stated_slopes import DERIVED, IN_SLOPES
from ..ops.text import text
from ..problems import Problem
from .mistakes import Mistake
from .verdict import MISSING_FACTOR

Place = tuple[int, ...]
Slips = tuple[tuple[str, str], ...]  # names and sentences
Change = tuple[str, str, Expr]  # slip, sentence, what stands there instead
_MOST_PLACES = 160  # of a formula that is right, in which slips are made
_FEW = 4  # factors of which all orders are tried


@dataclass(frozen=True, slots=True)
class Slipped:
    """A claim about a problem, and the truth."""

    problem: Problem
    claimed: Expr
    truth: Expr
    derivative: Callable[[Expr], Expr | None] = lambda x: None  # of a scalar by the variable
    fits: bool = True  # whether the shapes in the claim are a guide
    entry: tuple[str, ...] = ()  # free indices of the entry that it is about

    @property
    def names(self) -> list[Expr]:
        """Return the variables and the given gradients."""
        found = [v.expr for v in self.problem.variables.values()]
        return found + [var(g, x.shape) for g, x in self.problem.upstream.items()]

    def parts(self) -> list[Expr]:
        """Return the parts of the truth that are more than a number, the shorter ones first."""
        found = [e for e in dict.fromkeys(walk(self.truth)) if not e.is_number]
        return sorted(found, key=lambda e: len(text(e)))

    def factors(self) -> list[Expr]:
        """Return what the truth multiplies."""
        found = [
            a
            for e in walk(self.truth)
            if e.op in ("mul", "matmul", "div", "neg")
            for a in e.args
            if not a.is_number
        ]
        return list(dict.fromkeys(found))


Editor = Callable[[Expr, Slipped], Iterator[Change]]


def _turned(e: Expr, s: Slipped) -> Iterator[Change]:
    if not e.is_number and e.shape != SCALAR:
        yield "transposed", f"`{text(e)}` must be transposed", transpose(e)


def _reordered(e: Expr, s: Slipped) -> Iterator[Change]:
    if not e.is_matrix_product or len(e.args) > _FEW:
        return
    for order in permutations(e.args):
        if order != e.args:
            turned = node("matmul", order, e.shape)
            yield "factor-order", f"the factors of `{text(e)}` stand in the wrong order", turned
    if len(e.args) == 2:
        a, b = e.args
        for pair in ((transpose(a), b), (a, transpose(b)), (transpose(a), transpose(b))):
            for order in (pair, pair[::-1]):
                words = f"the factors of `{text(e)}` must be swapped or transposed"
                yield "factor-order", words, node("matmul", order, e.shape)


def _product(e: Expr, s: Slipped) -> Iterator[Change]:
    if e.is_matrix_product and len(e.args) > 2:
        for k in range(1, len(e.args)):
            a, b = _product_of(e.args[:k]), _product_of(e.args[k:])
            yield from _product(node("matmul", (a, b), e.shape), s)
    if e.is_hadamard and len(e.args) == 2:
        words = f"`{text(e)}` is an entrywise product, and must be a matrix product"
        for a, b in (e.args, e.args[::-1]):
            for x in (a, transpose(a)):
                for y in (b, transpose(b)):
                    yield "elementwise", words, node("matmul", (x, y), e.shape)
    if e.is_matrix_product and len(e.args) == 2:
        words = f"`{text(e)}` is a matrix product, and must be an entrywise one"
        for x in (e.args[0], transpose(e.args[0])):
            for y in (e.args[1], transpose(e.args[1])):
                yield "elementwise", words, node("mul", (x, y), e.shape)


def _product_of(args: Sequence[Expr]) -> Expr:
    if len(args) == 1:
        return args[0]
    return node("matmul", tuple(args), (args[0].shape[-2], args[-1].shape[-1]))


def _sign(e: Expr, s: Slipped) -> Iterator[Change]:
    if e.is_negative:
        yield "sign", f"the sign of `{text(e)}` is wrong", e.args[0]
    elif not e.is_coefficient:
        yield "sign", f"the sign of `{text(e)}` is wrong", neg(e)


def _scaled(e: Expr, s: Slipped) -> Iterator[Change]:
    if e.is_coefficient:
        return
    for factor, words in ((num(2), "2"), (node("div", (num(1), num(2)), SCALAR), "1/2")):
        sentence = f"a factor {words} is missing at `{text(e)}`"
        yield MISSING_FACTOR, sentence, node("mul", (factor, e), e.shape)
    for d in s.problem.dims:
        size = node("size", (), SCALAR, Dim(1, (d,)))
        yield "sum-vs-mean", f"a factor 1/{d} is missing", node("div", (e, size), e.shape)
        yield "sum-vs-mean", f"a factor 1/{d} too many", node("mul", (size, e), e.shape)


def _dropped(e: Expr, s: Slipped) -> Iterator[Change]:
    if e.op not in ("add", "mul", "matmul", "div", "trace", "sum", "mean", "neg", "pow"):
        return
    what = "term" if e.is_sum else "factor"
    if len(e.args) == 1 or e.op in ("div", "pow"):
        word = {"div": "division", "pow": "power", "neg": "sign"}.get(e.op, e.op)
        of = e.args[0] if len(e.args) == 1 else e
        yield f"extra-{word}", f"the {word} of `{text(of)}` must be dropped", e.args[0]
        return
    for k, a in enumerate(e.args):
        rest = (*e.args[:k], *e.args[k + 1 :])
        left = rest[0] if len(rest) == 1 else node(e.op, rest, e.shape)
        yield f"extra-{what}", f"the {what} `{text(a)}` is too much", left


def _missing_factor(f: Expr) -> tuple[str, str]:
    if _is_slope(f):
        return "chain-factor", f"the chain rule's factor `{text(f)}` is missing"
    return MISSING_FACTOR, f"the factor `{text(f)}` is missing"


def _multiplied(e: Expr, s: Slipped) -> Iterator[Change]:
    if e.is_coefficient:
        return
    for f in s.factors():
        slip, sentence = _missing_factor(f)
        if not s.fits or f.shape in (e.shape, SCALAR):
            yield slip, sentence, node("mul", (e, f), e.shape)
            divided = f"the division by `{text(f)}` is missing"
            yield slip, divided, node("div", (e, f), e.shape)
        if f.shape != SCALAR and e.shape != SCALAR:
            for a, b in ((e, f), (f, e)):
                if not s.fits or a.shape[-1] == b.shape[-2]:
                    yield slip, sentence, node("matmul", (a, b), e.shape)


_SLOPES = IN_SLOPES | {"apply", "pow", "div"}


def _is_slope(f: Expr) -> bool:
    """Whether a factor looks like the derivative of an entrywise function."""
    return any(e.op in _SLOPES for e in walk(f, lambda e: e.op in ("matmul", "named")))


def _averaged(e: Expr, s: Slipped) -> Iterator[Change]:
    """Sums and means for each other, or along the other axis."""
    if e.op in ("sum", "mean"):
        other = "mean" if e.op == "sum" else "sum"
        words = f"`{text(e)}` must be a {other}"
        yield "sum-vs-mean", words, node(other, e.args, e.shape, e.data)
        if e.data in (0, 1):
            words = f"the {e.op} in `{text(e)}` runs along the wrong axis"
            yield "broadcasting", words, node(e.op, e.args, e.shape, 1 - int(str(e.data)))


def _reduced(e: Expr, s: Slipped) -> Iterator[Change]:
    if e.op not in ("num", "size", "sum", "mean") and e.shape != SCALAR:
        for axis in (None, 0, 1):
            along = "" if axis is None else f" along axis {axis}"
            summed = node("sum", (e,), e.shape, axis)
            yield "missing-sum", f"`{text(e)}` must be summed{along}", summed
            yield "missing-sum", f"`{text(e)}` must be summed{along}", transpose(summed)


def _replaced(e: Expr, s: Slipped) -> Iterator[Change]:
    """A variable for another one, a part for the part of the truth that belongs there."""
    if e.is_symbol:
        for other in s.names:
            if other is not e:
                yield "wrong-variable", f"`{text(e)}` must be `{text(other)}`", other
    for part in s.parts():
        fits = part.shape == e.shape or e.op == part.op
        # The whole of the claim for the whole of the truth would say nothing.
        if part is not e and fits and (e is not s.claimed or e in set(walk(part))):
            yield *_wrong_part(e, part), part


def _unreduced(e: Expr, s: Slipped) -> Iterator[Change]:
    """A norm, sum or trace where the vector or matrix itself must stand in a matrix product."""
    if not e.is_hadamard:
        return
    for k, a in enumerate(e.args):
        rest = (*e.args[:k], *e.args[k + 1 :])
        if a.shape != SCALAR or len(a.args) != 1 or a.args[0].shape == SCALAR:
            continue
        words = f"`{text(a)}` stands where its argument `{text(a.args[0])}` must"
        other = rest[0] if len(rest) == 1 else node("mul", rest, e.shape)
        scaled = rest[:-1] if len(rest) > 1 else ()
        for x, y in ((rest[-1], a.args[0]), (a.args[0], rest[-1])):
            for left in (x, transpose(x)):
                whole = node("matmul", (left, y), (left.shape[-2], y.shape[-1]))
                yield "chain-factor", words, node("mul", (*scaled, whole), e.shape)
        yield "chain-factor", words, node("mul", (other, a.args[0]), e.shape)


def _undifferentiated(e: Expr, s: Slipped) -> Iterator[Change]:
    if e.shape == SCALAR and not e.is_constant:
        slope = s.derivative(e)
        if slope is not None:
            yield "undifferentiated", f"`{text(e)}` was not differentiated", slope


def _underived(e: Expr, s: Slipped) -> Iterator[Change]:
    """A function where its derivative must stand."""
    for part in s.parts() if e.op in {old for old, _ in DERIVED} | {"apply"} else ():
        if _is_derived(e, part):
            yield "chain-factor", _for_its_derivative(e, part), part


def _is_derived(e: Expr, part: Expr) -> bool:
    """Whether a part is the derivative of a function at the same place."""
    if not e.args or not part.args or e.args[0] is not part.args[0]:
        return False
    if isinstance(e.data, tuple) and isinstance(part.data, tuple) and e.op == part.op == "apply":
        return bool(e.data[0] == part.data[0] and e.data[1] < part.data[1])
    return (e.op, part.op) in DERIVED


def _for_its_derivative(e: Expr, part: Expr) -> str:
    return f"`{text(e)}` stands where its derivative `{text(part)}` must"


def _inverted(e: Expr, s: Slipped) -> Iterator[Change]:
    """A matrix of reciprocals for the inverse."""
    if e.is_quotient and e.args[0].is_scalar and len(e.args[1].shape) == 2:
        top, x = e.args
        if x.shape[0] == x.shape[1] and x.shape != SCALAR:
            words = f"`{text(e)}` divides entry by entry: the inverse is `inv({text(x)})`"
            for inverse in (node("inv", (x,), x.shape), transpose(node("inv", (x,), x.shape))):
                yield "elementwise", words, node("mul", (top, inverse), e.shape)


def _wrong_part(e: Expr, part: Expr) -> tuple[str, str]:
    """Return the slip that put one part where another belongs, in a word and in a sentence."""
    plain = f"`{text(e)}` must be `{text(part)}`"
    if neg(e) is part or neg(part) is e:
        return "sign", f"the sign of `{text(e)}` is wrong"
    if {e.op, part.op} == {"sum", "mean"} and e.args == part.args:
        return "sum-vs-mean", f"`{text(e)}` must be a {part.op}"
    if part.is_quotient and part.args[0] is e:
        return MISSING_FACTOR, f"the division by `{text(part.args[1])}` is missing"
    if _is_derived(e, part):
        return "chain-factor", _for_its_derivative(e, part)
    terms, right = _parts_of("add", e), _parts_of("add", part)
    if terms < right and "add" in (e.op, part.op):
        return "missing-term", f"the term {_listed(right - terms)} is missing"
    if right < terms and "add" in (e.op, part.op):
        return "extra-term", f"the term {_listed(terms - right)} is too much"
    loose = free_indices(e).keys() - free_indices(part)
    if loose and variables(e).keys() == variables(part).keys():
        return "missing-sum", f"{plain}: `{min(loose)}` must be summed over"
    if part.is_transpose and part.args[0] in set(walk(e)):
        return "transposed", plain
    if e.args and e.args == part.args and e.op == part.op and e.data != part.data:
        return "broadcasting", f"the axis of `{text(e)}` is wrong: it must be `{text(part)}`"
    kind = _product_kind(e, part)
    if kind:
        return kind, plain
    if {e.op, part.op} <= {"var", "named", "transpose"}:
        return "wrong-variable", plain
    lost = [*(Counter(_factors(part)) - Counter(_factors(e))).elements()]
    if len(lost) == 1 and not Counter(_factors(e)) - Counter(_factors(part)):
        return _missing_factor(lost[0])
    if e in set(walk(part)) and part.op in ("mul", "matmul", "div", "neg"):
        return MISSING_FACTOR, f"a factor is missing at `{text(e)}`: it must be `{text(part)}`"
    if e.args == (part,):
        return "chain-factor", f"`{text(e)}` stands where its argument `{text(part)}` must"
    if part.args == (e,):
        return "chain-factor", f"the argument `{text(e)}` stands where `{text(part)}` must"
    if part.op == e.op and len(part.args) == 1:
        return "wrong-argument", plain
    if _is_slope(part) and len(e.args) < len(part.args):
        return "chain-factor", plain
    return "wrong-variable" if variables(e).keys() - variables(part).keys() else "wrong-part", plain


def _parts_of(op: str, x: Expr) -> Counter[Expr]:
    return Counter(x.args if x.op == op else (x,))


def _listed(parts: Counter[Expr]) -> str:
    return " and ".join(f"`{text(e)}`" for e in parts)


def _product_kind(e: Expr, part: Expr) -> str:
    """Return the slip that makes one product of another of the same factors, if one does."""
    factors, right = Counter(_factors(e)), Counter(_factors(part))
    if sum(right.values()) < 2:
        return ""
    if factors == right:
        kinds = [Counter(x.op for x in walk(side) if x.is_product) for side in (e, part)]
        return "factor-order" if kinds[0] == kinds[1] else "elementwise"
    for f in factors - right:
        if (
            f.op in ("sum", "trace")
            and factors - Counter([f]) + Counter(_factors(f.args[0])) == right
        ):
            return f"extra-{f.op}"
    return ""


def _factors(x: Expr) -> Iterator[Expr]:
    """Yield what products are made of, whatever their kind and their directions."""
    if x.op in ("mul", "matmul", "neg", "transpose"):
        for a in x.args:
            yield from _factors(a)
    else:
        yield x


EDITORS: tuple[Editor, ...] = (
    _sign,
    _turned,
    _reordered,
    _scaled,
    _dropped,
    _product,
    _averaged,
    _reduced,
    _underived,
    _inverted,
    _multiplied,
    _undifferentiated,
    _unreduced,
    _replaced,
)
# What is changed in a formula that is right.
MADE: tuple[Editor, ...] = (_dropped, _sign, _turned, _averaged)
# What may stand in a formula that was derived wrongly as well.
LIKELY = ("sign", "transposed", "factor-order", "undifferentiated")


def edits(slipped: Slipped) -> Iterator[tuple[Slips, Expr]]:
    """Yield whole claims with one place changed, shallow places first for most kinds of slip."""
    places = sorted(_places(slipped.claimed), key=lambda p: (len(p), p))
    seen = {text(slipped.claimed)}
    met = Counter(_at(slipped.claimed, p) for p in places)
    repeated = {e for e, times in met.items() if times > 1}
    for editor in EDITORS:
        everywhere: list[Change] = []  # the change in all places, after that in one
        # What replaces a part should replace as little as possible.
        for place in reversed(places) if editor is _replaced else places:
            for slip, sentence, there in editor(_at(slipped.claimed, place), slipped):
                old = _at(slipped.claimed, place)
                if old in repeated:
                    every = _exchanged(slipped.claimed, old, there)
                    everywhere.append((slip, sentence, every))
                yield from _unseen(slip, sentence, _put(slipped.claimed, place, there), seen)
        for change in everywhere:
            yield from _unseen(*change, seen)


def made_in(problem: Problem, truth: Expr) -> Iterator[Mistake]:
    """Yield the right formula with a slip made in one place, large parts first."""
    s = Slipped(problem, truth, truth)
    for part in [*dict.fromkeys(walk(truth))][: -_MOST_PLACES - 1 : -1]:
        for editor in MADE if not part.is_coefficient else ():
            for _, _, wrong in editor(part, s):
                if wrong.shape == part.shape:
                    yield Mistake(*_wrong_part(wrong, part), substitute(truth, {part: wrong}))


def _unseen(slip: str, sentence: str, whole: Expr, seen: set[str]) -> Iterator[tuple[Slips, Expr]]:
    """Yield a changed claim that was not proposed before."""
    try:
        written = text(whole)
    except DimMismatchError:  # sizes that meet nowhere
        return
    if written not in seen:
        seen.add(written)
        yield ((slip, sentence),), whole


def _exchanged(x: Expr, old: Expr, new: Expr) -> Expr:
    """Return an expression with every occurrence of a part exchanged."""
    return rebuild(x, lambda e, args: new if e is old else with_args(e, args))


def _places(x: Expr) -> Iterator[Place]:
    yield ()
    if not x.is_name:
        for k, a in enumerate(x.args):
            yield from ((k, *p) for p in _places(a))


def _at(x: Expr, place: Place) -> Expr:
    for k in place:
        x = x.args[k]
    return x


def _put(x: Expr, place: Place, there: Expr) -> Expr:
    if not place:
        return there
    k, *rest = place
    args = [*x.args]
    args[k] = _put(args[k], tuple(rest), there)
    return with_args(x, tuple(args))


# slips in the indices of a whole claim


def _missing_sum(e: Expr, s: Slipped) -> Iterator[Change]:
    for name, dim in free_ranges(e).items():
        if name not in s.entry:
            what = "row" if _counts_rows(e, name) else "term"
            words = f"one {what} instead of the sum over all: `{name}` is fixed, and must be summed"
            yield "missing-sum", words, index_sum(name, dim, e)


def _counts_rows(x: Expr, index: str) -> bool:
    """Whether an index stands only where rows are counted."""
    found = [e for e in walk(x) if index in own_indices(e)]
    return all(e.op != "column" and own_indices(e)[0] == index for e in found)


def _one_row(e: Expr, s: Slipped) -> Iterator[Change]:
    """A one-hot vector picks one row; the sum over all of its values is the sum over rows."""
    for v in s.problem.variables.values():
        if "onehot" not in v.properties or v.kind != "vector" or v.expr not in set(walk(e)):
            continue
        summed = _over_unit_vectors(e, v.expr)
        if summed is not None:
            words = f"one row, picked by {v.name}, instead of the sum over all rows"
            yield "missing-sum", words, summed


def _over_unit_vectors(claim: Expr, onehot: Expr) -> Expr | None:
    """Return the sum of a claim over all unit vectors: e.T @ X becomes X[i, :]."""
    index = next(i for i in ("i", "k", "r", "s") if i not in free_ranges(claim))
    dim = onehot.shape[0]

    def change(old: Expr, args: tuple[Expr, ...]) -> Expr:
        return _picked(args, onehot, index) if old.is_matrix_product else with_args(old, args)

    body = rebuild(claim, change)
    return None if onehot in set(walk(body)) else index_sum(index, dim, body)


def _picked(factors: tuple[Expr, ...], onehot: Expr, index: str) -> Expr:
    """Return a product in which e.T @ X reads X[i, :], and X @ e reads X[:, i]."""
    found: list[Expr] = []
    left = list(factors)
    while left:
        head = left.pop(0)
        if head is transpose(onehot) and left:
            found.append(row(left.pop(0), index))
        elif left and left[0] is onehot:
            found.append(column(head, index))
            left.pop(0)
        else:
            found.append(head)
    return matmul(*found)


def _swapped_indices(e: Expr, s: Slipped) -> Iterator[Change]:
    if len(s.entry) == 2:
        p, q = s.entry
        swapped = exchange(e, p, q)
        if swapped is not e:
            yield "index-swap", f"the index pair `{p}`, `{q}` is swapped", swapped


def exchange(x: Expr, p: str, q: str) -> Expr:
    """Return an expression with two free indices exchanged."""
    swap: dict[Index, Index] = {p: q, q: p}

    def change(old: Expr, args: tuple[Expr, ...]) -> Expr:
        if not any(i in swap for i in own_indices(old)):
            return with_args(old, args)
        return with_marks(old, args, [i and swap.get(i, i) for i in marks_of(old)])

    return rebuild(x, change)


INDEX_EDITORS: tuple[Editor, ...] = (_missing_sum, _one_row, _swapped_indices)


def index_edits(s: Slipped) -> Iterator[tuple[Slips, Expr]]:
    """Yield a claim with its indices changed as a whole, then in two ways, the last one last."""
    singles = [c for editor in INDEX_EDITORS for c in editor(s.claimed, s)]
    for slip, words, whole in singles:
        yield ((slip, words),), whole
    for slip, words, first in singles:
        for editor in INDEX_EDITORS:
            for other, more, whole in editor(first, s):
                if other != slip:
                    yield ((slip, words), (other, more)), whole
