"""Sections for what goes beyond the gradient: Jacobians and Hessians."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..core.expr import Expr
from ..core.shapes import ONE, SCALAR, Shape
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
from .first_page import problem_section
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
        Paragraph((*_convention(scribe, jacobian), *_cotangent(scribe, jacobian))),
        StepTable(proof.lines(jacobian.own_steps)),
    ]
    formula = row(symbol(scribe, jacobian), EQUALS, scribe.write_full(jacobian.expr))
    proof.count += 1
    blocks.append(Boxed(formula, proof.count))
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
    of = scribe.write.name(jacobian.value_name)
    whole = first(scribe, of, jacobian.value.shape, by)
    return whole if jacobian.layout == "numerator" else sup(Fence("(", whole, ")"), TRANSPOSE)


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


def _convention(scribe: Scribe, jacobian: DerivativeMatrix) -> Inline:
    by = scribe.write(jacobian.variable.expr)
    value, variable = jacobian.ends
    of: Math | str = scribe.write.name(jacobian.value_name)
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


def jacobian_document(
    scribe: Scribe, jacobian: DerivativeMatrix, certificate: Certificate
) -> Document:
    """Return the document of the Jacobian of a vector or a matrix."""
    proof = Proof(scribe)
    head = row(symbol(scribe, jacobian), EQUALS, scribe.write_full(jacobian.expr))
    name = scribe.write.name(jacobian.value_name)
    definition = row(name, EQUALS, scribe.write_full(jacobian.value))
    entry = row(
        PARTIAL, _entry(name, jacobian.ends[0]), Op("/"), PARTIAL,
        _entry(scribe.write(jacobian.variable.expr), jacobian.ends[1]),
        EQUALS, scribe.write(jacobian.index_expr),
    )  # fmt: skip
    blocks: list[Block] = [
        ResultBox((ResultRow(head, _convention(scribe, jacobian)),), (definition, entry)),
        *problem_section(scribe, "1"),
        *jacobian_section(scribe, proof, jacobian, "2"),
        Heading(("Checked",), "3"),
        Bullets(tuple((f"{line[:1].upper()}{line[1:]}.",) for line in certificate.lines())),
    ]
    title = f"Jacobian of {jacobian.value_name} with respect to {jacobian.name}"
    return abridged(Document(title, (definition,), tuple(blocks)))


def _entry(body: Math, ends: Sequence[str]) -> Math:
    return sub(body, row(*(Sym(e) for e in ends))) if ends else body
