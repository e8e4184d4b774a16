"""The document model: what a page holds, before any format is chosen.

Contract: frozen data. A document says what stands where; it computes nothing, and a printer needs
nothing else. Inline text is a tuple of strings, notation and a few marked pieces.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..notation.math import Math
from .graphprint import GraphPicture
from .widths import width


@dataclass(frozen=True, slots=True)
class Strong:
    """Words in bold; a ``Ref`` leads to them by ``anchor``."""

    text: str
    anchor: str = ""


@dataclass(frozen=True, slots=True)
class Code:
    """Words as they are typed: the expression language, a file name."""

    text: str


@dataclass(frozen=True, slots=True)
class Toned:
    """Words in the colour of a role; they name what the colour marks."""

    role: str
    text: str


@dataclass(frozen=True, slots=True)
class Ref:
    """The number of a line or of a lemma of the same document, which it leads to."""

    text: str
    target: str  # line-4, lemma-1


@dataclass(frozen=True, slots=True)
class Link:
    """Words that lead to a page elsewhere."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class RunIn:
    """The number and the title of a section that begins in the middle of a line."""

    number: str
    title: Inline

    @property
    def text(self) -> str:
        """Return what of it are words."""
        return self.number


Piece = str | Math | Strong | Code | Toned | Ref | Link | RunIn
Inline = tuple[Piece, ...]


def words_of(text: Inline, letter: float) -> float:
    """Return the width of running text in em, for an average letter."""
    typed = (p if isinstance(p, str) else p.text for p in text if not isinstance(p, Math))
    return sum(width(p) for p in text if isinstance(p, Math)) + letter * sum(map(len, typed))


@dataclass(frozen=True, slots=True)
class Block:
    """Base of everything that stands on its own lines."""

    @property
    def kind(self) -> str:
        """Return the name by which a template finds its macro."""
        return type(self).__name__.lower()


@dataclass(frozen=True, slots=True)
class Heading(Block):
    """A section title; ``number`` is empty where there is none."""

    title: Inline
    number: str = ""
    level: int = 1


@dataclass(frozen=True, slots=True)
class Paragraph(Block):
    """Running text with mathematics in it."""

    text: Inline

    @property
    def announces(self) -> bool:
        """Whether it ends in a colon, and stays with what follows."""
        last = self.text[-1] if self.text else ""
        return isinstance(last, str) and last.endswith(":")


@dataclass(frozen=True, slots=True)
class Note(Block):
    """Running text in grey: what was checked, an aside."""

    text: Inline


@dataclass(frozen=True, slots=True)
class Legend(Block):
    """What the colours of the next displays mean; only for formats that print the colours."""

    text: Inline


@dataclass(frozen=True, slots=True)
class Bullets(Block):
    """A list of short statements."""

    items: tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Display(Block):
    """Formulas on lines of their own, side by side as far as the line allows.

    ``lead`` are a few words that stand on the same line, before them.
    """

    items: tuple[Math, ...]
    lead: Inline = ()


@dataclass(frozen=True, slots=True)
class Boxed(Block):
    """A final result, framed, with its number; what leads to it stands beside it."""

    formula: Math
    number: int
    lead: Inline = ()


@dataclass(frozen=True, slots=True)
class ResultRow:
    """One result with a sentence of meaning; ``copied`` is what a page offers to copy of it."""

    formula: Math
    note: Inline
    copied: tuple[tuple[str, str], ...] = ()  # in which language, and how it is written there


@dataclass(frozen=True, slots=True)
class ResultBox(Block):
    """The answer, before anything else; ``where`` explains the names that it uses."""

    rows: tuple[ResultRow, ...]
    where: tuple[Math, ...] = ()
    title: str = "Result"


@dataclass(frozen=True, slots=True)
class Line:
    """One numbered line of a derivation; ``left`` is printed where a chain of equalities opens.

    ``right`` is cut at its signs, so that a printer may break there; it opens with ``=``.
    """

    number: int
    left: Math | None
    right: tuple[Math, ...]
    reason: Inline
    cited: bool = True  # whether what cites this number leads here


@dataclass(frozen=True, slots=True)
class StepTable(Block):
    """Numbered lines, relation signs aligned, the reason at the right."""

    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class SymbolRow:
    """A symbol, its shape, and what it stands for."""

    symbol: Math
    shape: Math
    meaning: Inline


@dataclass(frozen=True, slots=True)
class IndexRow:
    """One or more indices, their ranges, and whether they are summed or free."""

    index: Math
    range: Math
    role: Inline


