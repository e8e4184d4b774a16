"""Claims answered: each question in its first word, with the slip and a counterexample.

Contract: prints verdicts that were handed in. Claims that are right and were put without a
question of their own share one section; every other claim has its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import groupby

from ..claims.verdict import Counterexample, Verdict
from ..expr import entry
from ..notation.math import EQUALS, Math, Num, Op, Sym, row
from .checks import grid
from .model import (
    Block,
    Code,
    Display,
    Heading,
    Inline,
    Kept,
    Paragraph,
    Piece,
    Strong,
)
from .scribe import Scribe
from .widths import width

_ABOUT = re.compile(r"d\w+?/d(\w+)(?:\[([\w,]+)\])?")
_UNNAMED = "different"  # the slip of a claim that no small change mends
_HEADING = 28.0  # em: a longer formula stands below the heading, on its own line


def questions(
    scribe: Scribe, verdicts: Sequence[Verdict], number: Callable[[], str]
) -> list[Block]:
    """Return the sections of all claims, in their order."""
    found: list[Block] = []
    for plain, group in groupby(verdicts, _plainly_right):
        together = list(group)
        if plain and len(together) > 1:
            found += _confirmed(scribe, together, number())
            continue
        for verdict in together:
            found += _question(scribe, verdict, number())
    return found


def _plainly_right(verdict: Verdict) -> bool:
    """Whether there is nothing to say but yes."""
    return verdict.verdict == "right" and not verdict.claim.question and bool(verdict.claimed)


def _confirmed(scribe: Scribe, verdicts: Sequence[Verdict], number: str) -> list[Block]:
    """Return one section for claims that are all right."""
    lead = Paragraph((Strong("Yes."), " Each equals the gradient derived above:"))
    forms = Display(tuple(_claimed(scribe, v) for v in verdicts))
    return [Heading(("Are these forms right?",), number), Kept((lead, forms))]


def _question(scribe: Scribe, verdict: Verdict, number: str) -> list[Block]:
    title, below = _asked(scribe, verdict)
    found: list[Block] = [Heading(title, number), Paragraph(_answer(verdict)), *below]
    if verdict.counterexample is not None:
        found += _counterexample(scribe, verdict.counterexample)
    if verdict.correction_expr is not None and verdict.verdict != "right":
        lead = Paragraph(("The right form:",))
        found.append(Kept((lead, Display((_corrected(scribe, verdict),)))))
    return found


def _asked(scribe: Scribe, verdict: Verdict) -> tuple[Inline, list[Block]]:
    """Return the heading of a claim, and the claim itself where the heading does not hold it."""
    claim = verdict.claim
    if not verdict.claimed:
        says = " = ".join(claim.says)
        asked = Code(says if claim.about == "equal" else f"{claim.about} = {says}")
        return (claim.question,) if claim.question else ("Is ", asked, "?"), []
    formula = _claimed(scribe, verdict)
    if not claim.question and width(formula) < _HEADING:
        return ("Is ", formula, "?"), []
    stated = Kept((Paragraph(("The claim:",)), Display((formula,))))
    return (claim.question or "Is this form right?",), [stated]


def _answer(verdict: Verdict) -> Inline:
    answer: list[Piece] = [Strong(verdict.answer), " "]
    if verdict.verdict == "right-if" and verdict.assumption:
        answer.append(f"{verdict.assumption.rstrip('.')}.")
    else:
        answer += _marked(verdict.diagnosis)
    slips = [s.replace("-", " ") for s in verdict.slips if s != _UNNAMED]
    if slips:
        answer.append(f" ({'slip' if len(slips) == 1 else 'slips'}: {', '.join(slips)})")
    return tuple(answer)


def _corrected(scribe: Scribe, verdict: Verdict) -> Math:
    """Return the right form, behind what it equals."""
    assert verdict.correction_expr is not None
    right = scribe.write_full(verdict.correction_expr)
    left = _about(scribe, verdict.corrects)
    return right if left is None else row(left, EQUALS, right)


def _claimed(scribe: Scribe, verdict: Verdict) -> Math:
    """Return what was claimed, as an equation."""
    sides = [scribe.write(x) for x in verdict.claimed]
    left = _about(scribe, verdict.claim.about)
    if left is not None:
        sides.insert(0, left)
    parts: list[Math] = []
    for side in sides:
        parts += [EQUALS, side] if parts else [side]
    return row(*parts)


def _about(scribe: Scribe, about: str) -> Math | None:
    """Return the gradient, or the entry of one, that "dL/dW[p, q]" names."""
    found = _ABOUT.fullmatch(about.replace(" ", ""))
    by = scribe.known.get(found[1]) if found else None
    if found is None or by is None:
        return None
    if not found[2]:
        return scribe.gradient(by)
    places = [int(m) if m.isdigit() else m for m in found[2].split(",")]
    places += [1] * (len(by.shape) - len(places))
    return scribe.gradient(entry(by, *places))


def _marked(text: str) -> list[Piece]:
    """Return a sentence with what stands in backticks typeset: symbols, shapes, else code."""
    return [_typeset(t) if k % 2 else t for k, t in enumerate(text.split("`")) if t]


def _typeset(text: str) -> Piece:
    parts = text.split(" x ")
    if all(p.isidentifier() or p.isdecimal() for p in parts) and len(parts) <= 2:
        symbols: list[Math] = [Sym(p) if p.isidentifier() else Num(p) for p in parts]
        return symbols[0] if len(parts) == 1 else row(symbols[0], Op("×"), symbols[1])
    return Code(text)


def _counterexample(scribe: Scribe, found: Counterexample) -> list[Block]:
    sizes: list[Piece] = []
    for k, (name, value) in enumerate(found.sizes.items()):
        sizes += [", " if k else "", row(Sym(name), EQUALS, Num(str(value)))]
    for name, value in found.indices.items():
        sizes += [", ", row(Sym(name), EQUALS, Num(str(value)))]
    sizes += _equated(found)
    lead: Inline = ("The smallest counterexample: ", *sizes, ", and")
    given = tuple(row(scribe.name(n), EQUALS, grid(c)) for n, c in found.values.items())
    sides = (
        row(scribe.write(found.claimed), EQUALS, grid(found.claimed_cells)),
        row(scribe.write(found.right), EQUALS, grid(found.right_cells)),
    )
    first = Kept((Paragraph(lead), Display(given)))
    return [first, Kept((Paragraph(("The two sides are",)), Display(sides)))]


def _equated(found: Counterexample) -> list[Piece]:
    """Return which dimensions were taken to be equal, each pair once."""
    pairs = {frozenset(p): p for p in reversed(found.equated)}
    text: list[Piece] = []
    for left, right in reversed(pairs.values()):
        text += [", ", row(Sym(left), EQUALS, Sym(right))]
    return [*text, " so that the shapes fit"] if text else []
