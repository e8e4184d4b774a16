"""Takes the blocks of a document; returns a line that explains the notation that they use.

What everybody learns at school is not explained, nor what has a line in the table of symbols or a
lemma of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from ..core.expr import walk_all
from ..derivation.lemmas import is_defined
from ..notation.math import EQUALS, Fence, Math, Num, Op, Row, Script, Sym, Word, listed, row, sub
from ..ops import TABLE
from .lemma_pages import definition_line
from .model import Block, Inline, Paragraph, Piece
from .symbols_shown import Scribe

_ONE, _ZERO, _UNIT = (Sym(x, bold=True) for x in "10e")
_RELATIONS = ("<", ">", "≤", "≥")


@dataclass(frozen=True, slots=True)
class Notation:
    """A sign, how it is recognised in a formula, and what is said of it; ``name`` is its letter."""

    met: Callable[[Math], bool]
    said: Inline
    name: str = ""


def _word(text: str) -> Callable[[Math], bool]:
    return lambda m: isinstance(m, Word) and m.text == text


def _sign(char: str) -> Callable[[Math], bool]:
    return lambda m: isinstance(m, Op) and m.char == char


def _is_indicator(m: Math) -> bool:
    return (
        isinstance(m, Script)
        and m.base == _ONE
        and m.sub is not None
        and any(isinstance(x, Op) and x.char in _RELATIONS for x in _walked(m.sub))
    )


def _is_frobenius(m: Math) -> bool:
    return isinstance(m, Script) and isinstance(m.base, Fence) and m.sub == Sym("F")


def _is_slice(place: int) -> Callable[[Math], bool]:
    """Return whether a formula is a row of a matrix (1) or a column (0): where its colon stands."""
    return lambda m: (
        isinstance(m, Script)
        and isinstance(m.sub, Row)
        and len(m.sub.items) == 2
        and m.sub.items[place] == Op(":")
    )


def _call(name: str, *args: Math) -> Math:
    return row(Word(name), Fence("(", listed(*args), ")"))


_A, _B = Sym("A"), Sym("B")
NOTATIONS = (
    Notation(
        lambda m: isinstance(m, Script) and m.base == Sym("delta") and m.sub is not None,
        (sub(Sym("delta"), row(Sym("i"), Sym("j"))), " is 1 where both indices agree, else 0"),
        "delta",
    ),
    Notation(_is_indicator, (_ONE, " with a condition below is 1 where it holds, else 0")),
    Notation(
        lambda m: isinstance(m, Script) and m.base == _UNIT and m.sub is not None,
        (sub(_UNIT, Sym("i")), " is 1 at place ", Sym("i"), ", else 0"),
    ),
    Notation(_is_slice(1), (sub(_A, row(Sym("k"), Op(":"))), " is row ", Sym("k"), " of ", _A)),
    Notation(_is_slice(0), (sub(_A, row(Op(":"), Sym("k"))), " is column ", Sym("k"), " of ", _A)),
    Notation(lambda m: m == _ONE, (_ONE, " is a column of ones")),
    Notation(lambda m: m == _ZERO, (_ZERO, " has only entries 0")),
    Notation(lambda m: m == Sym("I"), (Sym("I"), " is the identity matrix"), "I"),
    Notation(_sign("⊙"), (Op("⊙"), " multiplies entry by entry")),
    Notation(_sign("⊘"), (Op("⊘"), " divides entry by entry")),
    Notation(
        _sign("⊗"),
        (row(_A, Op("⊗"), _B), " has a block for each entry of ", _A, ", that entry times ", _B),
    ),
    Notation(
        lambda m: isinstance(m, Script) and m.base == Sym("K") and m.sub is not None,
        (
            sub(Sym("K"), listed(Sym("n"), Sym("m"))),
            " turns the columns of an n × m matrix, one below the other, into those of its "
            "transpose",
        ),
        "K",
    ),
    Notation(
        _is_frobenius,
        (Script(Fence("‖", Op("·"), "‖"), sub=Sym("F")), " is the root of the sum of squares"),
    ),
    Notation(_word("mean"), (Word("mean"), " is the mean of the entries")),
    Notation(_word("sum"), (Word("sum"), " adds the entries up")),
    Notation(_word("var"), (Word("var"), " is the mean square of what differs from the mean")),
    Notation(_word("along"), ("with a size below, along the axis of that size",)),
    Notation(_word("split"), (Word("split"), " gives the blocks of columns, one for each head")),
    Notation(_word("merge"), (Word("merge"), " puts these side by side again")),
    Notation(
        _word("causal"),
        (
            sub(Sym("M"), Word("causal", function=False)),
            " is 0 on and below the diagonal and ",
            row(Op("−"), Script(Num("10"), sup=Num("9"))),
            " above it",
        ),
    ),
    Notation(
        _word("where"),
        (_call("where", Sym("c"), Sym("a"), Sym("b")), " is a where c holds, else b"),
    ),
    Notation(
        _word("diag"),
        (Word("diag"), " is the diagonal matrix of a vector, or the diagonal of a matrix"),
    ),
    Notation(_word("erf"), (Word("erf"), " is the error function")),
    Notation(
        _word("normcdf"),
        (Word("normcdf"), " is the normal distribution, ", Word("normpdf"), " its density"),
    ),
)


def legend(scribe: Scribe, blocks: Sequence[Block], lemmas: Collection[str] = ()) -> list[Block]:
    """Return the line of notation for blocks; nothing where all of it is known from school.

    ``lemmas`` are the functions that have one.
    """
    taken = {*scribe.problem.taken}
    met = set(_walked(tuple(blocks)))
    defined = _functions(scribe, met, lemmas)
    shown = met | set(_walked(tuple(defined)))
    found = [n for n in NOTATIONS if n.name not in taken and any(map(n.met, shown))]
    said: list[Inline] = [*(n.said for n in found), *defined]
    said += _cotangents(scribe, met)
    if not said:
        return []
    parts: list[Piece] = ["Notation: "]
    for k, inline in enumerate(said):
        parts += ["; " if k else "", *inline]
    return [Paragraph((*parts, "."))]


def _functions(scribe: Scribe, met: set[Math], lemmas: Collection[str]) -> list[Inline]:
    """Return what the functions are that no lemma is about, each word once."""
    known = {w for n in NOTATIONS for x in n.said for w in _words(x)}
    found: list[Inline] = []
    results = (g.expr for g in scribe.derivation.values())
    steps = (s.after for section in scribe.sections for s in section.steps)
    for e in walk_all([scribe.problem.objective, *results, *steps]):
        entry = TABLE[e.op]
        if e.op in lemmas or not (entry.explained or is_defined(e)):
            continue
        word = next((w for w in _words(scribe.write(e)) if w in met), None)
        if word is not None and word not in known:
            known.add(word)
            found.append((word, f" {entry.explained}") if entry.explained else ())
            found[-1] = found[-1] or definition_line(scribe, e.op)
    return found


def _words(x: Any) -> Iterator[Word]:
    """Yield the names of functions in a formula, in reading order."""
    return (m for m in _walked(x) if isinstance(m, Word) and m.function)


def _cotangents(scribe: Scribe, met: set[Math]) -> list[Inline]:
    """Return what stands for the gradient by a name, where the table of symbols does not say so."""
    pairs = [(s.given, s.target) for s in scribe.sections if s.given is not None]
    shown = [(g, of) for g, of in pairs if g.is_name and scribe.write(g) in met]
    differentials = any(_word("d")(m) for m in met)
    found: list[Inline] = []
    if shown and scribe.tabled:
        given, target = shown[0]
        equal = row(scribe.write(given), EQUALS, scribe.gradient_inline(target))
        found.append((equal, " and so for every name"))
    if differentials and scribe.write.cotangent != "d":
        d = Word("d", function=False)
        found.append((d, " is the change to first order"))
    if differentials and any(isinstance(m, Fence) and m.left == "⟨" for m in met):
        pair = Fence("⟨", listed(_A, _B), "⟩")
        found.append((pair, " adds up the products of the entries of ", _A, " and ", _B))
    return found


def _walked(x: Any) -> Iterator[Math]:
    """Yield every formula in a part of a document, and all that it is made of."""
    stack = [x]
    while stack:
        top = stack.pop()
        if isinstance(top, Math):
            yield top
        if isinstance(top, tuple):
            stack += reversed(top)
        elif is_dataclass(top):
            stack += [getattr(top, f.name) for f in fields(top)]
