"""Claims answered: each question in its first word, with the slip and a counterexample.

Contract: prints verdicts that were handed in. Claims that are right and were put without a
question of their own share one section; every other claim has its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

from ..claims.about import read_about
from ..claims.reading import read_quoted
from ..claims.verdict import GRADIENT, Counterexample, Verdict
from ..core.errors import ParseError
from ..core.expr import Expr, entry, walk_all
from ..core.shapes import SCALAR
from ..notation.math import EQUALS, Math, Num, Op, Sym, fraction_of_partials, row
from ..ops.text import text
from .checks import grid
from .led import led
from .matrix_sections import first, second
from .model import Block, Bullets, Code, Display, Heading, Inline, Kept, Paragraph, Piece, Strong
from .symbols_shown import Scribe
from .widths import width

NOT_EQUAL = Op("≠")
_UNNAMED = "different"  # the slip of a claim that no small change mends
_STATUSES = {
    "holds": "is right",
    "recovers": "is right again",
    "follows": "is wrong, as the line before",
    "breaks": "is wrong",
    "transposed": "is transposed",
    "right-if": "needs an assumption",
    "unreadable": "has shapes that do not fit",
    "defines": "is a definition",
}
_SIGNS = {" x ": "×", " <= ": "≤", " >= ": "≥", " != ": "≠", " == ": "=", " < ": "<", " > ": ">"}
_HEADING = 28.0  # em: a longer formula stands below the heading, on its own line


def questions(
    scribe: Scribe, verdicts: Sequence[Verdict], number: Callable[[], str]
) -> list[Block]:
    """Return the sections of all claims, in their order."""
    found: list[Block] = []
    told: set[str] = set()  # the gradients whose sum was explained
    for plain, group in groupby(verdicts, _plainly_right):
        together = list(group)
        if plain and len(together) > 1:
            found += _confirmed(scribe, together, number())
            continue
        for verdict in together:
            found += _question(scribe, verdict, number(), told)
    return found


def _plainly_right(verdict: Verdict) -> bool:
    """Whether there is nothing to say but yes."""
    return verdict.verdict == "right" and not verdict.claim.question and bool(verdict.claimed)


def _confirmed(scribe: Scribe, verdicts: Sequence[Verdict], number: str) -> list[Block]:
    """Return one section for claims that are all right."""
    gradients = all(v.compared == GRADIENT for v in verdicts)
    words = "Each equals the gradient derived above:" if gradients else "Each is right:"
    items: list[Inline] = []
    for v in verdicts:
        why = [": ", *quoting(scribe, v.why, v)] if v.why else []
        items.append((_claimed(scribe, v, inline=True), *why, "."))
    heading = Heading(("Are these forms right?",), number)
    return [heading, Kept((Paragraph((Strong("Yes."), f" {words}")), Bullets(tuple(items))))]


def _question(scribe: Scribe, verdict: Verdict, number: str, told: set[str]) -> list[Block]:
    title, stated = _asked(scribe, verdict)
    found: list[Block] = [Heading(title, number), Paragraph(_answer(scribe, verdict))]
    if verdict.verdict == "right" or verdict.correction_expr is None:
        words = "The claim:"
    else:
        words = "The claim, and the right form:" if stated else "The right form:"
        stated = [*stated, _corrected(scribe, verdict)]
    if stated:
        found.append(led((words,), Display(tuple(stated))))
    found += _summed(scribe, verdict, told)
    found += [*_lines(scribe, verdict), *_places(scribe, verdict)]
    if verdict.counterexample is not None:
        found.append(_counterexample(scribe, verdict.counterexample))
    return found


def _summed(scribe: Scribe, verdict: Verdict, told: set[str]) -> list[Block]:
    """Return where the sum comes from that a claim leaves out: the chain rule."""
    if "missing-sum" not in verdict.slips or verdict.is_chain:
        return []
    try:
        name = read_about(verdict.claim.about).name
    except ParseError:
        return []
    if name not in scribe.wanted or name in told:
        return []
    told.add(name)
    section = scribe.section(name)
    chain = next((s for s in section.steps if s.law == "chain rule" and s.opens), None)
    sums = [s for s in section.steps if s.law == "sift"]
    if chain is None or not sums:
        return []
    left = scribe.write(chain.before)
    forms = [row(EQUALS, scribe.write(x)) for x in (chain.after, sums[-1].after)]
    why = (p if isinstance(p, str) else scribe.write(p) for p in chain.reason[1:])
    lead: Inline = ("The sum is that of the chain rule: ", *why, ", so that each adds a term:")
    return [led(lead, Display((row(left, *forms),)))]


def _lines(scribe: Scribe, verdict: Verdict) -> list[Block]:
    """Return the lines of a chain, each with what became of it."""
    if not verdict.is_chain:
        return []
    left = _about(scribe, verdict.claim.about)
    items: list[Inline] = []
    for line in verdict.lines:
        formula: Piece = Code(line.text)
        if line.expr is not None and line.place is None:
            form = scribe.write(line.expr)
            formula = form if left is None else row(left, EQUALS, form)
        items.append((f"Line {line.number} {_STATUSES[line.status]}: ", formula))
    return [Bullets(tuple(items))]


def _places(scribe: Scribe, verdict: Verdict) -> list[Block]:
    """Return the claim with its wrong places marked, and where it is right in spite of them."""
    found: list[Block] = []
    if verdict.marked is not None and verdict.marked.tree is not None:
        formula = scribe.write_marked(verdict.marked.tree, verdict.marked.wrong)
        found.append(led(("The wrong place is underlined:",), Display((formula,))))
    if verdict.holds:
        found.append(Paragraph((f"The claim is {verdict.holds}.",)))
    return found


def _asked(scribe: Scribe, verdict: Verdict) -> tuple[Inline, list[Math]]:
    """Return the heading of a claim, and the claim itself where the heading does not hold it."""
    claim = verdict.claim
    if verdict.is_chain:
        return (claim.question or "Is every line right?",), []
    if not verdict.claimed:
        says = " = ".join(claim.says)
        asked = Code(says if claim.about == "equal" else f"{claim.about} = {says}")
        return (claim.question,) if claim.question else ("Is ", asked, "?"), []
    formula = _claimed(scribe, verdict)
    if not claim.question and width(formula) < _HEADING:
        return ("Is ", formula, "?"), []
    shown = _claimed(scribe, verdict, NOT_EQUAL) if verdict.verdict == "wrong" else formula
    return (claim.question or "Is this form right?",), [shown]


def _answer(scribe: Scribe, verdict: Verdict) -> Inline:
    answer: list[Piece] = [Strong(verdict.answer), " "]
    if verdict.verdict == "right-if" and verdict.assumption and not verdict.lines:
        answer += quoting(scribe, f"{verdict.assumption.rstrip('.')}.", verdict)
    else:
        answer += quoting(scribe, verdict.diagnosis, verdict)
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


def _claimed(
    scribe: Scribe, verdict: Verdict, sign: Math = EQUALS, *, inline: bool = False
) -> Math:
    """Return what was claimed, as an equation; where it is wrong, not set like a right one."""
    sides = [scribe.write(x) for x in verdict.claimed]
    left = _about(scribe, verdict.claim.about, inline=inline)
    if left is not None:
        sides.insert(0, left)
    parts: list[Math] = []
    for side in sides:
        parts += [sign, side] if parts else [side]
    return row(*parts)


def _about(scribe: Scribe, about: str, *, inline: bool = False) -> Math | None:
    """Return the derivative, or the entry of one, that "dL/dW[p, q]" names."""
    try:
        asked = read_about(about)
    except ParseError:
        return None
    by = scribe.known.get(asked.name)
    if by is None or asked.is_equal:
        return None
    if asked.order == 2:
        other = scribe.known.get(asked.by)
        if other is None:
            return None
        return second(scribe, _placed(by, asked.at), _placed(other, asked.indices))
    by = _placed(by, asked.indices)
    value = scribe.known.get(asked.of) if asked.of in scribe.problem.definitions else None
    if value is None:
        whole = _unnamed_value(scribe, asked.of)
        if whole is not None and not asked.at:
            return first(scribe, Sym(asked.of), whole.shape, by)
        return scribe.gradient_inline(by) if inline else scribe.gradient(by)
    value = _placed(value, asked.at)
    if value.shape == SCALAR:
        return fraction_of_partials(scribe.write(value), scribe.write(by))
    return first(scribe, scribe.write(value), value.shape, by)


def _unnamed_value(scribe: Scribe, name: str) -> Expr | None:
    """Return what a claim calls y, where a Jacobian is claimed: what the loss is put around."""
    objective = scribe.problem.objective
    if not objective.is_loss or name in ("", "L", scribe.problem.objective_name):
        return None
    return objective.args[0]


def _placed(x: Expr, indices: Sequence[str]) -> Expr:
    """Return an entry at indices, or the whole without any."""
    if not indices:
        return x
    places = [int(m) if m.isdecimal() else m for m in indices]
    return entry(x, *places, *[1] * (len(x.shape) - len(places)))


def quoting(scribe: Scribe, said: str, of: Verdict | None = None) -> list[Piece]:
    """Return a sentence with what stands in backticks typeset: formulas, conditions, shapes.

    What a verdict is about may be quoted with names that no problem holds, as cotangents.
    """
    parts = said.split("`")
    about = () if of is None else (of.truth, of.correction_expr, *of.claimed)
    held = walk_all([x for x in about if x is not None]) if len(parts) > 1 else ()
    known = {text(e): e for e in held}
    return [
        (scribe.write(known[t]) if t in known else _typeset(scribe, t)) if k % 2 else t
        for k, t in enumerate(parts)
        if t
    ]


def _typeset(scribe: Scribe, quoted: str) -> Piece:
    for sign, char in _SIGNS.items():
        sides = quoted.split(sign)
        if len(sides) == 2:
            left, right = (_formula(scribe, t) for t in sides)
            if left is not None and right is not None:
                return row(left, Op(char), right)
    found = _formula(scribe, quoted)
    return Code(quoted) if found is None else found


def _formula(scribe: Scribe, quoted: str) -> Math | None:
    if quoted.isidentifier() and quoted not in scribe.known:
        return Sym(quoted)  # an index, a size
    if quoted.isdecimal():
        return Num(quoted)
    found = read_quoted(scribe.problem, quoted)
    return None if found is None else scribe.write(found)


def _counterexample(scribe: Scribe, found: Counterexample) -> Block:
    sizes: list[Piece] = []
    for k, (name, value) in enumerate(found.sizes.items()):
        sizes += [", " if k else "", row(Sym(name), EQUALS, Num(str(value)))]
    for name, value in found.indices.items():
        sizes += [", ", row(Sym(name), EQUALS, Num(str(value)))]
    sizes += [*_equated(found), ", "] if sizes else []
    lead: Inline = ("The smallest counterexample: ", *sizes, "and the two sides differ:")
    given = (row(scribe.name(n), EQUALS, grid(c)) for n, c in found.values.items())
    chosen = (row(scribe.write(e), EQUALS, grid(c)) for e, c in found.chosen)
    sides = (
        row(scribe.write(found.claimed), EQUALS, grid(found.claimed_cells)),
        row(scribe.write(found.right), EQUALS, grid(found.right_cells)),
    )
    return led(lead, Display((*given, *chosen, *sides)))


def _equated(found: Counterexample) -> list[Piece]:
    """Return which dimensions were taken to be equal, each pair once."""
    pairs = {frozenset(p): p for p in reversed(found.equated)}
    text: list[Piece] = []
    for left, right in reversed(pairs.values()):
        text += [", ", row(Sym(left), EQUALS, Sym(right))]
    return [*text, " so that the shapes fit"] if text else []
