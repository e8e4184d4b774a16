"""Takes an expression; returns its notation, with bold and coloured symbols and placed indices."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from itertools import pairwise

from ..core.expr import Expr, Index
from ..core.shapes import ONE, SCALAR, Dim, Shape, is_difference
from ..notation.identifiers import read_name, spelled_out
from ..notation.math import PARTIAL, TRANSPOSE, Fence, Math, Num, Op, Sym, Tint, Word, row, sub, sup
from . import ATOM, POWER, PRODUCT, SIGN, SUM, TABLE
from .joining import bare
from .leaves import size_notation

_TELLING = ("transpose", "dot")  # which give every argument the sizes of the whole or of the others
_PLACES = ("entry", "row", "column")
_SUMS = ("sum", "mean")  # along an axis, a product with ones
_NAMES = ("var", "named", "loss")


# How the cotangent of Z is written, where not as dZ.
_COTANGENTS: dict[str, Callable[[str, bool], Math]] = {
    "bar": lambda name, bold: Sym(f"{name}_bar", bold=bold),
    "delta": lambda name, bold: sub(Sym("delta", bold=bold), Sym(name)),
    "partial": lambda name, bold: row(PARTIAL, Sym("L"), Op("/"), PARTIAL, Sym(name, bold=bold)),
}


class Constants:
    """The expressions without any name in them, remembered."""

    def __init__(self) -> None:
        self._known: dict[Expr, bool] = {}

    def __contains__(self, e: Expr) -> bool:
        stack = [e]
        while stack:
            top = stack[-1]
            waiting = [a for a in top.args if a not in self._known]
            if top in self._known:
                stack.pop()
            elif top.op in _NAMES or not waiting:
                stack.pop()
                named = top.op in _NAMES or not all(self._known[a] for a in top.args)
                self._known[top] = not named
            else:
                stack += waiting
        return self._known[e]

    def leaves_open(self, e: Expr) -> bool:
        """Whether an expression has a constant argument whose size neither it nor another tells."""
        if e.op in _TELLING or e.op in _NAMES:
            return False
        if e.op in _PLACES and not any(str(i).isdecimal() for i in _marks(e)):
            return False  # the range of an index is known
        if e.is_matrix_product:
            pairs = pairwise(e.args)
            return any(a.shape[-1] != ONE and a in self and b in self for a, b in pairs)
        return any(_is_open(a, e) and a in self for a in e.args)


def _marks(e: Expr) -> tuple[object, ...]:
    return e.data if isinstance(e.data, tuple) else (e.data,)


def _is_open(a: Expr, e: Expr) -> bool:
    """Whether an argument has an axis that is none of the whole."""
    if len(a.shape) != len(e.shape):
        return True
    return any(d not in (ONE, whole) for d, whole in zip(a.shape, e.shape, strict=True))


class Writer:
    """Writes expressions; ``roles`` maps names to colour roles, ``limits`` prints index ranges.

    ``differentials`` are names such as ``dr`` that are known to be those of cotangents: d and r,
    not a d with the index r. ``names`` are all names that may stand in what is written: no two of
    them print alike, and no constant prints as one of them.
    """

    def __init__(
        self,
        roles: Mapping[str, str] | None = None,
        *,
        full: bool = False,
        delta: str = "",
        differentials: Collection[str] = (),
        names: Collection[str] = (),
        cotangent: str = "d",
    ) -> None:
        self.roles, self.full, self.delta = dict(roles or {}), full, delta
        self.differentials, self.cotangent = frozenset(differentials), cotangent
        self.names = tuple(dict.fromkeys(names))
        self._spelled = spelled_out(self.names)
        self._constant = Constants()
        self.sized = False  # whether constants say their sizes

    def __call__(self, e: Expr, level: int = SUM) -> Math:
        operator = TABLE[e.op]
        outside = self.sized
        self.sized = (outside and e in self._constant) or self._constant.leaves_open(e)
        body = operator.notation(e, self)
        self.sized = outside
        if e.op == "delta" and self.delta:
            body = Tint(self.delta, body)
        binds = operator.written or operator.level
        return Fence("(", body, ")") if binds(e) < level else body

    def name(self, name: str) -> Math:
        """Return a plain name."""
        return self._tinted(name, self._letters(name, False))

    def symbol(self, e: Expr) -> Math:
        """Return a variable or a named intermediate: vectors bold, matrices and scalars not."""
        name = str(e.data)
        return self._tinted(name, self._letters(name, ONE in e.shape and e.shape != SCALAR))

    def _is_two_letters(self, name: str) -> bool:
        return name in self.differentials and read_name(name).prefix != "d"

    def _letters(self, name: str, bold: bool) -> Math:
        if name in self.differentials and self.cotangent in _COTANGENTS:
            return _COTANGENTS[self.cotangent](name[1:].rstrip("_"), bold)
        if self._is_two_letters(name):
            return row(Word("d", function=False), Sym(name[1:], bold=bold))
        return Sym(name, bold=bold, spelled=name in self._spelled)

    def _tinted(self, name: str, body: Math) -> Math:
        return Tint(self.roles[name], body) if name in self.roles else body

    def is_taken(self, letter: str) -> bool:
        """Whether a letter, with or without an index, could be read as a name."""
        return any(read_name(n).core == letter for n in self.names)

    def inner(self, e: Expr, mark: Math | None = None) -> Math:
        """Return what an index is attached to: entries of vectors are not bold.

        With ``mark``, the index, it stands in parentheses where it would look like a name.
        """
        if e.is_symbol:
            name = str(e.data)
            body = self.name(name)
            return Fence("(", body, ")") if self._needs_fence(name, mark) else body
        body = self(e, ATOM)
        return body if isinstance(body, Fence) else Fence("(", body, ")")

    def _needs_fence(self, name: str, mark: Math | None) -> bool:
        """Whether a name with an index would look like another name: x_1 beside x."""
        if name in self.differentials and self.cotangent == "delta":
            return True  # which has an index already
        plain = read_name(name)
        others = (read_name(n) for n in self.names if n != name)
        alike = any(
            (o.core, o.accent, o.prefix) == (plain.core, plain.accent, plain.prefix)
            and o.sub == mark
            for o in others
        )
        return self._is_two_letters(name) or (alike and mark is not None and plain.sub is None)

    def index(self, i: Index) -> Math:
        """Return an index as it stands in a subscript."""
        return Num(str(i)) if isinstance(i, int) else Sym(i)

    def limits(self, index: str, dim: Dim) -> tuple[Math, Math | None]:
        """Return what stands below and above the sum over an index."""
        if self.full or is_difference(dim):
            last = size_notation(dim)
            return row(Sym(index), Op("="), Num("1")), bare(last)
        return Sym(index), None

    def spread(self, e: Expr, over: Expr, level: int = SUM) -> Math:
        """Return an argument of an entrywise operator, the ones of its broadcasting written."""
        leads = [x.shape[:-2] for x in (e, over)]  # of tensors: of each of their matrices
        if e.is_scalar or e.shape == over.shape or leads[0] != leads[1]:
            return self(e, level)
        one = Sym("1", bold=True)
        is_product = e.is_matrix_product or e.op in _SUMS
        body = self(e, PRODUCT if is_product else POWER)
        whole = row(body, sup(one, TRANSPOSE)) if e.shape[-1] == ONE else row(one, body)
        # Beside ⊙ a product of more than two factors could be read in two ways.
        beside = is_product and over.op not in ("add", "neg")
        return Fence("(", whole, ")") if beside and level > SIGN else whole


def shape_notation(shape: Shape) -> Math:
    """Return a shape: n × d."""
    items: list[Math] = [size_notation(shape[0])]
    for dim in shape[1:]:
        items += [Op("×"), size_notation(dim)]
    return row(*items)
