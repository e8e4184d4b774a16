"""The derivation itself: numbered lines, section by section, and the boxed matrix form."""

from __future__ import annotations

from collections.abc import Sequence

from ..expr import Expr
from ..narration import Section, Step
from ..notation.math import EQUALS, Fence, Math, Op, Sym, listed, row
from ..notation.text import text
from .model import Block, Boxed, Heading, Inline, Kept, Line, Paragraph, Piece, StepTable
from .scribe import Scribe
from .widths import pieces, width

_LINE = 13.0  # em that the right-hand side has beside its reason; longer ones may be cut
_SHORT = 12.0


class Proof:
    """Numbers the lines of all sections through; a line that was printed is cited, not repeated."""

    def __init__(self, scribe: Scribe) -> None:
        self.scribe = scribe
        self.count = 0
        self.sifted = False
        self.printed: dict[tuple[Expr, Expr], int] = {}
        self.boxes: dict[Expr, int] = {}

    def blocks(self, number: str) -> list[Block]:
        """Return the derivation of every gradient, intermediates first."""
        wanted = {self.scribe.known[n] for n in self.scribe.wanted}
        sections = [s for s in self.scribe.sections if s.steps or s.target in wanted]
        found: list[Block] = [Heading(("Derivation in index form",), number)]
        for k, section in enumerate(sections, start=1):
            if len(sections) > 1:
                title = (self.scribe.gradient_inline(section.target),)
                found.append(Heading(title, f"{number}.{k}", level=2))
            found += self._section(section)
        return found

    def lines(self, steps: Sequence[Step]) -> tuple[Line, ...]:
        """Return steps as numbered lines."""
        return tuple(self._line(step, "", [], first=k == 0) for k, step in enumerate(steps))

    def _section(self, section: Section) -> list[Block]:
        lines: list[Line] = []
        cited: list[int] = []
        opening = ""
        local: list[int] = []
        for step in section.steps:
            known = self.printed.get((step.before, step.after))
            if known is not None:
                cited.append(known)
                continue
            if step.opens and cited:
                opening, cited = _steps(cited), []
            if step.law == "chain rule":
                local = [line.number for line in lines[-1:]] or cited
            lines.append(self._line(step, opening, local, first=not lines))
            opening = ""
        blocks: list[Block] = [StepTable(tuple(lines))] if lines else []
        return [*blocks, *self._close(section)]

    def _line(self, step: Step, opening: str, local: list[int], *, first: bool) -> Line:
        self.count += 1
        self.printed[step.before, step.after] = self.count
        write = self.scribe.write
        full = step.opens and (step.before.op != "partial" or step.law == "chain rule")
        right = (self.scribe.write_full if full else write)(step.after)
        left = write(step.before) if step.opens or first else None
        return Line(self.count, left, _cut(right), self._reason(step, opening, local))

    def _reason(self, step: Step, opening: str, local: list[int]) -> Inline:
        parts: list[Piece] = [f"{opening}; "] if opening else []
        if step.law == "sift":
            return (*parts, *self._sifting(step))
        for part in step.reason:
            if isinstance(part, str):
                if step.law == "substitute" and local:
                    part = part.replace("the derivative above", _steps(local))
                parts.append(part)
            else:
                parts.append(self.scribe.write(part))
        return tuple(parts)

    def _sifting(self, step: Step) -> Inline:
        """Return which indices are sifted, and only the first time what that means."""
        head, _, law = str(step.reason[0]).partition(": ")
        word, _, names = head.partition(" ")
        found: list[Piece] = [f"{word} ", listed(*(Sym(n) for n in names.split(", ")))]
        if not self.sifted:
            found.append(f": {law}")
        self.sifted = True
        return tuple(found)

    def _close(self, section: Section) -> list[Block]:
        self.count += 1
        self.boxes[section.target] = self.count
        boxed = Boxed(self._boxed(section), self.count)
        if not section.entry or not section.steps:
            return [boxed]
        if len(section.entry) > 1:
            index = Fence("(", listed(*(Sym(i) for i in section.entry)), ")")
            lead: Inline = ("Entry ", index, " was arbitrary, so the two matrices agree:")
        else:
            lead = ("Entry ", Sym(section.entry[0]), " was arbitrary, so the two vectors agree:")
        return [Kept((Paragraph(lead), boxed))]

    def _boxed(self, section: Section) -> Math:
        scribe = self.scribe
        head: list[Math] = [scribe.gradient(section.target), EQUALS]
        given = section.given
        if given is not None and given is not section.result:
            head = [scribe.write(given), Op("≔"), *head]
        parts = [*head, scribe.write(section.result)]
        name = str(section.target.data)
        if given is None and name in scribe.wanted:
            whole = scribe.derivation[name].expr
            if text(whole) != text(section.result) and width(scribe.write(whole)) < _SHORT:
                parts += [EQUALS, scribe.write(whole)]
        return row(*parts)


def _cut(right: Math) -> tuple[Math, ...]:
    """Return a right-hand side with its relation sign, in pieces where it is long."""
    whole = row(EQUALS, right)
    if width(whole) < _LINE:
        return (whole,)
    first, *rest = pieces(right)
    return (row(EQUALS, first), *rest)


def _steps(numbers: list[int]) -> str:
    word = "step" if len(numbers) == 1 else "steps"
    return f"{word} {', '.join(map(str, numbers))}"
