"""A derivation as a document: which sections there are, and in which order.

Contract: arranges what a derivation, verdicts, a certificate and examples hold; computes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from ..claims.verdict import Verdict
from ..core.errors import MissingRuleError
from ..core.expr import Expr
from ..evidence.certificate import Certificate
from ..evidence.example import NumericExample
from ..notation.math import EQUALS, row
from ..problems.problem import default_title
from .abridged import abridged
from .checks import checked, code_blocks, numeric_section
from .cost_table import result_tables, shapes_section
from .entry_tables import EntriesWriter
from .examples import ExplicitExample
from .exercise import blanked
from .first_page import problem_section, result_boxes
from .graphs import beside, graph_section
from .legend import legend
from .lemma_pages import lemma_section
from .manner import PLAIN, Manner
from .matrix_entries_shown import MatrixExample
from .matrix_sections import (
    MatrixPage,
    explained,
    matrix_dimensions,
    matrix_numbers,
    matrix_section,
    with_results,
)
from .model import Block, Document, Heading, Inline, PageBreak, Piece
from .proof import Proof
from .questions import questions
from .remembered import remembered
from .symbols_shown import Scribe
from .widths import width

if TYPE_CHECKING:
    from ..derivation.derivations import DerivedGradients
    from ..derivation.jacobians import DerivativeMatrix

_SUBTITLE = 26.0  # em


def build(
    derivation: DerivedGradients,
    *,
    verdicts: Sequence[Verdict] = (),
    certificate: Certificate | None = None,
    code: str = "",
    manner: Manner = PLAIN,
    explicit: ExplicitExample | None = None,
    example: NumericExample | None = None,
    meanings: Mapping[str, str] | None = None,
    hessians: Sequence[DerivativeMatrix] = (),
    matrices: Sequence[MatrixExample] = (),
    numpy: Callable[[Expr], str] | None = None,
) -> Document:
    """Return the document of a derivation; what is not given is left out.

    ``numpy`` writes a result as a line of NumPy; ``matrices`` has the entries of the Hessians.

    Raises MissingRuleError where the manner asks for entries and there are none.
    """
    _check_entries(manner, explicit)
    scribe = Scribe(derivation, meanings or {}, manner.written_cotangent)
    scribe.numpy = numpy or scribe.numpy
    boxes = result_tables(scribe) or result_boxes(scribe)
    everything, hessians = hessians, [h for h in hessians if h.has_matrix_form]
    blocks: list[Block] = with_results(scribe, boxes, everything)
    number = _Numbers()
    pages = _pages(everything, manner, matrices)
    scribe.further = explained(scribe, pages)
    posed = problem_section(scribe, number.next())
    blocks += beside(posed + graph_section(scribe))
    at, proof = len(blocks), Proof(scribe)
    if manner.lemmas != "none":
        own, full = manner.style != "entries", manner.lemmas == "full"
        steps = [s for page in pages for s in page.steps]
        blocks += lemma_section(proof, steps, number.next, full=full, own=own, pulled=own)
    derived = _derived(proof, manner, pages, number)
    blocks += derived
    whole = manner.style == "entries"
    if explicit is not None and (explicit.sizes or whole):
        blocks += EntriesWriter(scribe, explicit, whole=whole).blocks(number.next)
    blocks += questions(scribe, verdicts, number.next)
    second = [matrix_dimensions(scribe, h) for h in hessians]
    blocks += shapes_section(scribe, number.next(), second)
    if example is not None:
        blocks += numeric_section(scribe, example, number.next())
        blocks += matrix_numbers(scribe, hessians, example.matrices)
    blocks += remembered(scribe, number.next)
    if code:
        blocks += [Heading(("Code",), number.next()), *code_blocks(code)]
    blocks += checked(certificate)
    blocks[at:at] = legend(scribe, blocks, proof.lemmas)
    title, subtitle = title_of(scribe, hessians), _subtitle(scribe)
    if manner.exercise:
        first = [*posed, *blanked(derived), PageBreak(), Heading(("Solution",), "")]
        blocks = [*first, *(b for b in blocks if b not in posed)]
    return abridged(Document(title, subtitle, tuple(blocks), scribe.compact))


def _pages(
    hessians: Sequence[DerivativeMatrix], manner: Manner, matrices: Sequence[MatrixExample]
) -> list[MatrixPage]:
    """Return the Hessians as they are told; entries that were not computed are not there."""
    entries = [*matrices, *(None for _ in hessians[len(matrices) :])]
    return [
        MatrixPage(h, manner, e, len(hessians) > 1 or h.is_mixed)
        for h, e in zip(hessians, entries, strict=True)
    ]


def _derived(
    proof: Proof, manner: Manner, pages: Sequence[MatrixPage], number: _Numbers
) -> list[Block]:
    """Return the derivation of the gradients in the styles asked for, then of the Hessians."""
    found: list[Block] = []
    if manner.shows("differential"):
        found += proof.by_differentials(number.next())
    if manner.shows("index"):
        found += proof.blocks(number.next())
    for page in pages:
        found += matrix_section(proof.scribe, proof, page, number.next())
    return found


def _check_entries(manner: Manner, explicit: ExplicitExample | None) -> None:
    if manner.shows("entries") and explicit is None:
        raise MissingRuleError(
            f"the style {manner.style!r} needs the entries written out",
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


def title_of(scribe: Scribe, hessians: Sequence[DerivativeMatrix] = ()) -> str:
    """Return the problem's title; one that only repeats its text is said in words."""
    problem = scribe.problem
    if problem.title != default_title(problem.text):
        return problem.title
    *names, last = scribe.wanted
    kind = "Gradients" if names else "Gradient"
    if hessians:
        kind = "Gradients and Hessians" if names else "Gradient and Hessian"
    listed = f"{', '.join(names)} and {last}" if names else last
    return f"{kind} of {problem.objective_name} with respect to {listed}"


def _subtitle(scribe: Scribe) -> Inline:
    """Return what is derived, and of what; for a network its box says so at once."""
    if scribe.tabled:
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
