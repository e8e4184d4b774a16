"""The table entry of einsum: a sum of products, with a letter for every axis.

A column or a row has one letter, as its array has one axis; a matrix has two, a scalar none. The
result of one letter is a column. Source: NumPy reference, numpy.einsum; the notation is Einstein's
(Annalen der Physik 49, 1916, section 5) with the free indices named.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import product
from typing import Any

from ..core.cells import built, entry_at, sizes_of
from ..core.expr import Expr, node
from ..core.shapes import ONE, SCALAR, Dim, Shape, trimmed
from ..notation.math import Big, Fence, Math, Sym, row, sub
from ..tensor import Label, Value, gathered
from .base import ATOM, POWER, Application, Cells, Codes, EntryPlace, Texts, Writes, register
from .exact_work import every_place
from .flops import Flops

Spec = tuple[tuple[str, ...], str]


def count_of_letters(shape: Shape) -> int:
    """Return how many letters an argument of a shape has."""
    return len(shape) if len(shape) > 2 else sum(d != ONE for d in shape)


def lettered_shape(dims: Sequence[Dim]) -> Shape:
    """Return the shape of a result with one letter for each dimension."""
    return trimmed(tuple(dims)) if len(dims) > 1 else (*dims, *SCALAR)[:2]


def _spec(e: Expr) -> Spec:
    assert isinstance(e.data, tuple)
    return e.data


def _by_axis(letters: str, shape: Shape) -> list[str | None]:
    """Return the letter of every axis of an argument; axes of size 1 of a matrix have none."""
    if len(shape) == len(letters):
        return list(letters)
    left = iter(letters)
    return [next(left) if d != ONE else None for d in shape]


def read_spec(text: str) -> Spec | None:
    """Return the letters of the arguments and of the result, or None where they are wrong.

    >>> read_spec("ij, jk -> ik"), read_spec("ij,jk")
    ((('ij', 'jk'), 'ik'), (('ij', 'jk'), 'ik'))
    """
    left, arrow, right = text.replace(" ", "").partition("->")
    inputs = tuple(left.split(","))
    letters = "".join(inputs)
    if not arrow:
        right = "".join(sorted(x for x in set(letters) if letters.count(x) == 1))
    known = all(x.isascii() and x.isalpha() for x in letters)
    if not known or len(set(right)) < len(right) or not set(right) <= set(letters):
        return None
    return inputs, right


def expanded(text: str, counts: Sequence[int]) -> str | None:
    """Return a pattern with letters for every ellipsis; None where there are not enough axes.

    Axes that are not named are aligned from the right, as batch axes are.

    >>> expanded("...ij,...jk->...ik", [3, 3]), expanded("...i->...", [1])
    ('Aij,Ajk->Aik', 'i->')
    """
    if "..." not in text:
        return text
    left, arrow, right = text.replace(" ", "").partition("->")
    inputs = left.split(",")
    if len(inputs) != len(counts):
        return None
    left_over = [c - len(x) + 3 for x, c in zip(inputs, counts, strict=True) if "..." in x]
    most = max(left_over, default=0)
    fresh = [x for x in _SPARE if x not in text][:most]
    if min(left_over, default=0) < 0 or len(fresh) < most:
        return None
    words = []
    for x, count in zip(inputs, counts, strict=True):
        more = count - len(x) + 3
        words.append(x.replace("...", "".join(fresh[most - more :] if more else []), 1))
    if not arrow:
        single = sorted({x for x in left if x.isalpha() and left.count(x) == 1})
        right = f"...{''.join(single)}"
    return f"{','.join(words)}->{right.replace('...', ''.join(fresh), 1)}"


_SPARE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def _build(call: Application) -> Expr:
    count = call.expect(2, 26)
    written = call.text(0)
    args = tuple(call.expr(k) for k in range(1, count))
    ranks = [count_of_letters(call.shape(a)) for a in args]
    text = expanded(written, ranks) or written
    spec = read_spec(text)
    if spec is None:
        raise call.fail(
            f"{text!r} is no pattern: letters for the axes of each argument, then -> and "
            "different ones of these for the result",
            0,
        )
    inputs, output = spec
    if len(inputs) != count - 1:
        raise call.fail(f"{text!r} is for {len(inputs)} arguments, and there are {count - 1}", 0)
    dims: dict[str, Dim] = {}
    for k, (x, letters) in enumerate(zip(args, inputs, strict=True), 1):
        shape = call.shape(x)
        wanted = count_of_letters(shape)
        if wanted != len(letters):
            raise call.fail(f"{letters!r} has {len(letters)} letters for {wanted} axes", k)
        for letter, dim in zip(_by_axis(letters, shape), shape, strict=True):
            if letter is not None:
                dims[letter] = call.equal_dims(dims.get(letter, dim), dim, f"letter {letter}", k)
    return node("einsum", args, lettered_shape([dims[x] for x in output]), (inputs, output))


def _shown(e: Expr) -> str:
    """Return the letters of the axes that the result has."""
    return _spec(e)[1][-len(e.shape) :] if len(e.shape) > 2 else _spec(e)[1]


def _lower(e: Expr, args: Sequence[Value]) -> Value:
    def marks(letters: str, shape: Shape) -> list[Label]:
        found = _by_axis(letters, shape)
        return [None if x is None else ("einsum", x) for x in found]

    factors = [(v, marks(x, v.shape)) for v, x in zip(args, _spec(e)[0], strict=True)]
    shown = _shown(e)
    out = [("einsum", x) for x in shown]
    # A result of one letter is a column, one of none a scalar.
    return gathered(factors, [*out, *[None] * (len(e.shape) - len(shown))], e.shape)


def _cells(e: Expr, args: Sequence[Cells], at: EntryPlace) -> Cells:
    inputs, _ = _spec(e)
    output = _shown(e)
    marks = [_by_axis(x, a.shape) for x, a in zip(inputs, e.args, strict=True)]
    sizes = {
        letter: size
        for axes, cells in zip(marks, args, strict=True)
        for letter, size in zip(axes, sizes_of(cells), strict=True)
        if letter is not None
    }
    known: dict[tuple[int, ...], Any] = {(): at.math.number(Fraction(1))}
    letters: list[str] = []
    for k, (axes, cells) in enumerate(zip(marks, args, strict=True)):
        new = [x for x in dict.fromkeys(axes) if x is not None and x not in letters]
        later = {x for rest in marks[k + 1 :] for x in rest} | set(output)
        both = [*letters, *new]
        kept = [x for x in both if x in later]
        found: dict[tuple[int, ...], Any] = {}
        for place, value in known.items():
            for more in product(*(range(1, sizes[x] + 1) for x in new)):
                spot = dict(zip(both, (*place, *more), strict=True))
                entry = value * entry_at(cells, [1 if x is None else spot[x] for x in axes])
                key = tuple(spot[x] for x in kept)
                found[key] = found[key] + entry if key in found else entry
        known, letters = found, kept
    ends = [*output, *[None] * (len(e.shape) - len(output))]

    def entry_of(*place: int) -> Any:
        spot = {x: k + 1 for x, k in zip(ends, place, strict=True)}
        return known[tuple(spot[x] for x in letters)]

    cells_: Cells = built([1 if x is None else sizes[x] for x in ends], entry_of)
    return cells_


def _text(e: Expr, text: Texts) -> str:
    inputs, output = _spec(e)
    return f'einsum("{",".join(inputs)}->{output}", {", ".join(text(a) for a in e.args)})'


def _notation(e: Expr, write: Writes) -> Math:
    inputs, output = _spec(e)
    factors: list[Math] = [
        sub(write.inner(a, row(*map(Sym, x))), row(*map(Sym, x))) if x else write(a, ATOM)
        for a, x in zip(e.args, inputs, strict=True)
    ]
    bound = [x for x in dict.fromkeys("".join(inputs)) if x not in output]
    body: Math = row(*factors)
    if bound:
        body = Big("∑", row(*map(Sym, bound)), None, body)
    return sub(Fence("[", body, "]"), row(*map(Sym, output))) if output else Fence("(", body, ")")


def _in_order(letters: str, output: str) -> bool:
    """Whether letters come in the order of the output, each once."""
    return "".join(x for x in output if x in letters) == letters


def _of_one(e: Expr, inputs: Sequence[str], output: str, code: Codes) -> str:
    """Return an einsum of one array as sums over its axes, where it is that."""
    (letters, *others) = inputs
    once = len({*letters}) == len(letters)
    if others or not once or not _in_order(output, letters) or len(letters) < 3:
        return ""
    axes = [k for k, x in enumerate(letters) if x not in output]
    if not axes or not output:
        return f"{code(e.args[0], ATOM)}.sum()" if axes else ""
    axis = f"axis={axes[0]}" if len(axes) == 1 else f"axis=({', '.join(map(str, axes))})"
    return f"{code(e.args[0], ATOM)}.sum({axis})"


def _entrywise(e: Expr, inputs: Sequence[str], output: str, code: Codes) -> str:
    """Return an einsum that sums over nothing as a product of arrays that are spread."""
    if not all(_in_order(x, output) for x in inputs) or len(output) < 3:
        return ""
    factors = []
    for letters, a in zip(inputs, e.args, strict=True):
        marks = [":" if x in letters else "None" for x in output]
        while marks and marks[0] == "None":
            marks = marks[1:]
        is_spread = "None" in marks
        factors.append(f"{code(a, ATOM)}[{', '.join(marks)}]" if is_spread else code(a, POWER))
    return " * ".join(factors)


def _code(e: Expr, code: Codes) -> str:
    inputs, output = _spec(e)
    shown = _shown(e)
    if shown == output:
        plain = _of_one(e, inputs, output, code) or _entrywise(e, inputs, output, code)
        if plain:
            return plain
    spec = f"{','.join(inputs)}->{shown}"
    best = ", optimize=True" if len(e.args) > 2 else ""
    return f'np.einsum("{spec}", {", ".join(code(a) for a in e.args)}{best})'


def _flops_of_letters(e: Expr) -> Flops:
    """Return the products and the additions of one loop over all letters."""
    words, _ = _spec(e)
    dims: dict[str, Dim] = {}
    for letters, a in zip(words, e.args, strict=True):
        found = zip(_by_axis(letters, a.shape), a.shape, strict=True)
        dims.update({letter: d for letter, d in found if letter is not None})
    return Flops.of(*dims.values(), times=len(words))


register(
    name="einsum",
    rests_on="linear in each factor",
    work=every_place,
    flops=_flops_of_letters,
    tensors="whole",
    build=_build,
    usage='einsum("ij,jk->ik", A, B)',
    law="a sum of products of entries is linear in each factor",
    source="Laue, Mitterreiter and Giesen, NeurIPS 2018, section 3",
    lower=_lower,
    explicit=_cells,
    text=_text,
    notation=_notation,
    numpy=_code,
    samples=(
        'einsum("ij,jk->ik", A, X)',
        'einsum("i,ij,ij->j", x, X, X) @ x.T',
        'einsum("tnd,nd->t", T, X)',
        'einsum("tnd,tmd,nm->", T, T, A) * T',
        'einsum("ii->i", A) * x',
        'einsum("tnd,nm->dtm", T, A)',
        'einsum("ij", A.T) * s',
        'einsum("i,,j->ij", x, s, x)',
        'einsum("...ij,ik->...kj", T, A) * T',
    ),
    bad=(
        'einsum("ij,jk->ik", A)',
        'einsum("ij->ii", A)',
        'einsum("ij->k", A)',
        'einsum("ijk->i", A)',
        'einsum("ij,ji->", X, X)',
        "einsum(A, A)",
        'einsum("i1->i", A)',
        'einsum("...ijk->...i", A)',
    ),
)
