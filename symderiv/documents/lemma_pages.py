"""The functions that a derivation uses, each defined and differentiated once, before it is used.

A lemma is printed where a step rests on it, and those that its own steps rest on before it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..core.expr import Expr, node
from ..core.shapes import SCALAR
from ..derivation.lemmas import Lemma, definition_of, lemmas_of
from ..derivation.narration.steps import Act, Step
from ..notation.math import EQUALS, Math, Op, Word, row, sup
from ..ops import TABLE
from ..ops.base import Definition
from ..ops.leaves import size_notation
from ..ops.written import shape_notation
from .model import Block, Heading, Inline, Paragraph, Piece, StepTable, Strong
from .proof import Proof
from .symbols_shown import Scribe


def lemma_section(
    proof: Proof,
    more: Sequence[Step],
    number: Callable[[], str],
    *,
    full: bool = False,
    own: bool = True,
    pulled: bool = True,
) -> list[Block]:
    """Return the lemmas that the steps of a document rest on; the proof cites them from then on.

    There are ``more`` steps than those of the gradients; ``own`` is whether the steps of these
    count, and ``pulled`` whether a lemma goes on to the sum with a cotangent, of which there is
    none in a Jacobian.
    """
    steps = [s for section in proof.scribe.sections for s in section.steps if own]
    steps += more
    found = lemmas_of(steps, frozenset(proof.scribe.names))
    if not found:
        return []
    blocks: list[Block] = [Heading(("The functions used",), number())]
    for name, lemma in found.items():
        proof.lemmas[name] = len(proof.lemmas) + 1
        blocks += _lemma(proof, name, lemma, full=full, pulled=pulled)
    return blocks


def _lemma(proof: Proof, name: str, lemma: Lemma, *, full: bool, pulled: bool) -> list[Block]:
    write = proof.scribe.write
    lead: list[Piece] = [
        Strong(f"Lemma {proof.lemmas[name]}.", f"lemma-{proof.lemmas[name]}"),
        " ",
    ]
    x = next(iter(lemma.problem.variables.values()))
    space: Math = Word("ℝ", function=False)
    if x.kind != "scalar":
        space = sup(
            space, size_notation(x.shape[0]) if x.kind == "vector" else shape_notation(x.shape)
        )
    whole: Math = row(write(lemma.value), EQUALS, write(_of_line(lemma.function)))
    lead += [whole, " of ", row(write(x.expr), Op("∈"), space), _reach(name, x.kind)]
    shown = lemma.steps if full else lemma.short
    steps = [s for s in shown if pulled or s.law is not Act.PULLED]
    return [Paragraph(tuple(lead)), StepTable(proof.lines(steps))]


def definition_line(scribe: Scribe, operator: str) -> Inline:
    """Return the definition of a function as a part of a sentence; nothing where there is none."""
    found = definition_of(operator, frozenset(scribe.names))
    if found is None:
        return ()
    call, value = found
    kind = "scalar" if call.shape == SCALAR and value.is_scalar else "vector"
    each = _each(operator, kind)
    equation = row(scribe.write(_of_line(call)), EQUALS, scribe.write(value))
    return (equation, f", {each}") if each else (equation,)


def _of_line(x: Expr) -> Expr:
    """Return a function of rows as it is written of a vector: without the transposes."""
    inner = x.args[0] if x.is_transpose else x
    args = tuple(a.args[0] if a.op == "transpose" else a for a in inner.args)
    return node(inner.op, args, x.shape, inner.data)


def _reach(name: str, kind: str) -> str:
    each = _each(name, kind)
    return f"; {each}:" if each else ":"


def _each(name: str, kind: str) -> str:
    """Return what becomes of an array, where a function is defined of a number or a vector."""
    basis = TABLE[name].rests_on
    if kind == "vector" and isinstance(basis, Definition):
        return f"{basis.of_rows} for matrices"
    return "entry by entry for arrays" if kind == "scalar" else ""
