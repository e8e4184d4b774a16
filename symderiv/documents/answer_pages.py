"""Claims answered on pages of their own: the problem in short, then a section for each claim.

Contract: prints verdicts that were handed in; computes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from ..claims.verdict import Verdict
from ..core.expr import Expr
from ..notation.math import EQUALS, Sym, row
from .arrange import title_of
from .first_page import assumptions, statement
from .model import (
    AnswerRow,
    AnswerTable,
    Block,
    Code,
    CodeBlock,
    Display,
    Document,
    Heading,
    Note,
    Paragraph,
    Strong,
)
from .questions import questions, quoting
from .symbols_shown import Scribe


@dataclass(frozen=True, slots=True)
class AnswerEntry:
    """A claim with its verdict, or with the reason why there is none."""

    name: str
    about: str
    says: tuple[str, ...]
    status: str
    why: str  # in a few words
    scribe: Scribe | None  # of the problem; None where it could not be read
    value: tuple[str, Expr] | None  # what is differentiated where it is no scalar, with a name
    verdict: Verdict | None
    reason: str = ""  # why there is no verdict, with the place
    label: str = ""  # the name, where it says whose answer it is


def answers_document(entries: Sequence[AnswerEntry], title: str = "") -> Document:
    """Return the report on some claims; of several problems, it begins with a table of them."""
    posed = [e.scribe.problem for e in entries if e.scribe is not None]
    if len(posed) == len(entries) and all(p is posed[0] for p in posed):
        return _of_one_problem(entries, title)
    blocks: list[Block] = [_table(entries)]
    for number, (_, group) in enumerate(groupby(entries, _problem_of), 1):
        blocks += _part(list(group), str(number))
    return Document(title or "Claims, answered", _counted(entries), tuple(blocks), True)


def _problem_of(entry: AnswerEntry) -> int:
    """Return what is equal for neighbours about one problem."""
    return id(entry) if entry.scribe is None else id(entry.scribe.problem)


def _of_one_problem(entries: Sequence[AnswerEntry], title: str) -> Document:
    scribe = entries[0].scribe
    assert scribe is not None
    numbers = map(str, range(1, len(entries) + 1))
    blocks: list[Block] = []
    if scribe.problem.question:
        blocks.append(Paragraph((scribe.problem.question,)))
    blocks += [*_posed(scribe, entries[0]), *_answered(entries, lambda: next(numbers))]
    return Document(title or _title(scribe, len(entries)), (), tuple(blocks), True)


def _title(scribe: Scribe, count: int) -> str:
    """Return the title of the problem, where it has one of its own."""
    own = scribe.problem.title
    return (
        own if title_of(scribe) == own else "Claims, answered" if count > 1 else "A claim, answered"
    )


def _part(entries: Sequence[AnswerEntry], number: str) -> list[Block]:
    """Return the section of neighbouring claims about one problem."""
    first = entries[0]
    names = ", ".join(e.name for e in entries if e.label) or first.name
    blocks: list[Block] = [Heading((names,), number)]
    if first.scribe is not None:
        blocks += _posed(first.scribe, first)
    numbers = (f"{number}.{k}" for k in range(1, len(entries) + 1))
    several = entries if entries[1:] else [replace(first, label="")]  # one has the heading
    inner = _answered(several, lambda: next(numbers))
    return [
        *blocks,
        *(replace(b, level=2) if isinstance(b, Heading) else b for b in inner),
    ]


def _posed(scribe: Scribe, entry: AnswerEntry) -> list[Block]:
    """Return what is differentiated, and what is assumed of it."""
    if entry.value is not None:
        name, value = Sym(entry.value[0]), entry.value[1]
        defined = statement(scribe)[:-1]  # the last is the loss that stands around the value
        whole = row(name, EQUALS, scribe.write_shaped(value))
        rows = ("A Jacobian has a row for each entry of ", name, " (numerator layout).")
        return [Display((*defined, whole)), Paragraph(rows)]
    return [Display(tuple(statement(scribe))), Paragraph(assumptions(scribe))]


def _answered(entries: Sequence[AnswerEntry], number: Callable[[], str]) -> Iterator[Block]:
    for (has_verdict, label), group in groupby(entries, lambda e: (e.verdict is not None, e.label)):
        together = list(group)
        scribe = together[0].scribe
        if has_verdict and scribe is not None:
            verdicts = [e.verdict for e in together if e.verdict is not None]
            yield from (_signed(b, label) for b in questions(scribe, verdicts, number))
            words = "; ".join(dict.fromkeys(x for v in verdicts for x in v.checked))
            yield Note(tuple(quoting(scribe, f"{words[:1].upper()}{words[1:]}.")))
            continue
        for e in together:
            yield from (_signed(b, label) for b in _refused(e, number()))


def _signed(block: Block, label: str) -> Block:
    """Return a heading with the name of the one whose claim it is about."""
    if not label or not isinstance(block, Heading):
        return block
    return replace(block, title=(f"{label}: ", *block.title))


def _refused(entry: AnswerEntry, number: str) -> list[Block]:
    """Return the section of a claim without a verdict."""
    said = " = ".join(entry.says)
    words = {
        "unreadable": "It could not be read:",
        "undecided": "It could not be decided:",
    }.get(entry.status, "It could not be checked:")
    return [
        Heading(("Is ", Code(f"{entry.about} = {said}"), "?"), number),
        Paragraph((Strong("No answer."), f" {words}")),
        CodeBlock(entry.reason, "text"),
    ]


def _table(entries: Sequence[AnswerEntry]) -> Block:
    return AnswerTable(tuple(AnswerRow(e.name, e.about, e.status, e.why) for e in entries))


def _counted(entries: Sequence[AnswerEntry]) -> tuple[str, ...]:
    found: dict[str, int] = {}
    for e in entries:
        found[e.status] = found.get(e.status, 0) + 1
    counts = ", ".join(f"{n} {status}" for status, n in found.items())
    return (f"{len(entries)} claims: {counts}",)
