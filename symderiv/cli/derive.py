"""``symderiv derive`` takes a problem and prints its gradients, or writes documents and code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click

from ..api import Problem, called, derive, jacobian, read, stack, with_other_names
from ..core.errors import InputError
from ..core.telling import tell
from ..results.derivation_lines import (
    checked_line,
    derivation_data,
    derivation_lines,
    jacobian_data,
    jacobian_lines,
)
from ..results.derived import AMBIENT, CONVENTIONS
from ..results.outputs import (
    CHOICES,
    COTANGENTS,
    DIALECTS,
    FORMATS,
    LEMMAS,
    SECTIONS,
    STYLES,
    Manner,
)
from ..results.second_order import LAYOUTS
from .common import (
    ProblemSource,
    jobs_option,
    json_option,
    note_unused,
    output_options,
    problem_options,
    refuse_idle,
)
from .progress import quiet_option, shown
from .terminal import note, say, say_data

_OF_FILES = tuple(
    "formats force pdf_engine markdown section_level color lemmas cotangent exercise".split()
)


class Destination(NamedTuple):
    """Where files are written, if anywhere, and which."""

    folder: Path | None
    formats: list[str]
    printing: dict[str, Any]  # the engine of the PDF, the dialect of Markdown, the LaTeX to paste
    force: bool

    def without_graph(self, why: str) -> Destination:
        """Return the same without the picture of the computation, which is said."""
        if self.folder is None or "svg" not in self.formats:
            return self
        rest = [f for f in self.formats if f != "svg"]
        if not rest:
            raise InputError(f"no graph.svg: {why}", remedy="choose another --format")
        note(f"no graph.svg: {why}")
        return self._replace(formats=rest)


@click.command(name="derive", short_help="Derive gradients.")
@click.argument("problem", metavar='PROBLEM.toml | NAME | "EXPR"', type=ProblemSource())
@problem_options
@click.option("--wrt", metavar="W,b", help="Variables whose gradients are derived; default: all.")
@click.option(
    "--style",
    type=click.Choice(STYLES),
    default=Manner.style,
    show_default=True,
    help="index: entry by entry, for every n and d; differential: by dL and inner products; "
    "entries: written out for 2 x 2; all: all three.",
)
@click.option(
    "--lemmas",
    type=click.Choice(LEMMAS),
    default=Manner.lemmas,
    show_default=True,
    help="How much a document says of the derivatives of functions such as softmax.",
)
@click.option(
    "--cotangent",
    type=click.Choice(COTANGENTS),
    default=Manner.cotangent,
    show_default=True,
    help="How a document writes the cotangent of Z.",
)
@click.option("--exercise", is_flag=True, help="Lines to fill in first, then the solution.")
@click.option(
    "--order",
    type=click.IntRange(1, 2),
    help="2: the Hessians too, the mixed ones and their code; default: what the problem asks for.",
)
@click.option("--blocks", type=click.IntRange(1), metavar="K", help="Stack K copies of the block.")
@click.option(
    "--jacobian", "wants_jacobian", is_flag=True, help="The Jacobian of a vector or a matrix."
)
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
    help="What the gradient of a symmetric, skew, diagonal or triangular variable means.",
)
@click.option("--name", help="What the problem is called, and its module.")
@click.option(
    "--rename", multiple=True, metavar="W=weight", help="Another name for a variable, a definition."
)
@click.option("--title", help="What stands at the head of its documents.")
@output_options(
    CHOICES,
    FORMATS,
    "Write files into a folder; svg: the graph; torch, jax: code for them, and a test.",
)
@click.option(
    "--pdf-engine",
    type=click.Choice(["typst", "latexmk"]),
    default="typst",
    show_default=True,
    help="What makes the PDF.",
)
@click.option(
    "--markdown",
    type=click.Choice(DIALECTS),
    default=DIALECTS[0],
    show_default=True,
    help="Who reads derivation.md: GitHub, a notebook, or Pandoc, KaTeX and MathJax alike.",
)
@click.option(
    "--section-level",
    type=click.IntRange(SECTIONS[0], SECTIONS[-1]),
    default=1,
    show_default=True,
    help="Of the title of derivation-body.tex: 1 section, 2 subsection, ..; 0 words in bold.",
)
@click.option(
    "--tex-color",
    "color",
    is_flag=True,
    help="Colours in derivation-body.tex; it needs xcolor then.",
)
@jobs_option("2: checks side by side.")
@quiet_option
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    problem: str,
    variables: tuple[str, ...],
    upstream: str | None,
    syntax: str,
    wrt: str | None,
    style: str,
    lemmas: str,
    cotangent: str,
    exercise: bool,
    order: int | None,
    blocks: int | None,
    wants_jacobian: bool,
    layout: str | None,
    structured: str,
    name: str | None,
    rename: tuple[str, ...],
    title: str | None,
    output: Path | None,
    formats: list[str],
    force: bool,
    pdf_engine: str,
    markdown: str,
    section_level: int,
    color: bool,
    jobs: int,
    quiet: bool,
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
    if output is None:
        refuse_idle(ctx, "-o FOLDER", _OF_FILES)
    posed = _posed(problem, (variables, upstream, syntax), blocks, name, title)
    posed = with_other_names(posed, rename) if rename else posed
    level = {"section": section_level, "color": color}
    printing = {"engine": pdf_engine, "markdown": markdown, **level}
    into = Destination(output, formats, printing, force)
    if wants_jacobian:
        _refuse_of_gradients(exercise=exercise, cotangent=cotangent)
        told = {"style": style, "lemmas": lemmas}
        _print_jacobians(posed, wrt, layout or LAYOUTS[0], into, told, quiet, as_json)
        return
    if layout is not None:
        raise InputError(
            "a gradient has the shape of its variable",
            remedy="--layout goes with --jacobian; transpose a gradient for the other layout",
        )
    if not posed.definitions:
        into = into.without_graph("nothing is defined by name, as in H = X @ W; sum(H)")
    with shown(quiet):
        tell("deriving")
        derivation = derive(posed, wrt or None, structured=structured, order=order)
        derivation.require_checkable()
        lines = [] if as_json else derivation_lines(derivation, style)
    for line in lines:
        say(line)
    with shown(quiet):
        derivation.verify(jobs=jobs)
        manner = {"style": style, "lemmas": lemmas, "cotangent": cotangent, "exercise": exercise}
        paths = _written(derivation, into, **manner)
    if as_json:
        say_data(derivation_data(derivation))
        return
    say(checked_line(derivation.verify()))
    for path in paths:
        say(f"wrote {path}")


def _posed(
    source: str,
    reading: tuple[Sequence[str], str | None, str],
    blocks: int | None,
    name: str | None,
    title: str | None,
) -> Problem:
    """Return the problem that is asked about; what was declared in vain is said."""
    posed = read(source, *reading)
    note_unused(reading[0], posed.text)
    return called(posed if blocks is None else stack(posed, blocks), name, title)


def _written(result: Any, into: Destination, **manner: Any) -> list[Path]:
    """Write a result where that is asked for; return the files."""
    if into.folder is None:
        return []
    paths: list[Path] = result.write(
        into.folder, into.formats, force=into.force, **into.printing, **manner
    )
    return paths


def _refuse_of_gradients(*, exercise: bool, cotangent: str) -> None:
    """Refuse what the document of a Jacobian has no place for."""
    if exercise or cotangent != Manner.cotangent:
        raise InputError(
            "a Jacobian has no cotangents, and no exercise is made of it",
            remedy="leave out --exercise and --cotangent, or derive the gradient of a scalar",
        )


def _print_jacobians(
    problem: Problem,
    wrt: str | None,
    layout: str,
    into: Destination,
    manner: dict[str, str],
    quiet: bool,
    as_json: bool,
) -> None:
    """Print the Jacobians of a problem by the variables that were asked for; write one."""
    wanted = [w.strip() for w in wrt.split(",")] if wrt else list(problem.wrt)
    if into.folder is not None and len(wanted) != 1:
        raise InputError(
            "a folder holds one Jacobian", remedy=f"name the variable: --wrt {wanted[0]}"
        )
    into = into.without_graph("a Jacobian has none")
    found = [jacobian(problem, name, layout=layout) for name in wanted]
    with shown(quiet):
        for j in found:
            tell(f"checking the Jacobian with respect to {j.name}")
            j.verify()
        paths = _written(found[0], into, **manner)
    if as_json:
        data = {j.name: jacobian_data(j) for j in found}
        say_data({"problem": problem.text, "jacobians": data})
        return
    for j in found:
        for line in jacobian_lines(j, manner["style"]):
            say(line)
        say(checked_line(j.verify()))
    for path in paths:
        say(f"wrote {path}")
