"""Steps as they are read at a prompt: an equation in the language, LaTeX or Unicode, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..core.expr import Expr
from ..derivation.narration import Act, Step
from ..notation.latex import latex
from ..notation.math import EQUALS, row
from ..notation.unicode import unicode
from ..ops.text import text
from ..ops.written import Writer

_ROOM = 56  # columns of right-hand sides that line up


@dataclass(frozen=True, slots=True, repr=False)
class ShownStep:
    """One line of a derivation, ``before = after``, with its reason.

    >>> from symderiv import derive
    >>> step = derive("x.T @ A @ x", A="n, n", x="n")["A"].steps[-2]
    >>> step.text
    'Sum(i, Sum(j, x[j] * x[i] * delta(i, p) * delta(j, q))) = x[p] * x[q]'
    >>> step
    ∑ᵢ (∑ⱼ x[j] x[i] δ[i,p] δ[j,q]) = x[p] x[q]   sift i, j: a delta picks one term of the sum
    """

    data: Step
    writer: Writer

    @property
    def before(self) -> Expr:
        """Return the left-hand side."""
        return self.data.before

    @property
    def after(self) -> Expr:
        """Return the right-hand side."""
        return self.data.after

    @property
    def law(self) -> Act:
        """Return what the step does."""
        return self.data.law

    @property
    def opens(self) -> bool:
        """Whether a chain of equalities begins: the left-hand side is not the line before."""
        return self.data.opens

    @property
    def reason(self) -> str:
        """Return why the line holds, in words and Unicode mathematics."""
        parts = self.data.reason
        return "".join(p if isinstance(p, str) else unicode(self.writer(p)) for p in parts)

    @property
    def text(self) -> str:
        """Return the equation in the expression language."""
        return f"{text(self.before)} = {text(self.after)}"

    @property
    def latex(self) -> str:
        """Return the equation as LaTeX mathematics."""
        step = row(self.writer(self.before), EQUALS, self.writer(self.after))
        return latex(step, dialect="amsmath")

    @property
    def unicode(self) -> str:
        """Return the equation as one line of Unicode mathematics."""
        return unicode(row(self.writer(self.before), EQUALS, self.writer(self.after)))

    def as_dict(self) -> dict[str, str]:
        """Return the step as plain data."""
        return {
            "before": text(self.before),
            "after": text(self.after),
            "law": str(self.law),
            **{n: getattr(self, n) for n in ("reason", "text", "latex", "unicode")},
        }

    def __repr__(self) -> str:
        return f"{self.unicode}   {self.reason}"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex}$"

    _repr_markdown_ = _repr_latex_


class Steps(tuple[ShownStep, ...]):
    """The steps of one derivation in order, numbered where they are printed."""

    __slots__ = ()

    @classmethod
    def of(cls, steps: Iterable[Step], writer: Writer) -> Steps:
        """Return steps with the writer of their formulas."""
        return cls(ShownStep(s, writer) for s in steps)

    def lines(self) -> list[tuple[str, str]]:
        """Return every step as a line, and its reason."""
        wide = [
            (unicode(s.writer(s.before)) if s.opens else "", unicode(s.writer(s.after)))
            for s in self
        ]
        left = max((len(a) for a, _ in wide), default=0)
        right = min(max((len(b) for _, b in wide), default=0), _ROOM)
        return [
            (f"{k:2}  {a.rjust(left)} = {b.ljust(right)}", s.reason)
            for k, ((a, b), s) in enumerate(zip(wide, self, strict=True), 1)
        ]

    def __repr__(self) -> str:
        return "\n".join(f"{line}   {why}" for line, why in self.lines()) or "no steps"

    def _repr_pretty_(self, printer: object, cycle: bool) -> None:
        printer.text("..." if cycle else repr(self))  # type: ignore[attr-defined]

    def _repr_latex_(self) -> str:
        rows = []
        for s in self:
            left = latex(s.writer(s.before), dialect="amsmath") if s.opens else ""
            rows.append(f"{left} &= {latex(s.writer(s.after), dialect='amsmath')}")
        return "$$\n\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}\n$$"

    _repr_markdown_ = _repr_latex_
