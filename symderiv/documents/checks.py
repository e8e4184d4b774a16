"""What stands behind a result: questions answered, shapes, numbers, code, checks.

Contract: prints verdicts, shapes and numbers that were handed in; the only thing decided here is
whether shapes fit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

from ..core.expr import Expr, matmul, node, transpose
from ..core.shapes import ONE, Dim, Shape
from ..evidence.certificate import Certificate
from ..evidence.example import NumericExample
from ..notation.math import EQUALS, Fence, Frac, Grid, Math, Num, Op, Script, Sym, row
from ..ops.leaves import size_notation
from ..ops.written import shape_notation
from .examples import Cells
from .led import led
from .model import (
    Block,
    CodeBlock,
    DimensionRow,
    DimensionTable,
    Display,
    Heading,
    Inline,
    Kept,
    Note,
    NumberRow,
    NumberTable,
    Paragraph,
    Piece,
)
from .symbols_shown import Scribe, mentioned, shape_words
from .widths import width

_NOTHING = 1e-7  # what a difference quotient of 0 may be
_TABLE_WIDTH = 26.0  # em: of a derivative, its formula and the shapes in it
_ROWS = 12  # entries in a table of differences
_UNNAMED = "different"  # the slip of a claim that no small change mends
_MINUS = Op("−")


def grid(cells: Cells) -> Math:
    """Return numbers as a matrix; a single one as itself."""
    if len(cells) == 1 and len(cells[0]) == 1:
        return number(cells[0][0])
    return Grid(tuple(tuple(number(x) for x in line) for line in cells))


_LONG = 10_000  # of a denominator: longer fractions are no easier to read than their digits


def number(x: Any) -> Math:
    """Return a number: a whole number or a short fraction exactly, anything else to 4 digits."""
    if isinstance(x, int | Fraction) and Fraction(x).denominator < _LONG:
        value = Fraction(x)
        sign = [_MINUS] if value < 0 else []
        over, under = Num(str(abs(value.numerator))), Num(str(value.denominator))
        return row(*sign, over if value.denominator == 1 else Frac(over, under))
    return _decimal(f"{float(x):.4g}")


# dimensions


def dimension_section(
    scribe: Scribe, number: str, more: Sequence[DimensionRow] = ()
) -> list[Block]:
    """Return the table of shapes, with one wrong formula that its shapes reject.

    ``more`` are rows of second derivatives.
    """
    results = [(n, scribe.section(n).result) for n in scribe.wanted]
    rows = tuple(_dimension_row(scribe, n, e) for n, e in results)
    found = slip_of(scribe)
    slips = () if found is None else (found[1],)
    what = "Derivative" if more else "Gradient"
    return [Heading(("Dimension check",), number), *dimension_blocks(rows, more, what, slips)]


def dimension_blocks(
    rows: Sequence[DimensionRow],
    matrices: Sequence[DimensionRow],
    what: str,
    slips: tuple[DimensionRow, ...] = (),
) -> list[Block]:
    """Return the table of shapes; matrices whose formulas are too long for it stand below."""
    short = [m for m in matrices if _table_width(m) < _TABLE_WIDTH]
    found: list[Block] = []
    if rows or short:
        found.append(DimensionTable((*rows, *short), slips, what))
    for m in matrices:
        if m not in short:
            shapes = row(m.shapes, Op("→"), *(p for p in m.product if isinstance(p, Math)))
            found.append(led(("The shapes in ", *m.gradient, ":"), Display((shapes,))))
    return found


def _table_width(m: DimensionRow) -> float:
    cells = (*m.gradient, m.formula, m.shapes)
    return sum(width(c) for c in cells if isinstance(c, Math))


def slip_of(scribe: Scribe) -> tuple[str, DimensionRow] | None:
    """Return the variable and the wrong formula of a product whose shapes reject it."""
    for name in scribe.wanted:
        slip = _slip(scribe, name, scribe.section(name).result)
        if slip is not None:
            return name, slip
    return None


def _dimension_row(scribe: Scribe, name: str, e: Expr) -> DimensionRow:
    variable = scribe.derivation[name].variable
    fits = e.shape == variable.shape
    return DimensionRow(
        gradient=(scribe.gradient_inline(variable.expr),),
        formula=scribe.write(e),
        shapes=_shapes(e),
        product=(shape_words(e.shape),),
        variable=(scribe.write(variable.expr), ": ", shape_words(variable.shape)),
        verdict="agrees" if fits else "differs",
    )


def _shapes(e: Expr) -> Math:
    """Return the shapes that a formula multiplies: (d × n)(n × m)."""
    if e.is_matrix_product:
        return row(*(Fence("(", shape_notation(f.shape), ")") for f in e.args))
    inner = e.args[0] if e.is_transpose else e
    if inner.op == "sum" and inner.data == 0 and len(inner.args[0].shape) == 2:
        added = inner.args[0].shape  # written as a product with ones
        turned = (
            ((added[1], added[0]), (added[0], ONE)) if e.is_transpose else ((ONE, added[0]), added)
        )
        return row(*(Fence("(", shape_notation(s), ")") for s in turned))
    factors = [f for f in e.args if not f.is_scalar] if e.is_hadamard else []
    if len(factors) == 1:
        return _shapes(factors[0])
    parts: list[Math] = []
    for f in factors:
        parts += [Op("⊙")] if parts else []
        parts.append(Fence("(", shape_notation(f.shape), ")"))
    return row(*parts) if parts else shape_words(e.shape)


def shapes_of_terms(e: Expr) -> Math:
    """Return the shapes that each term of a sum multiplies: (n × n)(n × n) + (n × n)."""
    if not e.is_sum:
        return _shapes(e.args[0] if e.is_negative else e)
    parts: list[Math] = []
    for term in e.args:
        parts += [Op("+")] if parts else []
        plain = term.args[0] if term.is_negative else term
        whole = shapes_of_terms(plain)
        bare = plain.is_product or plain.is_matrix_product or plain.is_scalar
        parts.append(whole if bare else Fence("(", whole, ")"))
    return row(*parts)


def _slip(scribe: Scribe, name: str, e: Expr) -> DimensionRow | None:
    """Return the product with its factors in a wrong order or orientation, if shapes reject it."""
    scalars = [f for f in e.args if f.is_scalar] if e.is_hadamard else []
    rest = [f for f in e.args if not f.is_scalar] if e.is_hadamard else [e]
    if len(rest) != 1 or not rest[0].is_matrix_product:
        return None
    factors = rest[0].args
    variable = scribe.derivation[name].variable
    for variant in _variants(factors):
        clash = _clash(variant)
        outer = (variant[0].shape[0], variant[-1].shape[1])
        if clash is None and outer == variable.shape:
            continue
        body = node("matmul", variant, outer)
        formula = matmul(body) if not scalars else node("mul", (*scalars, body), outer)
        return DimensionRow(
            gradient=("a common slip",),
            formula=scribe.write(formula),
            shapes=row(*(Fence("(", shape_notation(f.shape), ")") for f in variant)),
            product=_why(clash, outer),
            variable=()
            if clash
            else (scribe.write(variable.expr), ": ", shape_words(variable.shape)),
            verdict="rejected",
        )
    return None


def _variants(factors: tuple[Expr, ...]) -> Iterable[tuple[Expr, ...]]:
    """Yield the reversed product, the product without transposes, and the transposed one."""
    yield factors[::-1]
    bare = tuple(f.args[0] if f.is_transpose else f for f in factors)
    if bare != factors:
        yield bare
    yield tuple(transpose(f) for f in factors[::-1])


def _clash(factors: Sequence[Expr]) -> tuple[Dim, Dim] | None:
    for a, b in pairwise(factors):
        if a.shape[1] != b.shape[0]:
            return a.shape[1], b.shape[0]
    return None


def _why(clash: tuple[Dim, Dim] | None, outer: Shape) -> Inline:
    if clash is None:
        return (shape_notation(outer),)
    left, right = sorted(clash, key=lambda d: d == ONE)
    return ("undefined unless ", row(size_notation(left), EQUALS, size_notation(right)))


# code


def code_blocks(code: str) -> list[Block]:
    """Return functions, which a blank line separates, each as a block of its own."""
    return [CodeBlock(part) for part in code.split("\n\n")]


def checked(certificate: Certificate | None) -> list[Block]:
    """Return the note of what was checked."""
    lines = certificate.lines() if certificate is not None else []
    return [Note((f"Checked: {'; '.join(lines)}.",))] if lines else []


# numbers


def numeric_section(scribe: Scribe, example: NumericExample, number_: str) -> list[Block]:
    """Return the example: the point, the forward pass, the gradients, and the differences."""
    found: list[Block] = [Heading(("Numeric example",), number_), *point_of(scribe, example)]
    shown = {str(c) for c in example.results.values()}
    named = {e: c for e, c in example.named.items() if str(c) not in shown}
    cotangents = tuple(row(scribe.write(e), EQUALS, grid(c)) for e, c in named.items())
    if cotangents:
        found.append(led(("The formulas use",), Display(cotangents)))
    results = []
    for name, cells in example.results.items():
        head = scribe.gradient(scribe.derivation[name].variable.expr)
        formula = scribe.write(scribe.section(name).result)
        results.append(row(head, EQUALS, formula, EQUALS, grid(cells)))
    found.append(led(("The formulas give",), Display(tuple(results))))
    rows = list(_number_rows(scribe, example))
    left_out = len(rows) - _ROWS
    more = f" ({left_out} further entries are left out)" if left_out > 0 else ""
    step = row(Sym("h"), EQUALS, power_of_ten(example.step))
    lead_in: Inline = ("Beside central differences of the objective, ", step)
    lead_in = (*lead_in, f", to the digits shown{more}:")
    return [*found, Kept((Paragraph(lead_in), NumberTable(tuple(rows[:_ROWS]))))]


def point_of(scribe: Scribe, example: NumericExample) -> list[Block]:
    """Return the point of an example, and the forward pass there."""
    found: list[Block] = []
    lead: list[Piece] = ["Take "]
    if example.loss is not None:
        lead += [row(scribe.loss, EQUALS, scribe.write(example.loss)), " and "]
    given = {n: c for n, c in example.values.items() if n in scribe.problem.upstream}
    chosen = {n: c for n, c in example.values.items() if n not in given}
    if example.loss is None:
        chosen, given = dict(example.values), {}
    known = mentioned(example.loss) if example.loss is not None else {}
    point = tuple(
        row(scribe.write(known[n]) if n in known else scribe.name(n), EQUALS, grid(c))
        for n, c in chosen.items()
    )
    found.append(led(tuple(lead), Display(point)))
    forward: list[Math] = []
    steps = [s for section in scribe.sections for s in section.steps] if scribe.stated else []
    own = {n: e for s in steps for x in (s.before, s.after) for n, e in mentioned(x).items()}
    for name, cells in {**example.forward, **given}.items():
        head = scribe.write(own[name]) if name in own else scribe.name(name)
        forward.append(row(head, EQUALS, grid(cells)))
    if example.objective is not None:
        forward.append(row(scribe.loss, EQUALS, number(example.objective)))
    if forward:
        found.append(led(("The forward pass gives",), Display(tuple(forward))))
    return found


def decimals(rows: Sequence[Sequence[str]]) -> Math:
    """Return decimal numbers as a matrix; a single one as itself."""
    cells = tuple(tuple(map(_decimal, r)) for r in rows)
    return Grid(cells) if len(cells) > 1 or len(cells[0]) > 1 else cells[0][0]


def _number_rows(scribe: Scribe, example: NumericExample) -> Iterable[NumberRow]:
    for name, cells in example.results.items():
        quotients = example.quotients[name]
        shape = scribe.derivation[name].variable.shape
        for i, line in enumerate(cells):
            for j, value in enumerate(line):
                quotient = float(quotients[i][j])
                kept = [k + 1 for k, d in zip((i, j), shape, strict=True) if d != ONE]
                place = row(*(Num(str(k)) for k in kept))
                at = Script(Sym(name), sub=place) if kept else Sym(name)
                yield NumberRow(at, *map(_decimal, in_digits(float(value), quotient)))


_DIGITS = (4, 3, 2)


def in_digits(value: float, quotient: float) -> tuple[str, str]:
    """Return two numbers in as many digits as they are compared in: 4, or one less at a rounding.

    >>> in_digits(2.0, 1.9999999993), in_digits(0.33333, 0.25)
    (('2', '2'), ('0.3333', '0.25'))
    """
    pairs = [(_rounded(value, n), _rounded(quotient, n)) for n in _DIGITS]
    return next((p for p in pairs if p[0] == p[1]), pairs[0])


def _rounded(x: float, digits: int) -> str:
    return f"{0.0 if abs(x) < _NOTHING else x:.{digits}g}"


def _decimal(shown: str) -> Math:
    """Return a decimal number with its sign: -1.5e-05 is −1.5 × 10⁻⁵."""
    body, _, exponent = shown.partition("e")
    sign = [_MINUS] if body.startswith("-") else []
    digits = body.lstrip("-")
    found: list[Math] = [*sign, Num(digits)]
    if exponent:
        power = int(exponent)
        up = row(*([_MINUS] if power < 0 else []), Num(str(abs(power))))
        ten = Script(Num("10"), sup=up)
        found = [*sign, ten] if digits == "1" else [*found, Op("×"), ten]
    return row(*found)


def power_of_ten(x: float) -> Math:
    """Return a small number as a power of ten with two digits.

    >>> power_of_ten(0.0), power_of_ten(1e-6).sup
    (Num(text='0'), Row(items=(Op(char='−'), Num(text='6'))))
    """
    if not x:
        return Num("0")
    digits, exponent = f"{x:.1e}".split("e")
    power = int(exponent)
    sign: list[Math] = [_MINUS] if power < 0 else []
    ten = Script(Num("10"), sup=row(*sign, Num(str(abs(power)))))
    return ten if digits == "1.0" else row(Num(digits), Op("×"), ten)
