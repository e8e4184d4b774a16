"""Notation: a formula as it is laid out on the page, before any format is chosen.

An operator's table entry says once how it is written (``Frac(x, y)``, ``Fence("‖", x, "‖")``);
each printer knows these few nodes and no operator. Documents compose the same nodes into whole
equations.

Contract: nodes are immutable and carry no mathematics; parentheses have already been put in.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Math:
    r"""Base of all notation nodes; ``tall`` says whether parentheses around one must grow.

    >>> from symderiv.notation.latex import latex
    >>> print(latex(Frac(Sym("x"), Script(Sym("alpha"), sub=Num("2")))))
    \frac{x}{\alpha_{2}}
    >>> row(Sym("a"), Frac(Num("1"), Num("2"))).tall, Sym("a").tall
    (True, False)
    """

    tall: bool = field(init=False, repr=False, compare=False, default=False)

    def __post_init__(self) -> None:
        # Once for each node: what nests deep is asked at every level of it.
        if isinstance(self, (Frac, Big, Grid)) or any(part.tall for part in _heights(self)):
            object.__setattr__(self, "tall", True)


def _heights(node: Math) -> tuple[Math, ...]:
    """Return the parts that count for the height: not the notes below."""
    if isinstance(node, Row):
        return node.items
    if isinstance(node, Script):
        return (node.base,)
    return (node.body,) if isinstance(node, (Under, Brace, Tint, Fence, Root)) else ()


@dataclass(frozen=True, slots=True)
class Sym(Math):
    """A user's or a conventional identifier: ``X``, ``x_hat``, ``W_1``, ``alpha``, ``Wq``.

    Printers typeset it as a person would (subscripts, accents, Greek); ``bold`` for vectors.
    ``spelled`` prints it letter by letter, where another name of the problem would look the same.
    """

    name: str
    bold: bool = False
    spelled: bool = False


@dataclass(frozen=True, slots=True)
class Num(Math):
    """A number, as its decimal digits, without a sign."""

    text: str


@dataclass(frozen=True, slots=True)
class Op(Math):
    """A binary or relation sign, by its Unicode character.

    Used: ``+ − · ⊙ = ≠ ∈ < > ≤ ≥ ≔ → ⟹ , :`` and ``×`` (in shapes). Spacing is the printer's.
    """

    char: str


@dataclass(frozen=True, slots=True)
class Word(Math):
    """Upright text inside a formula: a function name (``tanh``, ``tr``, ``diag``) or a word."""

    text: str
    function: bool = True


@dataclass(frozen=True, slots=True)
class Row(Math):
    """Things written side by side; printers put a thin space between two factors."""

    items: tuple[Math, ...]


@dataclass(frozen=True, slots=True)
class Frac(Math):
    """A fraction."""

    over: Math
    under: Math


@dataclass(frozen=True, slots=True)
class Script(Math):
    """A base with a subscript, a superscript, or both (``None`` where there is none)."""

    base: Math
    sub: Math | None = None
    sup: Math | None = None


@dataclass(frozen=True, slots=True)
class Root(Math):
    """A square root."""

    body: Math


@dataclass(frozen=True, slots=True)
class Fence(Math):
    """Delimiters that grow with their body: ``( ) [ ] ‖ ‖ | | ⟨ ⟩ { }``."""

    left: str
    body: Math
    right: str


@dataclass(frozen=True, slots=True)
class Big(Math):
    """A large operator (``∑``) with a lower and an upper limit, followed by its body."""

    char: str
    lower: Math | None
    upper: Math | None
    body: Math


@dataclass(frozen=True, slots=True)
class Under(Math):
    """A small note centred below: the shape under a symbol."""

    body: Math
    note: Math


@dataclass(frozen=True, slots=True)
class Brace(Math):
    """A horizontal brace below the body, with a label."""

    body: Math
    label: Math


@dataclass(frozen=True, slots=True)
class Grid(Math):
    """A matrix in square brackets, row by row."""

    rows: tuple[tuple[Math, ...], ...]


WRONG = "wrong"  # the role of a wrong place in a formula


@dataclass(frozen=True, slots=True)
class Tint(Math):
    """The body in the colour of a role; scripts belong inside, so that they are coloured too.

    What is wrong is underlined as well: a colour alone does not say so.
    """

    role: str
    body: Math


TRANSPOSE = Word("⊤", function=False)
PARTIAL = Word("∂", function=False)
DIFFERENTIAL = Word("d", function=False)
EQUALS = Op("=")


def row(*items: Math) -> Math:
    """Return things side by side, flattened."""
    flat = tuple(j for i in items for j in (i.items if isinstance(i, Row) else (i,)))
    return flat[0] if len(flat) == 1 else Row(flat)


def listed(*items: Math) -> Math:
    """Return things separated by commas."""
    parts: list[Math] = []
    for i in items:
        parts += [Op(","), i] if parts else [i]
    return row(*parts)


def sup(base: Math, exponent: Math) -> Math:
    """Return a superscript; beside one that is there already only as −⊤, else outside of ( )."""
    if isinstance(base, Tint):
        return Tint(base.role, sup(base.body, exponent))
    if isinstance(base, Under) and isinstance(base.body, Script) and base.body.sup is not None:
        raised = sup(base.body, exponent)
        is_one = isinstance(raised, Script) and not isinstance(raised.base, Fence)
        return Under(raised, base.note) if is_one else Script(Fence("(", base, ")"), None, exponent)
    if isinstance(base, Script) and base.sup is None:
        return Script(base.base, base.sub, exponent)
    if isinstance(base, Script) and {base.sup, exponent} == {TRANSPOSE, INVERSE}:
        return Script(base.base, base.sub, row(Op("−"), TRANSPOSE))
    if isinstance(base, Script):
        return Script(Fence("(", base, ")"), None, exponent)
    return Script(base, None, exponent)


INVERSE = row(Op("−"), Num("1"))


def sub(base: Math, index: Math) -> Math:
    """Return a subscript."""
    if isinstance(base, Tint):
        return Tint(base.role, sub(base.body, index))
    if isinstance(base, Script) and base.sub is None:
        return Script(base.base, index, base.sup)
    return Script(base, index, None)


def fraction_of_partials(of: Math, by: Math) -> Math:
    """Return the symbol ∂of/∂by."""
    return Frac(row(PARTIAL, of), row(PARTIAL, by))
