"""Sections for what goes beyond the gradient: Jacobians and Hessians."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ..core.expr import Expr, named
from ..core.shapes import ONE, SCALAR, Shape
from ..derivation.derivations import DerivedGradients
from ..derivation.narration import Section
from ..notation.math import (
    EQUALS,
    PARTIAL,
    TRANSPOSE,
    Fence,
    Frac,
    Math,
    Num,
    Op,
    Sym,
    Word,
    row,
    sub,
    sup,
)
from .abridged import abridged
from .first_page import DEFINED, problem_section
from .model import (
    Block,
    Boxed,
    Bullets,
    Display,
    Document,
    Heading,
    Inline,
    Paragraph,
    ResultBox,
    ResultRow,
    StepTable,
)
from .proof import Proof
from .symbols_shown import Scribe

if TYPE_CHECKING:
    from ..derivation.jacobians import DerivativeMatrix
    from ..evidence.certificate import Certificate


def jacobian_section(
    scribe: Scribe, proof: Proof, jacobian: DerivativeMatrix, number: str
) -> list[Block]:
    """Return the section of one Jacobian or Hessian: convention, steps, matrix, product."""
    kind = "Hessian" if jacobian.is_hessian else "Jacobian"
    by = scribe.write(jacobian.variable.expr)
    blocks: list[Block] = [
        Heading((f"{kind} with respect to ", by), number),
        Paragraph((*convention(scribe, jacobian), *_lead(scribe, jacobian))),
        StepTable(proof.lines(jacobian.own_steps)),
    ]
    formula = row(symbol(scribe, jacobian), EQUALS, scribe.write_full(jacobian.expr))
    proof.count += 1
    blocks.append(Boxed(formula, proof.count))
    if jacobian.definiteness:
        blocks.append(Paragraph((f"It is {jacobian.definiteness}, as its form shows.",)))
    if jacobian.is_hessian and jacobian.variable.shape != SCALAR:
        product = jacobian.direction_product()
        lead: Inline = (
            "Its product with a direction ",
            scribe.write(product.direction),
            " of the shape of ",
            by,
            ", in which no Hessian is formed:",
        )
        blocks += [Paragraph(lead), Display((scribe.write_full(product.expr),))]
    return blocks


def symbol(scribe: Scribe, jacobian: DerivativeMatrix) -> Math:
    """Return what a Jacobian is called: a quotient of partials, in vec order for matrices."""
    by = jacobian.variable.expr
    if jacobian.is_hessian:
        return second(scribe, by, by)
    of = value_symbol(scribe, jacobian)
    whole = first(scribe, of, jacobian.value.shape, by)
    return whole if jacobian.layout == "numerator" else sup(Fence("(", whole, ")"), TRANSPOSE)


def value_symbol(scribe: Scribe, jacobian: DerivativeMatrix) -> Math:
    """Return the name of what is differentiated, set by its shape."""
    return scribe.write(named(jacobian.value_name, jacobian.value))


def first(scribe: Scribe, of: Math, shape: Shape, by: Expr) -> Math:
    """Return the symbol of a Jacobian in numerator layout, of a value of some shape."""
    if ONE not in shape and by.shape != SCALAR:
        of = row(Word("vec"), Fence("(", of, ")"))
    under = _stacked(scribe, by)
    turned = under if by.shape == SCALAR else sup(under, TRANSPOSE)
    return Frac(row(PARTIAL, of), row(PARTIAL, turned))


def second(scribe: Scribe, by: Expr, other: Expr) -> Math:
    """Return the symbol of a Hessian, or of a mixed one: its rows, then its columns."""
    above = row(sup(PARTIAL, Num("2")), scribe.loss)
    one, two = (_stacked(scribe, x) for x in (by, other))
    if by is other and by.shape == SCALAR:
        return Frac(above, row(PARTIAL, sup(one, Num("2"))))
    turned = two if other.shape == SCALAR else sup(two, TRANSPOSE)
    return Frac(above, row(PARTIAL, one, PARTIAL, turned))


def _stacked(scribe: Scribe, x: Expr) -> Math:
    """Return a variable as the vector that the columns run over."""
    body = scribe.write(x)
    return body if x.shape[1] == ONE else row(Word("vec"), Fence("(", body, ")"))


def convention(scribe: Scribe, jacobian: DerivativeMatrix) -> Inline:
    """Return what the rows and the columns of a Jacobian or a Hessian run over."""
    by = scribe.write(jacobian.variable.expr)
    value, variable = jacobian.ends
    of = value_symbol(scribe, jacobian)
    if jacobian.is_hessian:
        of = scribe.gradient_inline(jacobian.variable.expr)
    if jacobian.variable.shape == SCALAR:
        return ("The derivative by a scalar has the shape of ", of, ".")
    rows: Inline = ("The rows run over the entries of ", of, ", the columns over those of ", by)
    if jacobian.layout == "denominator":
        rows = ("The rows run over the entries of ", by, ", the columns over those of ", of)
    layout = f" ({jacobian.layout} layout)"
    matrices = len(value) > 1 or len(variable) > 1
    order = ", a matrix column by column (vec)" if matrices else ""
    return (*rows, f"{order}{layout}.")


def _lead(scribe: Scribe, jacobian: DerivativeMatrix) -> Inline:
    """Return what is differentiated, in the letters of the steps."""
    if jacobian.forward is None:
        return _cotangent(scribe, jacobian)
    if jacobian.kind != "hessian":
        return ()
    name = value_symbol(scribe, jacobian)
    by = jacobian.variable.expr
    gradient = row(name, DEFINED, scribe.gradient_inline(by))
    if jacobian.variable.shape == SCALAR:
        return (" Let ", gradient, ".")
    return (
        " Let ",
        gradient,
        ": its entry is differentiated by every entry of ",
        scribe.write(by),
        ".",
    )


def _cotangent(scribe: Scribe, jacobian: DerivativeMatrix) -> Inline:
    """Return what the loss in the steps of a Hessian is, and the name of its gradient."""
    loss = jacobian.posed.objective
    if not jacobian.is_hessian or not isinstance(loss.data, tuple):
        return ()
    function, given = (scribe.write.name(n) for n in loss.data)
    of = scribe.gradient_inline(jacobian.variable.expr)
    return (
        " Let ", function, " be any function of ", of, ", with the gradient ", given,
        " there; its gradient by ", scribe.write(jacobian.variable.expr),
        " is linear in ", given, ", and the Hessian is what multiplies it.",
    )  # fmt: skip


class MatrixScribe(Scribe):
    """Writes about a Jacobian: its own steps stand where a derivation has those of gradients."""

    def __init__(self, jacobian: DerivativeMatrix, meanings: Mapping[str, str]) -> None:
        super().__init__(DerivedGradients(jacobian.posed, [jacobian.name]), meanings)
        if jacobian.forward is None:
            return
        self.problem = jacobian.problem
        steps, by = jacobian.own_steps, jacobian.variable.expr
        self.sections = [Section(by, steps, steps[-1].after, jacobian.ends[1], ())]
        self.stated = jacobian.forward.value


def jacobian_document(
    scribe: Scribe, jacobian: DerivativeMatrix, certificate: Certificate
) -> Document:
    """Return the document of the Jacobian of a vector or a matrix."""
    proof = Proof(scribe)
    head = row(symbol(scribe, jacobian), EQUALS, scribe.write_full(jacobian.expr))
    name = value_symbol(scribe, jacobian)
    definition = row(name, EQUALS, scribe.write_full(jacobian.value))
    entry = row(
        PARTIAL, _entry(name, jacobian.ends[0]), Op("/"), PARTIAL,
        _entry(scribe.write(jacobian.variable.expr), jacobian.ends[1]),
        EQUALS, scribe.write(jacobian.index_expr),
    )  # fmt: skip
    blocks: list[Block] = [
        ResultBox((ResultRow(head, convention(scribe, jacobian)),), (definition, entry)),
        *problem_section(scribe, "1"),
        *jacobian_section(scribe, proof, jacobian, "2"),
        Heading(("Checked",), "3"),
        Bullets(tuple((f"{line[:1].upper()}{line[1:]}.",) for line in certificate.lines())),
    ]
    title = f"Jacobian of {jacobian.value_name} with respect to {jacobian.name}"
    return abridged(Document(title, (definition,), tuple(blocks)))


def _entry(body: Math, ends: Sequence[str]) -> Math:
    return sub(body, row(*(Sym(e) for e in ends))) if ends else body
