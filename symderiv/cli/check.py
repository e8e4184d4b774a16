"""``symderiv check`` takes claims, one or a sheet of them, and prints a verdict on each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from ..api import read
from ..core.errors import InputError
from ..core.telling import tell
from ..results import Answers, Asked, asked_about, asked_of, check_asked, is_sheet, judged
from ..results.answer_lines import answer_lines
from ..results.answers import CHOICES, FORMATS
from ..results.derivation_lines import reading_notes
from .common import (
    ProblemSource,
    json_option,
    note_unused,
    output_options,
    problem_options,
    refuse_idle,
)
from .progress import quiet_option, shown
from .terminal import say, say_data


@click.command(name="check", short_help="Check claimed derivatives.")
@click.argument(
    "problems", nargs=-1, required=True, metavar='FILE.. | NAME | "EXPR"', type=ProblemSource()
)
@problem_options
@click.option("--wrt", metavar="W", help="The variable that the claim is about.")
@click.option(
    "--claim",
    "lines",
    multiple=True,
    metavar="FORMULA | @FILE",
    help="The claimed derivative, in the language; a chain: several times, or the lines of a file.",
)
@click.option(
    "--claim-latex",
    metavar="LATEX | FILE.tex",
    help="The claim in LaTeX, or a file of it; a left-hand side can stand for --wrt.",
)
@click.option("--about", metavar='"dL/dW[p, q]"', help='Instead of --wrt: an entry, or "equal".')
@click.option("--order", type=click.IntRange(1, 2), default=1, help="2: the claim is the Hessian.")
@click.option("-j", "--jobs", type=click.IntRange(1), default=1, help="Claims side by side.")
@output_options(CHOICES, FORMATS, "Write a report there.")
@quiet_option
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    problems: tuple[str, ...],
    variables: tuple[str, ...],
    upstream: str | None,
    syntax: str,
    wrt: str | None,
    lines: tuple[str, ...],
    claim_latex: str | None,
    about: str | None,
    order: int,
    jobs: int,
    output: Path | None,
    formats: list[str],
    force: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Say whether a claim is right; if not, what went wrong, and what is right.

    A problem file brings its own claims; otherwise give --wrt and --claim. Files of claims about
    many problems (tables [[check]], or .jsonl) are answered in a table. Exit code 0: all claims
    are right; 1: one is not, or is not decided; 2: something could not be read.

    \b
    symderiv check linear-layer
    symderiv check "L(X @ W + ones(n) @ b.T)" --wrt W --claim "X.T @ G"
    symderiv check "A @ sin(x)" --wrt x --claim "A @ diag(cos(x))"
    symderiv check "x.T @ A @ x" --wrt x --claim "2 * x.T @ A" --claim "2 * A @ x"
    symderiv check linear-layer --claim-latex '\\frac{\\partial L}{\\partial W} = X^\\top G'
    symderiv check homework.toml --jobs 2 -o report
    """
    if output is None:
        refuse_idle(ctx, "-o FOLDER", ("formats", "force"))
    many = len(problems) > 1 or is_sheet(problems[0])
    notes: list[str] = []
    if many:
        _refuse_options(bool(variables or upstream or wrt or lines or claim_latex or about))
        asked = [a for source in problems for a in asked_of(source)]
    else:
        problem = read(problems[0], variables, upstream, syntax)
        notes = reading_notes(problem)
        _refuse_halves(wrt, lines, about, order, claim_latex)
        if claim_latex is None and not any(line.startswith("@") for line in lines):
            note_unused(variables, problem.text, *lines, about or "")
        if claim_latex is not None:
            lines, syntax = (claim_latex,), "latex"
        asked = (
            asked_about(problem, lines, wrt=wrt, about=about, order=order, syntax=syntax)
            if lines
            else asked_of(problem)
        )
    with shown(quiet):
        answers = Answers((judged(asked[0]),)) if len(asked) == 1 else _checked(asked, jobs)
        paths = answers.write(output, formats, force=force) if output is not None else []
    if as_json:
        say_data([a.data() for a in answers])
    else:
        for note in notes:
            say(note)
        for line in answer_lines(answers, many):
            say(line)
        for path in paths:
            say(f"wrote {path}")
    raise click.exceptions.Exit(answers.exit_code)


def _refuse_options(given: bool) -> None:
    if given:
        raise InputError(
            "files of claims say what they are about themselves",
            remedy="leave out --var, --upstream, --wrt, --about and --claim",
        )


def _refuse_halves(
    wrt: str | None, lines: Sequence[str], about: str | None, order: int, claim_latex: str | None
) -> None:
    """Refuse a claim that says not what it is about, and what is about no claim."""
    if lines and claim_latex is not None:
        raise InputError("--claim and --claim-latex are two claims", remedy="give one of them")
    named = wrt is not None or about is not None
    if named and not lines and claim_latex is None:
        raise InputError("--wrt needs --claim", remedy='write the formula: --claim "X.T @ G"')
    if lines and not named:
        raise InputError("--claim needs --wrt", remedy="name the variable: --wrt W")
    if lines and about is not None and order == 2:
        raise InputError("--about says the order itself", remedy='--about "d2L/dw2"')


def _checked(asked: Sequence[Asked], jobs: int) -> Answers:
    def progress(done: int, of: int) -> None:
        tell("the claims", done, of)

    return check_asked(asked, jobs=jobs, progress=progress)
