"""The derivation itself: numbered lines, section by section, and the boxed matrix form."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeGuard

from ..core.expr import Expr, walk
from ..derivation.lemmas import has_lemma
from ..derivation.narration import Alike, Section, Step, essential
from ..derivation.narration.steps import SIFTING, Above, Act, DerivativeOf, GradientOf, LawOf
from ..notation.math import EQUALS, Fence, Math, Op, Sym, listed, row
from ..ops.leaves import size_notation
from ..ops.text import text
from ..problems.properties import readings
from .model import (
    Block,
    Boxed,
    Heading,
    Inline,
    Kept,
    Line,
    Paragraph,
    Piece,
    Ref,
    RunIn,
    StepTable,
)
from .symbols_shown import Scribe
from .widths import pieces, width

_LINE = 13.0  # em that the right-hand side has beside its reason; longer ones may be cut
_SHORT = 12.0
_BESIDE = 34.0  # em: what a line holds of a framed result and the words beside it
_WORDS = 16.0  # em for these words; longer ones take another line


class Proof:
    """Numbers the lines of all sections through; a line that was printed is cited, not repeated."""

    def __init__(self, scribe: Scribe) -> None:
        self.scribe = scribe
        self.count = 0
        self.sifted = False
        self.printed: dict[tuple[Expr, Expr], int] = {}
        self.boxes: dict[Expr, int] = {}
        self.told: set[tuple[str, str]] = set()  # properties that reasons have named
        self.lemmas: dict[str, int] = {}  # the number of the lemma of an operator
        self.slopes: dict[Expr, int] = {}  # the line of a name's derivative
        self._of: Expr | None = None  # the name whose derivative is being found

    def blocks(self, number: str) -> list[Block]:
        """Return the derivation of every gradient, intermediates first."""
        wanted = {self.scribe.known[n] for n in self.scribe.wanted}
        sections = [s for s in self.scribe.sections if s.steps or s.target in wanted]
        found: list[Block] = [Heading(("Derivation in index form",), number)]
        for k, section in enumerate(sections, start=1):
            known = self.scribe.derivation.repeats.get(section.target)
            title: Inline = (self.scribe.gradient_inline(section.target),)
            if known is not None:
                found += self._repeated(section, known, title, f"{number}.{k}")
                continue
            if len(sections) > 1:
                found.append(Heading(title, f"{number}.{k}", level=2))
            found += self._section(section)
        return found

    def by_differentials(self, number: str) -> list[Block]:
        """Return the derivation of all gradients at once, by differentials."""
        title: Inline = ("Derivation by differentials",)
        blocks: list[Block] = [Heading(title, number)]
        blocks.append(StepTable(self.lines(self.scribe.derivation.differentials)))
        blocks.append(Paragraph(("What stands beside each differential is its gradient:",)))
        for name in self.scribe.wanted:
            self.count += 1
            section = self.scribe.section(name)
            blocks.append(Boxed(self._boxed(section), self.count))
        return blocks

    def lines(self, steps: Sequence[Step]) -> tuple[Line, ...]:
        """Return steps as numbered lines."""
        return tuple(self._line(step, (), [], first=k == 0) for k, step in enumerate(steps))

    def fresh_lines(self, steps: Sequence[Step]) -> tuple[Line, ...]:
        """Return steps as numbered lines, without the derivatives of names that were printed."""
        chains: list[list[Step]] = []
        for step in steps:
            if step.opens or not chains:
                chains.append([])
            chains[-1].append(step)
        found: list[Line] = []
        for chain in chains:
            known = [self.printed.get((s.before, s.after)) for s in chain]
            if None in known:
                for step in chain:
                    found.append(self._line(step, (), [], first=not found))
            elif (of := _differentiated(chain[0].before)) is not None:
                self.slopes[of] = known[-1] or self.count
        return tuple(found)

    def _section(self, section: Section) -> list[Block]:
        lines: list[Line] = []
        cited: list[int] = []
        opening: Inline = ()
        local: list[int] = []
        for step in section.steps:
            known = self.printed.get((step.before, step.after))
            if known is not None:
                cited.append(known)
                continue
            if step.opens and cited:
                opening, cited = (*_steps(cited), "; "), []
            if step.law is Act.CHAIN:
                local = [line.number for line in lines[-1:]] or cited
            lines.append(self._line(step, opening, local, first=not lines))
            opening = ()
        blocks: list[Block] = [StepTable(tuple(lines))] if lines else []
        return [*blocks, *self._close(section)]

    def _repeated(self, section: Section, known: Alike, title: Inline, number: str) -> list[Block]:
        """Return a derivation that was printed with other names: which, and with which names."""
        own = [s for s in known.shown if (s.before, s.after) not in self.printed]
        lines = tuple(self._line(step, (), [], first=True) for step in own)
        steps = [self.printed[s.before, s.after] for s in essential(known.model)]
        as_ = "As "
        blocks: list[Block] = [Heading(title, number, level=2)]
        if lines:
            blocks.append(StepTable(lines))
        else:  # one line: its title is in it
            blocks, as_ = [], " as "
        said: list[Piece] = [] if blocks else [RunIn(number, title)]
        said += [as_, self.scribe.gradient_inline(known.model.target), ", "]
        said += [*_steps(steps), ", with ", *self._exchanged(known), ":"]
        return [*blocks, *self._box(section, tuple(said))]

    def _exchanged(self, known: Alike) -> list[Piece]:
        """Return what takes the place of what: W₁ for W₂, Y₁ for F, m for d."""
        write = self.scribe.write
        pairs = [(write(new), write(old)) for old, new in known.renaming.changes]
        sizes = known.renaming.sizes.items()
        pairs += [(size_notation(b), size_notation(a)) for a, b in sizes if a != b]
        pairs += [(Sym(b), Sym(a)) for a, b in known.renaming.indices.items() if a != b]
        found: list[Piece] = []
        for new, old in pairs:
            found += [", " if found else "", new, " for ", old]
        return found

    def _line(self, step: Step, opening: Inline, local: list[int], *, first: bool) -> Line:
        self.count += 1
        self.printed[step.before, step.after] = self.count
        if step.opens:
            self._of = _differentiated(step.before)
        if self._of is not None:
            self.slopes[self._of] = self.count
        write = self.scribe.write
        full = step.opens and (step.before.op != "partial" or step.law is Act.CHAIN)
        right = (self.scribe.write_full if full else write)(step.after)
        left = write(step.before) if step.opens or first else None
        return Line(self.count, left, _cut(right), self._reason(step, opening, local))

    def _reason(self, step: Step, opening: Inline, local: list[int]) -> Inline:
        parts: list[Piece] = [*opening]
        if step.law is Act.SIFT:
            return (*parts, *self._sifting(step))
        for part in step.reason:
            if isinstance(part, Above) and local:
                parts += _steps(local)
            elif isinstance(part, DerivativeOf) and part.name in self.slopes:
                parts += _steps([self.slopes[part.name]])
            elif isinstance(part, GradientOf) and part.name in self.boxes:
                box = self.boxes[part.name]
                parts.append(Ref(f"({box})", f"line-{box}"))
            elif self._is_derived(part):
                number = str(self.lemmas[part.operator])
                parts += ["lemma ", Ref(number, f"lemma-{number}")]
            else:
                parts.append(part if isinstance(part, str) else self.scribe.write(part))
        told = pairwise(step.reason)
        self.told |= {(str(x.data), str(said)) for x, said in told if isinstance(x, Expr)}
        return tuple(parts)

    def _is_derived(self, part: object) -> TypeGuard[LawOf]:
        """Whether a part of a reason is a law that a lemma above is about."""
        if not isinstance(part, LawOf):
            return False
        return part.operator in self.lemmas and has_lemma(part.operator, part.data)

    def _sifting(self, step: Step) -> Inline:
        """Return which indices are sifted, and only the first time what that means."""
        found: list[Piece] = ["sift ", listed(*map(Sym, step.sifted))]
        if not self.sifted:
            found.append(SIFTING)
        self.sifted = True
        return tuple(found)

    def _close(self, section: Section) -> list[Block]:
        if not section.entry or not section.steps:
            return self._box(section, ())
        if len(section.entry) > 1:
            index: Math = Fence("(", listed(*(Sym(i) for i in section.entry)), ")")
        else:
            index = Sym(section.entry[0])
        if self.boxes:
            return self._box(section, ("for every ", index, ":"))
        kind = ("vectors", "matrices", "tensors")[min(len(section.entry), 3) - 1]
        lead: Inline = ("Entry ", index, f" was arbitrary, so the two {kind} agree:")
        return self._box(section, lead)

    def _box(self, section: Section, lead: Inline) -> list[Block]:
        """Return the framed result, and what leads to it: beside it where room is scarce."""
        lead = self._with_properties(section, lead)
        self.count += 1
        self.boxes[section.target] = self.count
        formula = self._boxed(section)
        words = sum(0.45 * len(p) if isinstance(p, str) else 1.5 for p in lead)
        beside = width(formula) + min(words, _WORDS) < _BESIDE
        boxed = Boxed(formula, self.count, lead if beside else ())
        return [boxed] if beside or not lead else [Kept((Paragraph(lead), boxed))]

    def _boxed(self, section: Section) -> Math:
        scribe = self.scribe
        symbol = scribe.gradient_inline if scribe.compact else scribe.gradient
        head: list[Math] = [symbol(section.target), EQUALS]
        given = section.given
        if given is not None and given is not section.result:
            head = [scribe.write(given), Op("≔"), *head]
        parts = [*head, scribe.write(section.result)]
        whole = self._written_out(section)
        return row(*parts, EQUALS, scribe.write(whole)) if whole is not None else row(*parts)

    def _written_out(self, section: Section) -> Expr | None:
        """Return a gradient without the names of its section, where that is short enough."""
        scribe, name = self.scribe, str(section.target.data)
        if section.given is not None or name not in scribe.wanted:
            return None
        whole = scribe.derivation[name].expr
        short = width(scribe.write(whole)) < _SHORT
        return whole if short and text(whole) != text(section.result) else None

    def _with_properties(self, section: Section, lead: Inline) -> Inline:
        """Return what leads to a result, with the properties that its written-out form rests on."""
        whole = self._written_out(section)
        if whole is None:
            return lead
        found: list[Piece] = []
        for v in self.scribe.derivation[str(section.target.data)].rests_on:
            said = f" {' and '.join(readings(v))}"
            if (v.name, said) not in self.told:
                self.told.add((v.name, said))
                found += [" and " if found else "", self.scribe.write(v.expr), said]
        if found:
            found.insert(0, ", as " if lead else "As ")
        found += self._put_in(section.result, whole, more=bool(found or lead))
        if not found:
            return lead
        opening = (*lead[:-1], str(lead[-1]).rstrip(":")) if lead else ()
        return (*opening, *found, ":")

    def _put_in(self, result: Expr, whole: Expr, *, more: bool) -> list[Piece]:
        """Return the numbers of the gradients that a written-out form has in place of names."""
        targets = {s.given: s.target for s in self.scribe.sections if s.given is not None}
        gone = {*walk(result, Expr.is_name)} - {*walk(whole, Expr.is_name)}
        met = {targets[e] for e in gone if e in targets}
        boxes = sorted(self.boxes[t] for t in met if t in self.boxes)
        found: list[Piece] = [", with " if more else "With "] if boxes else []
        for k, box in enumerate(boxes):
            found += [", " if k else "", Ref(f"({box})", f"line-{box}")]
        return [*found, " put in"] if boxes else []


def _differentiated(x: Expr) -> Expr | None:
    """Return the name whose entry a symbol ∂a/∂b differentiates."""
    if x.op != "partial":
        return None
    of = x.args[0]
    return of.args[0] if of.op == "entry" else of


def _cut(right: Math) -> tuple[Math, ...]:
    """Return a right-hand side with its relation sign, in pieces where it is long."""
    whole = row(EQUALS, right)
    if width(whole) < _LINE:
        return (whole,)
    return pieces(whole)


def _steps(numbers: Sequence[int]) -> Inline:
    """Return numbers for a sentence: steps 3, 7–9."""
    runs: list[list[int]] = []
    for n in sorted(set(numbers)):
        if runs and n == runs[-1][-1] + 1:
            runs[-1].append(n)
        else:
            runs.append([n])
    found: list[Piece] = ["step " if len(runs) == 1 and len(runs[0]) == 1 else "steps "]
    for k, run in enumerate(runs):
        shown = run if len(run) < 3 else [run[0], run[-1]]
        for i, n in enumerate(shown):
            joint = ", " if (k or i) and not (i and len(run) > 2) else "–" if i else ""
            found += [joint, Ref(str(n), f"line-{n}")] if joint else [Ref(str(n), f"line-{n}")]
    return tuple(found)
