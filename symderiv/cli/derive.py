"""``symderiv derive``."""

from __future__ import annotations

from pathlib import Path

import click

from ..core.errors import InputError
from ..core.plaintext import on_one_line
from ..core.shapes import describe
from ..derivation.jacobians import LAYOUTS
from ..derivation.narration import Section, Step, cotangent_names
from ..derivation.structured import AMBIENT, CONVENTIONS
from ..documents.sympy_notation import EntryWriter, Matrix
from ..notation.math import EQUALS, row
from ..notation.unicode import unicode
from ..ops.text import text
from ..ops.written import Writer
from ..problems.stacking import stack
from ..results.derived import Derivation
from ..results.outputs import CHOICES, FORMATS, entries_example
from .common import (
    equation,
    inferred_note,
    json_option,
    problem_options,
    read_problem,
    reading_notes,
)
from .cost_lines import cost_data, cost_lines
from .matrix_reports import jacobian_data, jacobian_lines, print_jacobians
from .terminal import say, say_data


@click.command(name="derive", short_help="Derive gradients.")
@click.argument("problem", metavar='PROBLEM.toml | NAME | "EXPR"')
@problem_options
@click.option("--wrt", metavar="W,b", help="Variables to differentiate by; default: all.")
@click.option(
    "--style",
    type=click.Choice(["index", "entries", "all"]),
    default="index",
    show_default=True,
    help="index: for every n and d; entries: written out for 2 x 2; all: both.",
)
@click.option(
    "--order",
    type=click.IntRange(1, 2),
    help="2: the Hessians too; default: what the problem asks for.",
)
@click.option("--blocks", type=click.IntRange(1), metavar="K", help="Stack K copies of the block.")
@click.option("--jacobian", is_flag=True, help="The Jacobian of a vector or a matrix.")
@click.option(
    "--layout",
    type=click.Choice(LAYOUTS),
    help="Of a Jacobian: numerator (the default) has a row for every entry of the value.",
)
@click.option(
    "--structured",
    type=click.Choice(CONVENTIONS),
    default=AMBIENT,
    show_default=True,
    help="What a gradient by a symmetric, skew, diagonal or triangular variable means.",
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write files into a folder.")
@click.option(
    "--format",
    "formats",
    metavar=",".join(CHOICES),
    default=",".join(FORMATS),
    show_default=True,
    help="What to write with -o; svg: the computation graph.",
)
@click.option(
    "--pdf-engine",
    type=click.Choice(["typst", "latexmk"]),
    default="typst",
    show_default=True,
    help="What makes the PDF.",
)
@json_option
def command(
    problem: str,
    variables: tuple[str, ...],
    upstream: str | None,
    syntax: str,
    wrt: str | None,
    style: str,
    order: int | None,
    blocks: int | None,
    jacobian: bool,
    layout: str | None,
    structured: str,
    output: Path | None,
    formats: str,
    pdf_engine: str,
    as_json: bool,
) -> None:
    """Derive the gradients of a problem, check them, and print or write them.

    \b
    symderiv derive linear-layer --wrt W
    symderiv derive "0.5 * norm(X @ w - y)**2" --var "X: n, d" --var "w: d" --var "y: n" --wrt w
    symderiv derive linear-layer -o linear-layer --format md,tex,pdf,py
    symderiv derive "x * (A @ x)" --wrt x --jacobian
    symderiv derive encoder-block --blocks 4
    """
    chosen = [f.strip() for f in formats.split(",") if f.strip()]
    unknown = [f for f in chosen if f not in CHOICES]
    if unknown or not chosen:
        raise InputError(
            f"no format {(unknown or [formats])[0]!r}", remedy=f"there are: {', '.join(CHOICES)}"
        )
    names = [w.strip() for w in wrt.split(",")] if wrt else None
    posed = read_problem(problem, variables, upstream, syntax)
    posed = posed if blocks is None else stack(posed, blocks)
    if jacobian:
        kept = [f for f in chosen if f not in ("py", "svg")]
        print_jacobians(posed, names, layout or LAYOUTS[0], output, kept, pdf_engine, as_json)
        return
    if layout is not None:
        raise InputError(
            "a gradient has the shape of its variable",
            remedy="--layout goes with --jacobian; transpose a gradient for the other layout",
        )
    derivation = Derivation(posed, names, structured=structured, order=order)
    certificate = derivation.verify()
    paths = derivation.write(output, chosen, style=style, engine=pdf_engine) if output else []
    if as_json:
        say_data(_data(derivation))
        return
    for line in _report(derivation, style):
        say(line)
    for line in cost_lines(derivation):
        say(line)
    say("checked: " + "; ".join(certificate.lines() + certificate.backend_lines()))
    for path in paths:
        say(f"wrote {path}")


def _data(derivation: Derivation) -> dict[str, object]:
    found: dict[str, object] = {
        "problem": derivation.problem.text,
        "gradients": {
            n: {
                "text": r.text,
                "latex": r.latex,
                "index_form": r.index_form,
                "shape": [str(d) for d in r.variable.shape],
                "steps": [
                    {"before": text(s.before), "after": text(s.after), "law": s.law}
                    for s in r.steps
                ],
            }
            for n, r in derivation.items()
        },
        "costs": cost_data(derivation),
        "certificate": derivation.verify().as_dict(),
    }
    if derivation.hessians:
        found["hessians"] = {h.name: jacobian_data(h) for h in derivation.hessians}
    return found


def _report(derivation: Derivation, style: str) -> list[str]:
    problem = derivation.problem
    lines = [click.style(on_one_line(problem.title), bold=True), ""]
    note = inferred_note(problem)
    if note:
        lines += [f"undeclared names read as  {note}", ""]
    notes = reading_notes(problem)
    lines += [*notes, ""] if notes else []
    writer = derivation.data.writer
    for name, value in problem.definitions.items():
        lines.append(f"  {unicode(row(writer.name(name), EQUALS, writer(value)))}")
    lines.append(f"  {_objective(derivation)}")
    if problem.source:
        lines.append(click.style(f"  Source: {on_one_line(problem.source)}", dim=True))
    lines.append("")
    if style != "entries":
        for section in derivation.sections:
            lines += _section(derivation, section)
    for hessian in derivation.hessians:
        lines += jacobian_lines(hessian)
    return lines + (_entries(derivation) if style != "index" else [])


def _entries(derivation: Derivation) -> list[str]:
    """Return every entry at sizes of 2, as SymPy derives it."""
    found = entries_example(derivation.data)
    sizes = ", ".join(f"{n} = {k}" for n, k in found.sizes.items())
    problem = derivation.problem
    order = [*problem.variables, *problem.definitions, *problem.upstream]
    writer = EntryWriter(order={n: k for k, n in enumerate(order)})
    lines = [click.style(f"every entry, for {sizes}" if sizes else "every entry", bold=True)]
    for name, matrix in found.forward:
        lines += _matrix_lines(name, matrix, writer)
    for name, matrix in found.gradients:
        lines += _matrix_lines(f"∂{problem.objective_name}/∂{name}", matrix, writer)
        lines.append(click.style(f"  = {derivation[name].unicode}", fg="cyan"))
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
    if problem.objective.op == "loss":
        given = ", ".join(f"{g} = ∂{name}/∂{_argument(derivation, g)}" for g in problem.upstream)
        return f"{unicode(writer(problem.objective))} with {given}"
    return unicode(row(writer.name(name), EQUALS, writer(problem.objective)))


def _argument(derivation: Derivation, given: str) -> str:
    argument = derivation.problem.upstream[given]
    written = unicode(derivation.data.writer(argument))
    return written if argument.op in ("var", "named") else f"({written})"


def _section(derivation: Derivation, section: Section) -> list[str]:
    name = derivation.problem.objective_name
    made = cotangent_names(derivation.sections)
    writer = Writer(differentials=made, names=derivation.data.taken)
    title = equation(name, writer(section.target), writer(section.result))
    shape = describe(section.target.shape).replace(" x ", " × ")
    lines = [click.style(title, bold=True, fg="cyan") + f"    {shape}"]
    result = derivation.get(str(section.target.data)) if section.target.op == "var" else None
    if result is not None:
        lines.append(click.style(f"  {result.text}", dim=True))
    if result is not None and result.data.words:
        lines.append(f"  this gradient {result.data.words}")
    known = derivation.data.repeats.get(section.target)
    steps = section.steps if known is None else known.shown
    wide = [(_left(s, writer), unicode(writer(s.after)), _reason(s, writer)) for s in steps]
    left = max((len(w[0]) for w in wide), default=0)
    right = min(max((len(w[1]) for w in wide), default=0), 56)
    for k, (a, b, c) in enumerate(wide, 1):
        row_ = f"  {k:2}  {a.rjust(left)} = {b.ljust(right)}"
        lines.append(f"{row_}   {click.style(c, dim=True)}")
    if known is not None:
        model = f"∂{name}/∂{unicode(writer(known.model.target))}"
        swaps = (
            f"{unicode(writer(b))} for {unicode(writer(a))}" for a, b in known.renaming.changes
        )
        sizes = (f"{b} for {a}" for a, b in known.renaming.sizes.items() if a != b)
        lines.append(f"      as {model}, with {', '.join([*swaps, *sizes])}")
    return [*lines, ""]


def _left(step: Step, writer: Writer) -> str:
    return unicode(writer(step.before)) if step.opens else ""


def _reason(step: Step, writer: Writer) -> str:
    parts = (p if isinstance(p, str) else unicode(writer(p)) for p in step.reason)
    return "".join(parts)
