"""The first page: the answer in a box, the problem, its symbols and indices."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from ..core.expr import (
    BINDERS,
    Expr,
    Variable,
    free_ranges,
    own_indices,
    sum_index,
    var,
    walk,
    walk_all,
)
from ..core.shapes import ONE, SCALAR, Dim, Shape
from ..derivation.narration import Section
from ..derivation.narration.steps import Act
from ..derivation.structured import AMBIENT, structure_of, words
from ..notation.math import (
    EQUALS,
    TRANSPOSE,
    Fence,
    Math,
    Num,
    Op,
    Sym,
    Word,
    listed,
    row,
    sub,
    sup,
)
from ..ops import TABLE
from ..ops.leaves import size_notation
from ..ops.written import shape_notation
from ..problems.properties import CROSSWISE, crosswise, in_columns, readings
from .conditions import conditions
from .model import (
    Block,
    Bullets,
    DefinitionTable,
    Display,
    Heading,
    IndexRow,
    Inline,
    Link,
    Paragraph,
    Piece,
    ResultBox,
    ResultRow,
    SymbolRow,
    SymbolTable,
)
from .symbols_shown import RowSum, Scribe, generic_entry, mentioned, shape_words
from .widths import width

_ONE_LINE = 22.0  # em: what fits beside the name of a gradient
_BOX = 12  # results in one box, which stays on a page
_SUMS = {"matmul", "dot", "einsum", "trace", "Sum", "sum"}
_FEW = 2  # symbols for each index that stands beside them in their table
DEFINED = Op("≔")
_NUMBERS = re.compile(
    r"\barXiv:(?P<arxiv>\d{4}\.\d{4,5})\b|\bdoi:(?P<doi>10\.\d{4,9}/[\w.()/-]*\w)", re.ASCII
)


def result_boxes(scribe: Scribe) -> list[Block]:
    """Return the gradients with shapes under their symbols, and what their names stand for."""
    chosen = _chosen_forms(scribe)
    rows = []
    for name in scribe.wanted:
        result = scribe.derivation[name]
        sums = scribe.row_sum(result.section)
        formula = row(
            scribe.gradient(result.variable.expr), EQUALS, scribe.write_shaped(chosen[name])
        )
        if sums is not None and len(scribe.wanted) == 1:
            formula = row(formula, EQUALS, sums.form)
        shown = sums.form if sums is not None and len(scribe.wanted) > 1 else None
        note = _meaning(scribe, result.section, result.variable, sums, shown)
        written_out = chosen[name] is not result.section.result
        if sums is None and written_out and not _adds_up(chosen[name]):
            note = _shape(result.variable)
        rows.append(ResultRow(formula, note, scribe.copied(chosen[name])))
    where = tuple(where_lines(scribe, chosen.values()))
    parts = [tuple(rows[k : k + _BOX]) for k in range(0, len(rows), _BOX)]
    return [
        ResultBox(part, where if part is parts[-1] else (), "Result" if part is parts[0] else "")
        for part in parts
    ]


def _chosen_forms(scribe: Scribe) -> dict[str, Expr]:
    """Return each gradient written out where that is short, else in the names of the sections."""
    whole = {n: scribe.derivation[n].expr for n in scribe.wanted}
    names = {n: scribe.section(n).result for n in scribe.wanted}
    long = sum(width(scribe.write(x)) for x in whole.values())
    short = sum(width(scribe.write(x)) for x in names.values())
    short += sum(width(scribe.write(x.args[0])) for x in _explained(scribe, names.values()))
    longest = max(width(scribe.write(x)) for x in whole.values())
    return names if short < 0.7 * long or longest > _ONE_LINE else whole


def _explained(scribe: Scribe, forms: Iterable[Expr]) -> list[Expr]:
    """Return the names in forms that the problem does not define, each with those it uses."""
    own = {*scribe.problem.definitions}
    if scribe.stated is not None:
        own.add(str(scribe.stated.data))
    found: dict[Expr, None] = {}
    pending = [e for x in forms for e in _met(scribe, x)]
    while pending:
        e = pending.pop(0)
        if e.is_name and str(e.data) not in own and e not in found:
            found[e] = None
            pending += _met(scribe, e.args[0])
    # Each after those that it uses.
    return [e for e in walk_all([*found]) if e in found]


def _met(scribe: Scribe, x: Expr) -> list[Expr]:
    """Return the names in an expression; a given gradient brings the argument of its loss."""
    names = mentioned(x)
    return [*names.values(), *(of for g, of in scribe.given_at.items() if g in names)]


def where_lines(scribe: Scribe, forms: Iterable[Expr], known: Collection[Expr] = ()) -> list[Math]:
    """Return what the names in forms stand for, those that are known left out."""
    forms = list(forms)
    explained = _backward(scribe, _explained(scribe, forms))
    targets = {s.given: s.target for s in scribe.sections if s.given is not None}
    lines = []
    for e in (e for e in explained if e not in known):
        parts: list[Math] = [scribe.write(e), DEFINED]
        if e in targets and targets[e] is not e:
            parts += [scribe.gradient_inline(targets[e]), EQUALS]
        lines.append(row(*parts, scribe.write(e.args[0])))
    used = {n for x in (*forms, *(e.args[0] for e in explained)) for n in mentioned(x)}
    for name, of in scribe.given_at.items():
        if name in used:
            lines.append(row(scribe.name(name), DEFINED, scribe.gradient_inline(of)))
    return lines


def _backward(scribe: Scribe, names: Sequence[Expr]) -> list[Expr]:
    """Return names in the order of the sections that derive them; the others come first."""
    order = {s.given: k for k, s in enumerate(scribe.sections, 1) if s.given is not None}
    return sorted(names, key=lambda e: order.get(e, 0))


def _meaning(
    scribe: Scribe, section: Section, variable: Variable, sums: RowSum | None, shown: Math | None
) -> Inline:
    """Return one sentence about what the gradient adds up."""
    shape = shape_notation(variable.shape)
    if sums is not None:
        kind: Inline = ("number",) if variable.shape == SCALAR else (shape, " term")
        count = size_notation(sums.dim)
        lead: Inline = (shown, ": one ") if shown is not None else ("One ",)
        return (*lead, *kind, " for each of the ", count, " rows; all are added.")
    head = _shape(variable)[:-1]
    if not section.summed:
        how = "no sum: every entry is one product" if _is_product(section) else "no sum"
        return (*head, f"; {how}.")
    parts: list[Math] = []
    for name, dim in section.summed:
        parts.append(row(Sym(name), EQUALS, index_range(dim)))
    where: list[str | Math] = []
    for k, part in enumerate(parts):
        where += [" and " if k == len(parts) - 1 else ", "] if k else []
        where.append(part)
    each = "the sum runs over " if variable.shape == SCALAR else "each entry sums over "
    return (*head, f"; {each}", *where, ".")


def _shape(variable: Variable) -> Inline:
    if variable.shape == SCALAR:
        return ("A scalar", ".")
    return ("Shape ", shape_notation(variable.shape), ".")


def _adds_up(x: Expr) -> bool:
    """Whether an expression has a sum in it, but for those in the names that it uses."""
    return any(e.op in _SUMS or TABLE[e.op].axis == "reduces" for e in walk(x, Expr.is_name))


def _is_product(section: Section) -> bool:
    return section.result.is_product


def index_range(dim: Dim) -> Math:
    """Return the range of an index: 1, …, n."""
    return listed(Num("1"), Word("…", function=False), size_notation(dim))


def problem_section(scribe: Scribe, number: str) -> list[Block]:
    """Return the statement, the assumptions, the layout, and the tables."""
    blocks: list[Block] = [Heading(("Problem",), number)]
    if scribe.problem.question:
        blocks.append(Paragraph((scribe.problem.question,)))
    blocks.append(Display(tuple(statement(scribe))))
    blocks.append(Paragraph(assumptions(scribe)))
    if scribe.problem.source:
        blocks.append(Paragraph(("Source: ", *linked(scribe.problem.source.rstrip(".")), ".")))
    properties = _properties(scribe)
    if properties:
        blocks.append(Bullets(tuple(properties)))
    symbols, indices = _symbols(scribe), tuple(_indices(scribe))
    if not scribe.tabled and len(symbols) < _FEW * max(len(indices), 2):
        return [*blocks, DefinitionTable(tuple(symbols), indices)]
    return [*blocks, SymbolTable(tuple(symbols)), Paragraph(_index_words(indices))]


def linked(text: str) -> Inline:
    """Return a sentence in which the numbers of arXiv and of publishers lead to their pages.

    >>> linked("Ba 2016, arXiv:1607.06450, section 3")[1].url
    'https://arxiv.org/abs/1607.06450'
    >>> linked("Computer 42, doi:10.1109/MC.2009.263")[1].url
    'https://doi.org/10.1109/MC.2009.263'
    """
    found: list[Piece] = []
    end = 0
    for m in _NUMBERS.finditer(text):
        page = "arxiv.org/abs" if m["arxiv"] else "doi.org"
        url = f"https://{page}/{m['arxiv'] or m['doi']}"
        found += [text[end : m.start()], Link(m[0], url)]
        end = m.end()
    return (*found, text[end:])


def statement(scribe: Scribe) -> list[Math]:
    """Return the definitions and the objective, with the shapes below the symbols."""
    problem = scribe.problem
    lines: list[Math] = []
    for name, value in problem.definitions.items():
        head = scribe.write_shaped(scribe.known[name])
        lines.append(row(head, EQUALS, scribe.write_shaped(value)))
    if scribe.stated is not None and str(scribe.stated.data) in problem.definitions:
        return lines
    if scribe.stated is not None:
        stated = scribe.write_shaped(scribe.stated)
        return [*lines, row(stated, EQUALS, scribe.write_shaped(scribe.stated.args[0]))]
    objective = scribe.write_shaped(problem.objective)
    if problem.objective.is_loss:
        objective = scribe.write(problem.objective)
    reals: tuple[Math, ...] = (Op("∈"), Word("ℝ", function=False))
    lines.append(row(scribe.loss, EQUALS, objective, *reals))
    return lines


def assumptions(scribe: Scribe) -> Inline:
    """Return what is assumed of the objective, and the layout."""
    if scribe.stated is not None:
        return ("All entries are real numbers.",)
    text: list[str | Math] = []
    for name, of in scribe.given_at.items():
        target = of if of.is_symbol else None
        symbol = scribe.name(name)
        text += ["Nothing is assumed about ", scribe.loss, " except that its gradient"]
        if target is not None:
            text += [" with respect to ", scribe.write(target)]
        text += [" is known, ", symbol if target is None else _entry_equation(scribe, symbol, of)]
        text.append(". ")
    first = scribe.derivation[scribe.wanted[0]].variable.expr
    text.append("A gradient has the shape of the variable")
    if first.shape != SCALAR:
        text += [": ", _entry_equation(scribe, None, first)]
    return (*text, ".")


def _entry_equation(scribe: Scribe, symbol: Math | None, by: Expr) -> Math:
    """Return G_ij = ∂L/∂Z_ij, or (∂L/∂W)_pq = ∂L/∂W_pq."""
    if by.shape == SCALAR:
        return row(symbol or scribe.gradient_inline(by), EQUALS, scribe.gradient_inline(by))
    marks: Sequence[str] = "ijkl"
    if symbol is None:
        marks = next((s.entry for s in scribe.sections if s.target is by), "pqrs")
    at = generic_entry(by, marks)
    index = row(*(scribe.write.index(m) for m in own_indices(at) if isinstance(m, str)))
    left = Fence("(", scribe.gradient_inline(by), ")") if symbol is None else symbol
    return row(sub(left, index), EQUALS, scribe.gradient_inline(at))


def _properties(scribe: Scribe) -> list[Inline]:
    found = conditions(scribe)
    for v in scribe.problem.variables.values():
        found += [(scribe.write(v.expr), f" {reading}") for reading in readings(v)]
        along = crosswise(scribe.problem.objective, v)
        if along is not None:
            name, declared = scribe.write(v.expr), in_columns(v)
            found.append((scribe.write(along), f" {CROSSWISE} ", name, f", declare {declared}"))
        if v.name in scribe.wanted and structure_of(v) is not None:
            _, convention = scribe.derivation.conventions.get(v.name, ("", AMBIENT))
            found.append(
                ("The gradient with respect to ", scribe.write(v.expr), f" {words(v, convention)}")
            )
    return found


def _symbols(scribe: Scribe) -> list[SymbolRow]:
    problem = scribe.problem
    letters = {} if scribe.tabled else _row_letters(scribe)
    rows = []
    for first, *more in _alike(scribe, letters):
        meaning = _variable_meaning(scribe, first, len(more))
        r = _symbol(scribe, first.expr, first.shape, meaning, letters)
        names = (r.symbol, *(scribe.write(v.expr) for v in more))
        rows.append(SymbolRow(listed(*names) if more else r.symbol, r.shape, r.meaning))
    for name, of in scribe.given_at.items():
        meaning = ("given gradient ", scribe.gradient_inline(of))
        if name in scribe.meanings:
            meaning = (scribe.meanings[name],)
        rows.append(_symbol(scribe, scribe.known[name], of.shape, meaning, letters))
    for name in problem.definitions:
        e = scribe.known[name]
        meaning = (scribe.meanings.get(name, "defined above"),)
        rows.append(_symbol(scribe, e, e.shape, meaning, letters))
    if scribe.stated is not None and str(scribe.stated.data) not in problem.definitions:
        e = scribe.stated
        rows.append(_symbol(scribe, e, e.shape, ("what is differentiated",), letters))
    name = problem.objective_name
    if name in scribe.meanings and name not in problem.definitions:
        e = var(name, SCALAR)
        rows.append(_symbol(scribe, e, e.shape, (scribe.meanings[name],), letters))
    shown = [x for s in scribe.sections for x in (s.result, s.target)]
    cotangents = {s.given for s in scribe.sections if s.given is not None}
    # Where a gradient folds to a function, only its steps hold what was put in.
    folds = [t.before for s in scribe.sections for t in s.steps if t.law is Act.FOLD]
    shown += [scribe.stated.args[0]] if scribe.stated is not None else []
    shown += [e for x in folds for e in mentioned(x).values() if e in cotangents]
    for e in _explained(scribe, [*shown, *scribe.given_at.values()]):
        if scribe.tabled and e in cotangents:
            continue  # the first page says what they stand for
        rows.append(_symbol(scribe, e, e.shape, _named_meaning(scribe, e), letters))
    there = {r.symbol for r in rows}
    fresh = [x for x in scribe.further if scribe.write(x[0]) not in there]
    return [*rows, *(_symbol(scribe, e, e.shape, said, letters) for e, said in fresh)]


def _alike(scribe: Scribe, letters: Mapping[str, tuple[str, str]]) -> list[list[Variable]]:
    """Return the variables; those together of which a table would say the same."""
    found: dict[object, list[Variable]] = {}
    for v in scribe.problem.variables.values():
        own = v.name in scribe.meanings or v.name in letters
        found.setdefault(v.name if own else (v.shape, v.name in scribe.wanted), []).append(v)
    return list(found.values())


def _symbol(
    scribe: Scribe, e: Expr, shape: Shape, meaning: Inline, letters: dict[str, tuple[str, str]]
) -> SymbolRow:
    if str(e.data) in letters:
        letter, index = letters[str(e.data)]
        symbol = sup(scribe.row_symbol(str(e.data), letter, Sym(index)), TRANSPOSE)
        meaning = (*meaning, "; row ", Sym(index), " is ", symbol)
    return SymbolRow(scribe.write(e), shape_words(shape), meaning)


def _row_letters(scribe: Scribe) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for name in scribe.wanted:
        sums = scribe.row_sum(scribe.section(name))
        for matrix, letter in sums.terms if sums is not None else ():
            found.setdefault(matrix, (letter, sums.index if sums is not None else "i"))
    return found


def _variable_meaning(scribe: Scribe, v: Variable, more: int) -> Inline:
    if v.name in scribe.meanings:
        return (scribe.meanings[v.name],)
    word = "variable" if v.name in scribe.wanted else "constant"
    return (f"{word}s" if more else word,)


def _named_meaning(scribe: Scribe, e: Expr) -> Inline:
    for s in scribe.sections:
        if s.given is e and s.target is not e:
            return (scribe.gradient_inline(s.target),)
    return ("names ", scribe.write(e.args[0]))


def _indices(scribe: Scribe) -> list[IndexRow]:
    ranges: dict[str, dict[Dim, None]] = {}
    summed: set[str] = set()
    seen: set[Expr] = set()
    for x in (x for s in scribe.sections for t in s.steps for x in (t.before, t.after)):
        for name, dim in free_ranges(x).items():
            ranges.setdefault(name, {})[dim] = None
        fresh = [e for e in walk(x, seen.__contains__) if e not in seen]
        seen.update(fresh)
        for e in fresh:
            if e.op in BINDERS:
                name, dim = sum_index(e)
                ranges.setdefault(name, {})[dim] = None
                summed.add(name)
    entries = {s.entry for s in scribe.sections if s.steps and s.entry}
    ends = max(entries, key=len, default=())
    rows = [
        IndexRow(Sym(n), _ranges(dims), ("summed" if n in summed else "free",))
        for n, dims in sorted(ranges.items())
        if n not in ends
    ]
    return [*rows, *_entry_indices(scribe, ends)]


def _index_words(rows: Sequence[IndexRow]) -> Inline:
    """Return indices and ranges in a sentence."""
    found: list[Piece] = ["Indices: "]
    for k, r in enumerate(rows):
        found += ["; " if k else "", r.index, ": ", r.range, ", ", *r.role]
    return (*found, ".")


def _ranges(dims: Iterable[Dim]) -> Math:
    """Return 1, …, m, or 1, …, m or h where an index has a range in one section and another."""
    first, *rest = dims
    if len(rest) > 2:
        return Word("by section", function=False)
    more = [x for d in rest for x in (Word("or", function=False), size_notation(d))]
    return row(index_range(first), *more)


def _entry_indices(scribe: Scribe, ends: tuple[str, ...]) -> list[IndexRow]:
    """Return the free indices that name the entry of a gradient."""
    targets = [s.target for s in scribe.sections if s.steps and s.entry]
    if not ends:
        return []
    if len(targets) > 1:
        role: Inline = ("free: name the entry of a gradient",)
        index = listed(*(Sym(e) for e in ends))
        return [IndexRow(index, Word("up to the sizes of the variable", False), role)]
    target = scribe.write(targets[0])
    axes = [f"axis {k}" for k, _ in enumerate(ends, 1)]
    places = {1: ["entry"], 2: ["row", "column"]}.get(len(ends), axes)
    dims = [d for d in targets[0].shape if d != ONE]
    return [
        IndexRow(Sym(name), index_range(dim), (f"free: {place} of ", target))
        for name, dim, place in zip(ends, dims, places, strict=True)
    ]
