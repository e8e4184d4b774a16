"""A derivation as a document: which sections there are, and in which order.

Contract: arranges what a derivation, verdicts, a certificate and examples hold; computes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..claims.verdict import Verdict
from ..core.errors import MissingRuleError
from ..evidence.certificate import Certificate
from ..evidence.example import NumericExample
from ..notation.math import EQUALS, row
from ..problems.problem import default_title
from .abridged import abridged
from .checks import numeric_section
from .cost_table import shapes_section
from .entry_tables import EntriesWriter
from .examples import ExplicitExample
from .first_page import problem_section, result_boxes
from .graphs import graph_section
from .matrix_sections import jacobian_section
from .model import Block, Bullets, CodeBlock, Document, Heading, Inline, Piece
from .proof import Proof
from .questions import questions
from .symbols_shown import Scribe
from .widths import width

if TYPE_CHECKING:
    from ..derivation.derivations import DerivedGradients
    from ..derivation.jacobians import DerivativeMatrix

STYLES = ("index", "entries", "all")
_SUBTITLE = 26.0  # em


def build(
    derivation: DerivedGradients,
    *,
    verdicts: Sequence[Verdict] = (),
    certificate: Certificate | None = None,
    code: str = "",
    style: str = "index",
    explicit: ExplicitExample | None = None,
    example: NumericExample | None = None,
    meanings: Mapping[str, str] | None = None,
    hessians: Sequence[DerivativeMatrix] = (),
) -> Document:
    """Return the document of a derivation; what is not given is left out.

    ``style`` is ``index`` (numbered steps with Kronecker deltas, then the matrices written out
    where they are given), ``entries`` (the matrices instead of the steps) or ``all``, which needs
    both. Raises MissingRuleError for a style that there is not.
    """
    _check_style(style, explicit)
    scribe = Scribe(derivation, meanings or {})
    blocks: list[Block] = result_boxes(scribe)
    number = _Numbers()
    blocks += problem_section(scribe, number.next())
    blocks += graph_section(derivation)
    proof = Proof(scribe)
    if style != "entries":
        blocks += proof.blocks(number.next())
    for h in hessians:
        blocks += jacobian_section(scribe, proof, h, number.next())
    if explicit is not None and explicit.sizes:
        blocks += EntriesWriter(scribe, explicit).blocks(number.next())
    blocks += questions(scribe, verdicts, number.next)
    blocks += shapes_section(scribe, number.next())
    if example is not None:
        blocks += numeric_section(scribe, example, number.next())
    if code:
        blocks += [Heading(("Code",), number.next()), CodeBlock(code)]
    if certificate is not None and certificate.lines():
        blocks += [Heading(("Checked",), number.next()), _checked(certificate)]
    title, subtitle = title_of(scribe), _subtitle(scribe)
    return abridged(Document(title, subtitle, tuple(blocks), scribe.compact))


def _check_style(style: str, explicit: ExplicitExample | None) -> None:
    if style not in STYLES:
        raise MissingRuleError(
            f"there is no document style {style!r}", remedy=f"choose {' or '.join(STYLES)}"
        )
    if style != "index" and explicit is None:
        raise MissingRuleError(
            f"the style {style!r} needs the entries written out",
            remedy="pass explicit=, or choose the style index",
        )


class _Numbers:
    """Hands out section numbers."""

    def __init__(self) -> None:
        self.count = 0

    def next(self) -> str:
        """Return the next number."""
        self.count += 1
        return str(self.count)


def title_of(scribe: Scribe) -> str:
    """Return the problem's title; one that only repeats its text is said in words."""
    problem = scribe.problem
    if problem.title != default_title(problem.text):
        return problem.title
    *names, last = scribe.wanted
    kind = "Gradients" if names else "Gradient"
    listed = f"{', '.join(names)} and {last}" if names else last
    return f"{kind} of {problem.objective_name} with respect to {listed}"


def _subtitle(scribe: Scribe) -> Inline:
    """Return what is derived, and of what; for a network its box says so at once."""
    if scribe.compact:
        return ()
    parts: list[Piece] = []
    for k, name in enumerate(scribe.wanted):
        parts += [", " if k else "", scribe.gradient_inline(scribe.known[name])]
    problem = scribe.problem
    formulas = [
        row(scribe.write(scribe.known[n]), EQUALS, scribe.write(x))
        for n, x in problem.definitions.items()
    ]
    if not problem.objective.is_loss:
        formulas.append(row(scribe.loss, EQUALS, scribe.write(problem.objective)))
    if sum(map(width, formulas)) < _SUBTITLE:
        for k, formula in enumerate(formulas):
            parts += [", " if k else " for ", formula]
    return tuple(parts)


def _checked(certificate: Certificate) -> Block:
    return Bullets(tuple((f"{line[:1].upper()}{line[1:]}.",) for line in certificate.lines()))
