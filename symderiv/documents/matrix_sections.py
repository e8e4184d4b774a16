"""Sections for what goes beyond the gradient: Jacobians and Hessians."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING

from ..core.expr import Expr, Index, differential, named, walk
from ..core.shapes import ONE, SCALAR, Shape
from ..derivation.definiteness import SEMI, Seen
from ..derivation.derivations import DerivedGradients
from ..derivation.narration import Section, Step
from ..derivation.narration.entry_forms import place
from ..evidence.example import STEP, MatrixNumbers, NumericExample
from ..notation.math import (
    EQUALS,
    PARTIAL,
    TRANSPOSE,
    Fence,
    Frac,
    Math,
    Num,
    Op,
    Row,
    Sym,
    Word,
    row,
    sub,
    sup,
)
from ..ops.leaves import size_notation
from ..ops.vectors import vec
from ..ops.written import shape_notation
from .abridged import abridged
from .checks import (
    checked,
    code_blocks,
    decimals,
    dimension_blocks,
    grid,
    in_digits,
    point_of,
    power_of_ten,
    shapes_of_terms,
)
from .first_page import DEFINED, problem_section, where_lines
from .led import led
from .legend import legend
from .lemma_pages import lemma_section
from .manner import PLAIN, Manner
from .matrix_entries_shown import MatrixExample, entries_blocks, entries_title
from .model import (
    Block,
    Boxed,
    DimensionRow,
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
from .symbols_shown import Scribe, shape_words
from .widths import width

if TYPE_CHECKING:
    from ..derivation.jacobians import DerivativeMatrix
    from ..evidence.certificate import Certificate

Explained = tuple[Expr, tuple[str | Math, ...]]
_LINE = 32.0  # em: what a matrix and its differences may take side by side


@dataclass(frozen=True)
class MatrixPage:
    """A Jacobian or a Hessian as a document tells it: in which styles, with which entries."""

    data: DerivativeMatrix
    manner: Manner = PLAIN
    entries: MatrixExample | None = None
    several: bool = False  # whether there are others, and each direction is named after its own

    @property
    def steps(self) -> list[Step]:
        """Return the steps of the styles that are shown."""
        found = list(self.differentials) if self.manner.shows("differential") else []
        by_entries = self.manner.shows("index") or self.data.no_matrix
        return [*found, *(self.data.own_steps if by_entries else ())]

    @property
    def differentials(self) -> tuple[Step, ...]:
        """Return the steps by differentials; none where there are none."""
        return () if self.data.no_matrix or self.data.not_identified else self.data.identified.steps


def explained(scribe: Scribe, pages: Sequence[MatrixPage]) -> list[Explained]:
    """Return the names that the steps of Jacobians and Hessians bring, and what they stand for."""
    found: dict[str, Explained] = {}
    for page in pages:
        data = page.data
        for s in data.stages:
            if s.automatic and page.steps:
                meaning = ("names ", scribe.write(s.expr.args[0]))
                found.setdefault(str(s.expr.data), (s.expr, meaning))
        if data.is_hessian and page.steps:
            gradient = scribe.gradient_inline(scribe.known[data.of])
            found[str(data.stated.data)] = (data.stated, ("gradient ", gradient))
        for name, of in data.named_jacobians if page.manner.shows("index") else ():
            found[str(name.data)] = (name, ("Jacobian of ", scribe.write(of)))
    return list(found.values())


def matrix_section(scribe: Scribe, proof: Proof, page: MatrixPage, number: str) -> list[Block]:
    """Return the section of one Jacobian or Hessian: convention, steps, matrix, product."""
    jacobian, manner = page.data, page.manner
    if jacobian.no_matrix:
        return _entry_section(scribe, proof, page, number)
    by = scribe.write(jacobian.variable.expr)
    blocks: list[Block] = [
        Heading(_title(scribe, jacobian), number),
        Paragraph((*convention(scribe, jacobian), *_lead(scribe, page))),
    ]
    parts = [(t, b) for t, b, style in _styles(scribe, proof, page) if manner.shows(style)]
    for k, (title, part) in enumerate(parts, start=1):
        if len(parts) > 1:
            blocks.append(Heading(title, f"{number}.{k}", level=2))
        blocks += part()
    formula = row(symbol(scribe, jacobian), EQUALS, scribe.write_full(jacobian.in_output[0]))
    proof.count += 1
    blocks.append(Boxed(formula, proof.count))
    if jacobian.definiteness:
        blocks.append(Paragraph((f"It is {jacobian.definiteness}", *_seen(scribe, jacobian))))
    if jacobian.is_hessian and jacobian.variable.shape != SCALAR:
        product = jacobian.direction_product(f"_{jacobian.name}" if page.several else "")
        lead: Inline = (
            "Its product with a direction ",
            scribe.write(product.direction),
            " of the shape of ",
            by,
            f", in which no {'matrix' if jacobian.is_mixed else 'Hessian'} is formed:",
        )
        blocks += [Paragraph(lead), Display((scribe.write_full(product.expr),))]
    return blocks


def _entry_section(scribe: Scribe, proof: Proof, page: MatrixPage, number: str) -> list[Block]:
    """Return the section of second derivatives that have entries and no matrix."""
    data = page.data
    gradient = scribe.gradient_inline(scribe.known[data.of])
    lead: Inline = (
        f"There is no matrix of them ({data.no_matrix}), so each entry is given. Let ",
        row(value_symbol(scribe, data), DEFINED, gradient),
        ".",
    )
    lines = proof.fresh_lines(data.own_steps)
    formula = row(_entry_symbol(scribe, data), EQUALS, scribe.write_full(data.entry_expr))
    proof.count += 1
    return [
        Heading(_title(scribe, data), number),
        Paragraph(lead),
        StepTable(lines),
        Boxed(formula, proof.count),
    ]


def _entry_symbol(scribe: Scribe, second: DerivativeMatrix) -> Math:
    """Return the symbol of one second derivative, by an entry and by another."""
    first, other = second.ends
    parts = (scribe.known[second.of], first), (second.variable.expr, other)
    under = (row(PARTIAL, scribe.write(place(x, at))) for x, at in parts)
    return Frac(row(sup(PARTIAL, Num("2")), scribe.loss), row(*under))


def _styles(
    scribe: Scribe, proof: Proof, page: MatrixPage
) -> list[tuple[Inline, Callable[[], list[Block]], str]]:
    """Return the styles in the order in which they stand: title, blocks, name."""
    jacobian, example = page.data, page.entries or MatrixExample({}, missing="none were computed")

    def in_index_form() -> list[Block]:
        lines = proof.fresh_lines(jacobian.own_steps)
        return [StepTable(lines), *_placed(scribe, jacobian)]

    def by_differentials() -> list[Block]:
        if jacobian.not_identified:
            return [Paragraph((f"There is none by differentials: {jacobian.not_identified}.",))]
        end = ":" if page.manner.style == "differential" else "."
        lines = proof.fresh_lines(page.differentials)
        return [StepTable(lines), _read_off(scribe, jacobian, end)]

    def by_entries() -> list[Block]:
        whole = symbol(scribe, jacobian)
        of = value_symbol(scribe, jacobian)
        names = jacobian.in_names.definitions
        return entries_blocks(scribe, example, (whole, _in_line(whole)), of, names)

    return [
        (("By differentials",), by_differentials, "differential"),
        (("In index form",), in_index_form, "index"),
        (entries_title(example), by_entries, "entries"),
    ]


def _read_off(scribe: Scribe, jacobian: DerivativeMatrix, end: str) -> Paragraph:
    """Return what stands in front of the change, or between two."""
    change = scribe.write(vec(differential(jacobian.variable.expr, (jacobian.name,))))
    turned = ", transposed" if jacobian.layout == "denominator" else ""
    if jacobian.is_mixed or not jacobian.is_hessian:
        kind = "Jacobian" if not jacobian.is_hessian else "matrix"
        return Paragraph(("What stands in front of ", change, f" is the {kind}{turned}{end}"))
    if jacobian.variable.shape == SCALAR:
        squared = sup(Fence("(", change, ")"), Num("2"))
        return Paragraph(("What stands in front of ", squared, f" is the Hessian{end}"))
    between = sup(Fence("(", change, ")"), TRANSPOSE)
    return Paragraph(("What stands between ", between, " and ", change, f" is the Hessian{end}"))


def _placed(scribe: Scribe, jacobian: DerivativeMatrix) -> list[Block]:
    """Return where the entry stands in a matrix whose rows or columns are in vec order."""
    of, by = jacobian.ends
    if max(len(of), len(by)) < 2 or not by or jacobian.forward is None:
        return []
    rows = _position(of, jacobian.value.shape)
    columns = _position(by, jacobian.variable.shape)
    if jacobian.layout == "denominator":
        rows, columns, of, by = columns, rows, by, of
    said: Inline = ("This entry stands in row ", rows, " and column ", columns)
    if any(e.op == "kron" for e in walk(jacobian.in_output[0], Expr.is_name)):
        outer = [Num("1") if len(x) < 2 else Sym(str(x[1])) for x in (of, by)]
        inner = [Num("1") if not x else Sym(str(x[0])) for x in (of, by)]
        a, b = _letters(scribe, "ABCDPQRSUV")
        there = row(sub(a, row(*outer)), sub(b, row(*inner)))
        said = (*said, ", where ", row(a, Op("⊗"), b), " has ", there)
    return [Paragraph((*said, "."))]


def _letters(scribe: Scribe, wanted: str) -> tuple[Sym, Sym]:
    """Return two letters for any matrices, which have no other meaning in the document."""
    first, second, *_ = (c for c in wanted if c not in scribe.names)
    return Sym(first), Sym(second)


def _position(ends: Sequence[Index], shape: Shape) -> Math:
    """Return the place of an entry in vec order, by columns: p + (q - 1) n."""
    if not ends:
        return Num("1")
    first, *second = (Sym(str(i)) for i in ends)
    if not second:
        return first
    before = Fence("(", row(second[0], Op("−"), Num("1")), ")")
    return row(first, Op("+"), before, size_notation(shape[0]))


def _seen(scribe: Scribe, jacobian: DerivativeMatrix) -> Inline:
    """Return what of the form of a Hessian shows that it is definite, or nearly."""
    (m, d), found = _letters(scribe, "MDNPQRSUVZ"), jacobian.definiteness
    square: Inline = (row(sup(m, TRANSPOSE), m),)
    weighted: Inline = (row(sup(m, TRANSPOSE), d, m),)
    least = "" if found == SEMI else f", one of them {found}"
    forms: dict[Seen | None, Inline] = {
        Seen.SQUARE: (": it has the form ", *square, "."),
        Seen.SQUARES: (": each term has the form ", *square, "."),
        Seen.MULTIPLIED: (": multiplied out, each term has the form ", *square, "."),
        Seen.WEIGHTED: (": it has the form ", *weighted, " with ", d, f" {SEMI}."),
        Seen.SCALED: (": it has the form ", *weighted, " with ", d, " diagonal, no entry below 0."),
        Seen.SUM: (f": it is a sum of terms that are {SEMI}{least}.",),
        Seen.DIAGONAL: (
            f": it is diagonal, {'no entry below' if found == SEMI else 'all above'} 0.",
        ),
    }
    return forms.get(jacobian.seen_as, (".",))


def _title(scribe: Scribe, jacobian: DerivativeMatrix) -> Inline:
    first, *more = (scribe.write(scribe.known[n]) for n in jacobian.variables)
    if more:
        return ("Mixed second derivatives with respect to ", first, " and ", *more)
    kind = "Hessian" if jacobian.is_hessian else "Jacobian"
    return (f"{kind} with respect to ", first)


def with_results(
    scribe: Scribe, boxes: Sequence[Block], hessians: Sequence[DerivativeMatrix]
) -> list[Block]:
    """Return the boxes of results, the last with the Hessians below its gradients."""
    *above, last = boxes
    if not hessians:
        return list(boxes)
    rows = [_result(scribe, h) for h in hessians]
    if not isinstance(last, ResultBox):  # gradients stand in a table
        return [*boxes, ResultBox(tuple(rows), (), "Second derivatives")]
    return [*above, replace(last, rows=(*last.rows, *rows))]


def _result(scribe: Scribe, hessian: DerivativeMatrix) -> ResultRow:
    """Return second derivatives as a result: a matrix, or one entry where there is none."""
    if hessian.no_matrix:
        whole = hessian.entry_expr
        formula = row(_entry_symbol(scribe, hessian), EQUALS, scribe.write_full(whole))
        return ResultRow(formula, (f"No matrix: {hessian.no_matrix}.",), scribe.copied(whole))
    formula = row(symbol(scribe, hessian), EQUALS, scribe.write_full(hessian.in_output[0]))
    return ResultRow(formula, _shape_note(hessian), scribe.copied(hessian.expr))


def _shape_note(hessian: DerivativeMatrix) -> Inline:
    if hessian.shape == SCALAR:
        return ("A scalar.",)
    said = f"; {hessian.definiteness}." if hessian.definiteness else "."
    return ("Shape ", shape_notation(hessian.shape), said)


def matrix_dimensions(scribe: Scribe, jacobian: DerivativeMatrix) -> DimensionRow:
    """Return the row of a Jacobian or a Hessian in the table of shapes."""
    known, by = scribe.known, scribe.write(jacobian.variable.expr)
    of = scribe.write(known[jacobian.of]) if jacobian.of else value_symbol(scribe, jacobian)
    rows, columns = (of, by) if jacobian.layout == "numerator" else (by, of)
    e = jacobian.expr if jacobian.is_hessian else jacobian.in_output[0]
    return DimensionRow(
        gradient=(_in_line(symbol(scribe, jacobian)),),
        formula=scribe.write_full(e),
        shapes=shapes_of_terms(e),
        product=(shape_words(e.shape),),
        variable=(rows, ", ", columns, ": ", shape_words(jacobian.shape)),
        verdict="agrees" if e.shape == jacobian.shape else "differs",
    )


def matrix_numbers(
    scribe: Scribe, matrices: Sequence[DerivativeMatrix], numbers: Sequence[MatrixNumbers]
) -> list[Block]:
    """Return matrices at the point of an example, and differences of what they are of."""
    if not numbers:
        return []
    several = len(numbers) > 1
    what: Inline = ("The Hessians" if several else "The Hessian",)
    of: Inline = ("the gradients" if several else "the gradient",)
    if not matrices[0].is_hessian:
        what, of = ("The Jacobian",), (value_symbol(scribe, matrices[0]),)
    step = row(Sym("h"), EQUALS, power_of_ten(STEP))
    lead: Inline = (*what, " beside central differences of ", *of, ", ", step)
    shown: list[Math] = []
    for matrix, n in zip(matrices, numbers, strict=True):
        rows = [zip(r, q, strict=True) for r, q in zip(n.cells, n.quotients, strict=True)]
        theirs = [[in_digits(float(x), float(q))[1] for x, q in r] for r in rows]
        ours = row(symbol(scribe, matrix), EQUALS, grid(n.cells))
        beside = row(Word("differences: ", function=False), decimals(theirs))
        together = width(ours) + width(beside) < _LINE
        shown += [row(ours, Word(", ", function=False), beside)] if together else [ours, beside]
    return [led((*lead, ", to the digits shown:"), Display(tuple(shown)))]


def _in_line(symbol: Math) -> Math:
    """Return the symbol of a Jacobian or a Hessian with a slash, for a line of text."""
    if not isinstance(symbol, Frac):
        return symbol
    under = symbol.under
    signs = under.items if isinstance(under, Row) else ()
    several = sum(x == PARTIAL for x in signs) > 1
    return row(symbol.over, Op("/"), Fence("(", under, ")") if several else under)


def symbol(scribe: Scribe, jacobian: DerivativeMatrix) -> Math:
    """Return what a Jacobian is called: a quotient of partials, in vec order for matrices."""
    by = jacobian.variable.expr
    if jacobian.is_hessian:
        return second(scribe, scribe.known[jacobian.of], by)
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
    """Return the symbol of a Hessian, or of a mixed one: its rows, then its columns.

    By a scalar, it has the shape of the other variable.
    """
    above = row(sup(PARTIAL, Num("2")), scribe.loss)
    two = _stacked(scribe, other)
    one = scribe.write(by) if other.shape == SCALAR else _stacked(scribe, by)
    if by == other and by.shape == SCALAR:
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
        of = scribe.gradient_inline(scribe.known[jacobian.of])
    if jacobian.variable.shape == SCALAR:
        turned = ", transposed" if jacobian.layout == "denominator" else ""
        return ("The derivative by a scalar has the shape of ", of, f"{turned}.")
    rows: Inline = ("The rows run over the entries of ", of, ", the columns over those of ", by)
    if jacobian.layout == "denominator":
        rows = ("The rows run over the entries of ", by, ", the columns over those of ", of)
    layout = f" ({jacobian.layout} layout)"
    matrices = len(value) > 1 or len(variable) > 1
    order = ", a matrix column by column (vec)" if matrices else ""
    return (*rows, f"{order}{layout}.")


def _lead(scribe: Scribe, page: MatrixPage) -> Inline:
    """Return what is differentiated, in the letters of the steps."""
    jacobian = page.data
    if jacobian.forward is None and page.manner.style == "index":
        return _cotangent(scribe, jacobian)
    if jacobian.kind != "hessian":
        return ()
    name = value_symbol(scribe, jacobian)
    by = jacobian.variable.expr
    gradient = row(name, DEFINED, scribe.gradient_inline(scribe.known[jacobian.of]))
    if page.manner.style == "differential" and page.several:
        return (" Let ", gradient, "; only ", scribe.write(by), " changes.")
    if jacobian.variable.shape == SCALAR or not page.manner.shows("index"):
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
    of = scribe.gradient_inline(scribe.known[jacobian.of])
    return (
        " Let ", function, " be any function of ", of, ", with the gradient ", given,
        " there; its gradient by ", scribe.write(jacobian.variable.expr),
        " is linear in ", given, ", and the Hessian is what multiplies it.",
    )  # fmt: skip


class MatrixScribe(Scribe):
    """Writes about a Jacobian: its own steps stand where a derivation has those of gradients."""

    def __init__(
        self, jacobian: DerivativeMatrix, meanings: Mapping[str, str], manner: Manner = PLAIN
    ) -> None:
        posed = DerivedGradients(jacobian.posed, [jacobian.name])
        super().__init__(posed, meanings, manner.written_cotangent)
        self.names |= {*jacobian.posed.taken}  # what has a colour has no other meaning
        if jacobian.forward is None and manner.shows("index"):
            return
        self.problem = jacobian.problem
        self.loss = Sym(self.problem.objective_name)
        by, ends = jacobian.variable.expr, jacobian.ends[1]
        steps = tuple(MatrixPage(jacobian, manner).steps)
        last = steps[-1].after if steps else jacobian.in_output[0]
        entry = ends if manner.shows("index") else ()
        self.sections = [Section(by, steps, last, entry, ())]
        self.stated = jacobian.stated
        self.further = explained(self, [MatrixPage(jacobian, manner)])


def _product(scribe: Scribe, jacobian: DerivativeMatrix) -> list[Block]:
    """Return what the backward pass is in the code of a Jacobian."""
    if jacobian.value.is_scalar:
        return []
    product = jacobian.direction_product()
    said: Inline = (
        "The function backward multiplies the transpose of the Jacobian by ",
        scribe.write(product.direction),
        ", and forms no Jacobian: ",
        scribe.write_full(product.expr),
        ".",
    )
    return [Paragraph(said)]


def _lemmas(proof: Proof, manner: Manner, number: Callable[[], str]) -> list[Block]:
    """Return the lemmas that the steps of a Jacobian rest on, in which nothing is pulled back."""
    if manner.lemmas == "none":
        return []
    return lemma_section(proof, (), number, full=manner.lemmas == "full", pulled=False)


def jacobian_document(
    scribe: Scribe,
    jacobian: DerivativeMatrix,
    certificate: Certificate,
    code: str = "",
    example: NumericExample | None = None,
    manner: Manner = PLAIN,
    entries: MatrixExample | None = None,
) -> Document:
    """Return the document of the Jacobian of a vector or a matrix."""
    page = MatrixPage(jacobian, manner, entries)
    proof = Proof(scribe)
    whole, one = jacobian.in_output
    head = row(symbol(scribe, jacobian), EQUALS, scribe.write_full(whole))
    name, by = value_symbol(scribe, jacobian), jacobian.variable.expr
    value = jacobian.value.args[0] if jacobian.value.is_name else jacobian.value
    definition = row(name, EQUALS, scribe.write_full(value))
    ends = zip((named(jacobian.value_name, jacobian.value), by), jacobian.ends, strict=True)
    over, under = (scribe.write(place(x, e)) for x, e in ends)
    slope = row(PARTIAL, over, Op("/"), PARTIAL, under)
    entry = row(slope, EQUALS, scribe.write(one))
    where = where_lines(scribe, [whole, one] if manner.shows("index") else [whole])
    number = map(str, count(1)).__next__
    first: list[Block] = [
        ResultBox(
            (ResultRow(head, convention(scribe, jacobian), scribe.copied(jacobian.expr)),),
            (definition, *where, *((entry,) if manner.shows("index") else ())),
        ),
        *problem_section(scribe, number()),
    ]
    blocks: list[Block] = [
        *_lemmas(proof, manner, number),
        *matrix_section(scribe, proof, page, number()),
        Heading(("Dimension check",), number()),
        *dimension_blocks((), [matrix_dimensions(scribe, jacobian)], "Jacobian"),
    ]
    if example is not None:
        blocks += [Heading(("Numeric example",), number()), *point_of(scribe, example)]
        blocks += matrix_numbers(scribe, [jacobian], example.matrices)
    if code:
        blocks += [Heading(("Code",), number()), *_product(scribe, jacobian), *code_blocks(code)]
    blocks += checked(certificate)
    blocks = [*first, *legend(scribe, [*first, *blocks], proof.lemmas), *blocks]
    title = f"Jacobian of {jacobian.value_name} with respect to {jacobian.name}"
    return abridged(Document(title, (definition,), tuple(blocks)))