@dataclass(frozen=True, slots=True)
class DefinitionTable(Block):
    """Symbols and indices."""

    symbols: tuple[SymbolRow, ...]
    indices: tuple[IndexRow, ...]

    @property
    def pairs(self) -> tuple[tuple[SymbolRow | None, IndexRow | None], ...]:
        """Return the rows of both halves side by side; ``None`` fills the shorter one."""
        count = max(len(self.symbols), len(self.indices))
        left = (*self.symbols, *(None,) * (count - len(self.symbols)))
        right = (*self.indices, *(None,) * (count - len(self.indices)))
        return tuple(zip(left, right, strict=True))


@dataclass(frozen=True, slots=True)
class SymbolTable(Block):
    """Many symbols, in two columns; they are read down the first, then down the second."""

    rows: tuple[SymbolRow, ...]

    @property
    def pairs(self) -> tuple[tuple[SymbolRow, SymbolRow | None], ...]:
        """Return the rows of both columns side by side."""
        half = (len(self.rows) + 1) // 2
        right = (*self.rows[half:], None)
        return tuple(zip(self.rows[:half], right[:half], strict=True))


@dataclass(frozen=True, slots=True)
class DimensionRow:
    """A formula, the shapes that are multiplied, what they give, and the verdict."""

    gradient: Inline
    formula: Math
    shapes: Math
    product: Inline
    variable: Inline
    verdict: str


@dataclass(frozen=True, slots=True)
class DimensionTable(Block):
    """The shapes of every result; ``slips`` are wrong formulas that their shapes reject."""

    rows: tuple[DimensionRow, ...]
    slips: tuple[DimensionRow, ...]
    what: str = "Gradient"


@dataclass(frozen=True, slots=True)
class CostLine:
    """A gradient, its matrix form in named values, its shape, and what it takes."""

    gradient: Math
    formula: Math
    shape: Math
    flops: Math
    copied: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class CostTable(Block):
    """The answer as a table: all gradients in the order in which they are computed.

    ``where`` explains the names that no row does; ``title`` is empty where a page goes on with it.
    """

    rows: tuple[CostLine, ...]
    where: tuple[Math, ...] = ()
    title: str = "Result"


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """A claim by its name, what it is about, the verdict, and why in a few words."""

    name: str
    about: str
    answer: str
    why: str


@dataclass(frozen=True, slots=True)
class AnswerTable(Block):
    """Many claims with their verdicts."""

    rows: tuple[AnswerRow, ...]


@dataclass(frozen=True, slots=True)
class NumberRow:
    """An entry, its value by the formula and the difference quotient, in the digits compared."""

    entry: Math
    value: Math
    quotient: Math


@dataclass(frozen=True, slots=True)
class NumberTable(Block):
    """Values by the formula beside difference quotients."""

    rows: tuple[NumberRow, ...]

    @property
    def columns(self) -> int:
        """How many tables stand side by side, that none is long."""
        return 1 if len(self.rows) <= 2 else 2 if len(self.rows) <= 4 else 3

    @property
    def abreast(self) -> tuple[tuple[NumberRow | None, ...], ...]:
        """Return the rows line by line, read down one table and then the next."""
        high = -(-len(self.rows) // self.columns)
        filled = (*self.rows, *(None,) * (high * self.columns - len(self.rows)))
        return tuple(filled[k::high] for k in range(high))


@dataclass(frozen=True, slots=True)
class CodeBlock(Block):
    """A listing."""

    text: str
    language: str = "python"

    @property
    def lines(self) -> tuple[str, ...]:
        """Return the lines of the listing."""
        return tuple(self.text.rstrip("\n").split("\n"))


@dataclass(frozen=True, slots=True)
class Graph(Block):
    """The picture of a computation graph, with a sentence that says how to read it.

    ``symbols`` are those of a narrow one, whose table stands beside it.
    """

    text: Inline
    picture: GraphPicture
    symbols: tuple[SymbolRow, ...] = ()


@dataclass(frozen=True, slots=True)
class PageBreak(Block):
    """What follows stands on a page of its own."""


@dataclass(frozen=True, slots=True)
class Kept(Block):
    """Blocks that stay on one page: a sentence and its display."""

    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A whole document.

    >>> from symderiv.documents.render import markdown
    >>> markdown(Document("Powers", (), (Paragraph(("A square: ", Code("x ** 2"), ".")),))).rstrip()
    '# Powers\\n\\nA square: `x ** 2`.'
    """

    title: str
    subtitle: Inline
    blocks: tuple[Block, ...]
    compact: bool = False  # narrower margins, smaller letters: for long documents

    @property
    def cited(self) -> frozenset[int]:
        """The numbers of the lines that others lead to."""
        return frozenset(_cited(self.blocks))


def _cited(x: Any) -> Iterator[int]:
    if isinstance(x, Ref):
        kind, _, number = x.target.partition("-")
        if kind == "line":
            yield int(number)
    elif isinstance(x, tuple):
        for part in x:
            yield from _cited(part)
    elif isinstance(x, Block | Line | RunIn):
        for name in x.__dataclass_fields__:
            yield from _cited(getattr(x, name))
