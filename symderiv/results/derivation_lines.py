"""How derivations read at a prompt, as lines, and as plain data for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..core.errors import MissingRuleError
from ..core.plaintext import on_one_line, styled
from ..core.shapes import SCALAR, describe
from ..derivation.narration import Section, cotangent_names
from ..documents.sympy_notation import EntryWriter, Matrix
from ..evidence.certificate import Certificate
from ..notation.math import EQUALS, Math, fraction_of_partials, row
from ..notation.unicode import unicode
from ..ops.text import text
from ..ops.written import Writer
from ..problems import Problem
from ..problems.properties import CROSSWISE, crosswise, in_columns, readings
from .outputs import entries_example, matrix_example
from .shown_steps import Steps

if TYPE_CHECKING:
    from .derived import Derivation
    from .second_order import Jacobian

_FEW = 4  # definitions; with more the table is printed, else its totals


def derivation_data(derivation: Derivation) -> dict[str, object]:
    """Return a derivation as plain data."""
    found: dict[str, object] = {
        "problem": derivation.problem.text,
        "gradients": {
            n: {
                "text": r.text,
                "latex": r.latex,
                "index_form": r.index_form,
                "shape": [str(d) for d in r.variable.shape],
                "steps": [s.as_dict() for s in r.steps],
            }
            for n, r in derivation.items()
        },
        "costs": _cost_data(derivation),
        "certificate": derivation.verify().as_dict(),
    }
    if derivation.hessians:
        known = derivation.hessians
        found["hessians"] = {", ".join(h.data.variables): jacobian_data(h) for h in known}
    if derivation.second_entries:
        found["second derivatives without a matrix"] = {
            ", ".join(h.variables): {"index_form": h.index_form, "reason": h.no_matrix}
            for h in derivation.second_entries
        }
    return found


def derivation_lines(derivation: Derivation, style: str) -> list[str]:
    """Return a derivation as it is printed, what it costs after it; nothing is checked."""
    problem = derivation.problem
    lines = [styled(on_one_line(problem.title), "bold"), ""]
    note = _inferred_note(problem)
    if note:
        lines += [f"undeclared names read as  {note}", ""]
    notes = reading_notes(problem)
    lines += [*notes, ""] if notes else []
    writer = derivation.data.writer
    for name, value in problem.definitions.items():
        lines.append(f"  {unicode(row(writer.name(name), EQUALS, writer(value)))}")
    lines.append(f"  {_objective(derivation)}")
    if problem.source:
        lines.append(styled(f"  Source: {on_one_line(problem.source)}", "dim"))
    lines.append("")
    if style in ("index", "all"):
        for section in derivation.sections:
            lines += _section(derivation, section)
    lines += _by_differentials(derivation) if style in ("differential", "all") else []
    for hessian in derivation.hessians:
        lines += jacobian_lines(hessian, style)
    for second in derivation.second_entries:
        at = f"[{', '.join((*second.ends[0], *second.ends[1]))}]"
        lines.append(f"{second.label}: no matrix form ({second.no_matrix})")
        entry = Writer(names=problem.taken)(second.entry_expr)
        lines += [f"  entry{at}: {unicode(entry)}", ""]
    lines += _entries(derivation) if style in ("entries", "all") else []
    return [*lines, *_cost_lines(derivation)]


def _by_differentials(derivation: Derivation) -> list[str]:
    """Return the derivation of all gradients at once; cotangents have bars beside dZ."""
    made = cotangent_names(derivation.sections)
    taken = derivation.data.problem.taken
    writer = Writer(differentials=made, names=taken, cotangent="bar")
    steps = Steps.of(derivation.data.differentials, writer)
    lines = [styled("by differentials", "bold")]
    lines += [f"  {line}   {styled(why, 'dim')}" for line, why in steps.lines()]
    name = derivation.problem.objective_name
    results = derivation.data.values()
    found = (_equation(name, writer(g.variable.expr), writer(g.expr)) for g in results)
    return [*lines, *(styled(f"  {line}", "cyan") for line in found), ""]


def _entries(derivation: Derivation) -> list[str]:
    """Return every entry at sizes of 2, as SymPy derives it."""
    found = entries_example(derivation.data)
    sizes = ", ".join(f"{n} = {k}" for n, k in found.sizes.items())
    problem = derivation.problem
    order = [*problem.variables, *problem.definitions, *problem.upstream]
    writer = EntryWriter(order={n: k for k, n in enumerate(order)})
    lines = [styled(f"every entry, for {sizes}" if sizes else "every entry", "bold")]
    for name, matrix in found.forward:
        lines += _matrix_lines(name, matrix, writer)
    for name, matrix in found.gradients:
        lines += _matrix_lines(f"∂{problem.objective_name}/∂{name}", matrix, writer)
        lines.append(styled(f"  = {derivation[name].unicode}", "cyan"))
    return [*lines, ""]


def _matrix_lines(name: str, matrix: Matrix, writer: EntryWriter) -> list[str]:
    rows, cols = len(matrix), len(matrix[0])
    lines = []
    for i, line in enumerate(matrix, 1):
        for j, x in enumerate(line, 1):
            place = (f"{i}" if rows > 1 else "") + (f"{j}" if cols > 1 else "")
            lines.append(f"  {name}{place.translate(_LOWERED)} = {unicode(writer(x))}")
    return lines


_LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def _objective(derivation: Derivation) -> str:
    problem, writer = derivation.problem, derivation.data.writer
    name = problem.objective_name
    if problem.objective.is_loss:
        given = ", ".join(f"{g} = ∂{name}/∂{_argument(derivation, g)}" for g in problem.upstream)
        return f"{unicode(writer(problem.objective))} with {given}"
    return unicode(row(writer.name(name), EQUALS, writer(problem.objective)))


def _argument(derivation: Derivation, given: str) -> str:
    argument = derivation.problem.upstream[given]
    written = unicode(derivation.data.writer(argument))
    return written if argument.is_symbol else f"({written})"


def _section(derivation: Derivation, section: Section) -> list[str]:
    name = derivation.problem.objective_name
    made = cotangent_names(derivation.sections)
    writer = Writer(differentials=made, names=derivation.data.problem.taken)
    title = _equation(name, writer(section.target), writer(section.result))
    shape = describe(section.target.shape).replace(" x ", " × ")
    lines = [styled(title, "cyan", "bold") + f"    {shape}"]
    result = derivation.get(str(section.target.data)) if section.target.is_variable else None
    if result is not None:
        lines.append(styled(f"  {result.text}", "dim"))
    if result is not None and result.data.words:
        lines.append(f"  this gradient {result.data.words}")
    known = derivation.data.repeats.get(section.target)
    steps = section.steps if known is None else known.shown
    lines += [f"  {line}   {styled(why, 'dim')}" for line, why in Steps.of(steps, writer).lines()]
    if known is not None:
        model = f"∂{name}/∂{unicode(writer(known.model.target))}"
        swaps = (
            f"{unicode(writer(b))} for {unicode(writer(a))}" for a, b in known.renaming.changes
        )
        sizes = (f"{b} for {a}" for a, b in known.renaming.sizes.items() if a != b)
        lines.append(f"      as {model}, with {', '.join([*swaps, *sizes])}")
    return [*lines, ""]


def _cost_lines(derivation: Derivation) -> list[str]:
    """Return a table for a network, else one line; none where flops depend on the values."""
    try:
        costs = derivation.costs()
    except MissingRuleError:
        return []
    ratio = f"; ratio {costs.ratio} at leading order" if costs.ratio is not None else ""
    if len(derivation.problem.definitions) <= _FEW:
        return [f"flops: forward {costs.forward}; backward {costs.backward}{ratio}"]
    return ["flops", *(f"  {line}" for line in str(costs).splitlines()), f"  backward{ratio[1:]}"]


def _cost_data(derivation: Derivation) -> dict[str, object] | None:
    """Return every row with its flops; None where they depend on the values."""
    try:
        costs = derivation.costs()
    except MissingRuleError:
        return None
    return {
        "rows": [
            {
                "name": r.name,
                "part": r.part,
                "shape": [str(d) for d in r.shape],
                "flops": str(r.flops),
            }
            for r in costs.rows
        ],
        "forward": str(costs.forward),
        "backward": str(costs.backward),
        "ratio": str(costs.ratio) if costs.ratio is not None else None,
    }


def jacobian_data(jacobian: Jacobian) -> dict[str, object]:
    """Return a Jacobian or Hessian as plain data."""
    return {
        "text": jacobian.text,
        "latex": jacobian.latex,
        "index_form": jacobian.index_form,
        "shape": [str(d) for d in jacobian.shape],
        "layout": jacobian.layout,
        "steps": [s.as_dict() for s in jacobian.steps],
        "certificate": jacobian.verify().as_dict(),
    }


def jacobian_lines(jacobian: Jacobian, style: str = "index") -> list[str]:
    """Return a Jacobian or Hessian as it is printed: notation, text, an entry, a product.

    Its steps by differentials and its entries at sizes of 2 follow in the styles that have them.
    """
    of, is_hessian = jacobian.problem.objective_name, jacobian.data.is_hessian
    names = jacobian.data.variables
    under = f"∂{names[0]}²" if is_hessian and len(names) == 1 else "∂" + "∂".join(names)
    head = f"∂²{of}/{under}" if is_hessian else f"∂{jacobian.data.value_name}/{under}"
    title = f"{head} = {jacobian.unicode}"
    shape = describe(jacobian.shape).replace(" x ", " × ")
    lines = [styled(title, "cyan", "bold") + f"    {shape}"]
    lines.append(styled(f"  {jacobian.text}", "dim"))
    value, by = jacobian.data.ends
    at = f"[{', '.join((*value, *by))}]" if (*value, *by) else ""
    entry = Writer(names=jacobian.problem.taken)(jacobian.data.index_expr)
    lines.append(f"  entry{at}: {unicode(entry)}")
    lines.append(f"  {jacobian.layout} layout, matrices column by column (vec)")
    if is_hessian and jacobian.data.variable.shape != SCALAR:
        product = jacobian.data.direction_product()
        lines.append(f"  times {text(product.direction)}: {product.text}")
    lines += _matrix_differentials(jacobian) if style in ("differential", "all") else []
    lines += _matrix_entries(jacobian, head) if style in ("entries", "all") else []
    return [*lines, ""]


def _matrix_differentials(jacobian: Jacobian) -> list[str]:
    data = jacobian.data
    if data.not_identified:
        return [f"  not by differentials: {data.not_identified}"]
    steps = Steps.of(data.identified.steps, Writer(names=jacobian.problem.taken))
    found = [f"  {line}   {styled(why, 'dim')}" for line, why in steps.lines()]
    return [styled("  by differentials", "bold"), *found]


def _matrix_entries(jacobian: Jacobian, head: str) -> list[str]:
    found = matrix_example(jacobian.data)
    if found.missing:
        return [f"  no entries: {found.missing}"]
    sizes = ", ".join(f"{n} = {k}" for n, k in found.sizes.items())
    title = f"  every entry, for {sizes}" if sizes else "  every entry"
    lines = [styled(title, "bold")]
    order = {n: k for k, n in enumerate(jacobian.problem.taken)}
    writer = EntryWriter(order=order)
    for name, matrix in (*found.names, (jacobian.data.value_name, found.value)):
        lines += _matrix_lines(name, matrix, writer)
    return [*lines, *_matrix_lines(f"({head})", found.matrix, writer)]


def checked_line(certificate: Certificate) -> str:
    """Return how something was checked."""
    return "checked: " + "; ".join(certificate.lines() + certificate.backend_lines())


def _inferred_note(problem: Problem) -> str:
    """Return how undeclared names were read, or nothing."""
    found = [f"{v.name}: {v.declared}" for v in problem.variables.values() if v.inferred]
    return "; ".join(found)


def reading_notes(problem: Problem) -> list[str]:
    """Return how the declared properties were read, and where a reading is to be looked at."""
    variables = problem.variables.values()
    read = [f"{v.name} {reading}" for v in variables for reading in readings(v)]
    lines = [f"read as  {'; '.join(read)}"] if read else []
    for v in variables:
        along = crosswise(problem.objective, v)
        if along is not None:
            lines.append(f"note: {text(along)} {CROSSWISE} {v.name}, declare {in_columns(v)}")
    return lines


def _equation(name: str, variable: Math, value: Math) -> str:
    """Return ``∂L/∂W = value`` on one line."""
    left = fraction_of_partials(Writer().name(name), variable)
    return unicode(row(left, EQUALS, value))
