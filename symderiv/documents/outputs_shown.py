"""What a notebook shows of a derivation, a gradient or a Jacobian: the answer, then its steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..core.expr import Expr, walk_all
from ..notation.latex import latex
from ..notation.math import EQUALS, Math, fraction_of_partials, row
from .first_page import DEFINED, result_boxes
from .matrix_sections import MatrixScribe, convention, symbol
from .model import ResultBox, ResultRow, StepTable
from .proof import Proof
from .symbols_shown import Scribe
from .web import fragment

if TYPE_CHECKING:
    from ..derivation.derivations import DerivedGradients, Gradient
    from ..derivation.jacobians import DerivativeMatrix


def derivation_html(derivation: DerivedGradients) -> str:
    """Return the gradients in a box, with what their names stand for."""
    scribe = Scribe(derivation, derivation.problem.meanings)
    used = [derivation[n].expr for n in scribe.wanted]
    boxes = [b for b in result_boxes(scribe) if isinstance(b, ResultBox)]
    where = tuple(_defined(scribe, used))
    last = replace(boxes[-1], where=(*boxes[-1].where, *where), title="")
    first = [replace(b, title="") for b in boxes[:-1]]
    return fragment((*first, last))


def gradient_html(gradient: Gradient) -> str:
    """Return one gradient, or the cotangent of a definition, and its steps, folded."""
    derivation, name = gradient.derivation, gradient.name
    scribe = Scribe(derivation, derivation.problem.meanings)
    target = derivation.problem.known()[name]
    head = row(scribe.gradient(target), EQUALS, scribe.write_shaped(gradient.expr))
    box = ResultBox((ResultRow(head, ()),), tuple(_defined(scribe, [gradient.expr])), "")
    steps = Proof(scribe).lines(gradient.steps)
    return fragment((box, StepTable(steps)) if steps else (box,))


def jacobian_html(jacobian: DerivativeMatrix) -> str:
    """Return a Jacobian or a Hessian in a box, and the steps, folded."""
    scribe = MatrixScribe(jacobian, jacobian.problem.meanings)
    return fragment((jacobian_box(jacobian), StepTable(Proof(scribe).lines(jacobian.own_steps))))


def jacobian_box(jacobian: DerivativeMatrix) -> ResultBox:
    """Return a Jacobian or a Hessian with what its rows and columns are, and its names below."""
    scribe = MatrixScribe(jacobian, jacobian.problem.meanings)
    head = row(symbol(scribe, jacobian), EQUALS, scribe.write_full(jacobian.expr))
    where = tuple(_defined(scribe, [jacobian.expr]))
    return ResultBox((ResultRow(head, convention(scribe, jacobian)),), where, "")


def _defined(scribe: Scribe, used: Sequence[Expr]) -> Iterator[Math]:
    """Yield what the definitions stand for that formulas use, each before those that use it."""
    definitions = scribe.problem.definitions
    for e in walk_all(used):
        if e.is_name and str(e.data) in definitions:
            value = scribe.write(definitions[str(e.data)])
            yield row(scribe.write(e), DEFINED, value)


def gradients_latex(derivation: DerivedGradients) -> str:
    """Return all gradients as an ``aligned`` block, the names that they use defined below.

    amsmath is all that it needs.
    """
    write = derivation.writer
    problem = derivation.problem
    loss = write.name(problem.objective_name)
    rows = {
        n: (fraction_of_partials(loss, write(g.variable.expr)), g.expr)
        for n, g in derivation.items()
    }
    lines = [f"{_amsmath(left)} &= {_amsmath(write(x))}" for left, x in rows.values()]
    for e in walk_all([x for _, x in rows.values()]):
        if e.is_name and str(e.data) in problem.definitions:
            value = problem.definitions[str(e.data)]
            lines.append(f"{_amsmath(write(e))} &= {_amsmath(write(value))}")
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"


def _amsmath(math: Math) -> str:
    return latex(math, dialect="amsmath")
