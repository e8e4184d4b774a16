"""``symderiv check``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from ..claims import about_text
from ..claims.latex_claims import stated
from ..claims.verdict import RIGHT
from ..core.errors import InputError
from ..problems import ClaimText, Problem
from ..problems.syntaxes import LATEX
from ..problems.toml_tables import read_text
from ..results import Answers, Asked, asked_of, check_asked, is_sheet, judged
from ..results.answers import FORMATS
from .common import json_option, problem_options, read_problem, reading_notes
from .reports import summary, told
from .terminal import has_colours, say, say_data

_SLOW = 4  # claims, from which on a bar shows how far it is


@click.command(name="check", short_help="Check claimed derivatives.")
@click.argument("problems", nargs=-1, required=True, metavar='FILE.. | NAME | "EXPR"')
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
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write a report there.")
@click.option(
    "--format",
    "formats",
    metavar=",".join(FORMATS),
    default=",".join(FORMATS),
    show_default=True,
    help="What to write with -o.",
)
@json_option
def command(
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
    formats: str,
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
    chosen = _formats(formats)
    many = len(problems) > 1 or is_sheet(problems[0])
    notes: list[str] = []
    if many:
        _refuse_options(bool(variables or upstream or wrt or lines or claim_latex or about))
        asked = [a for source in problems for a in asked_of(source)]
    else:
        read = read_problem(problems[0], variables, upstream, syntax)
        notes = reading_notes(read)
        claimed = _claimed(read, wrt, lines, about, order, syntax, claim_latex is not None)
        if claim_latex is not None:
            claimed = _claimed_in_latex(read, claim_latex, bool(lines), wrt, about, order)
        asked = [Asked(read.name, read, c) for c in claimed] or asked_of(read)
    answers = Answers((judged(asked[0]),)) if len(asked) == 1 else _checked(asked, jobs)
    paths = answers.write(output, chosen) if output is not None else []
    if as_json:
        say_data([a.data() for a in answers])
    else:
        for note in notes:
            say(note)
        _print(answers, many)
        for path in paths:
            say(f"wrote {path}")
    raise click.exceptions.Exit(answers.exit_code)


def _refuse_options(given: bool) -> None:
    if given:
        raise InputError(
            "files of claims say what they are about themselves",
            remedy="leave out --var, --upstream, --wrt, --about and --claim",
        )


def _claimed(
    read: Problem,
    wrt: str | None,
    lines: Sequence[str],
    about: str | None,
    order: int,
    syntax: str,
    elsewhere: bool,
) -> list[ClaimText]:
    """Return the claim of the command line, or none where the problem brings its own."""
    if not lines:
        if (wrt is not None or about is not None) and not elsewhere:
            raise InputError("--wrt needs --claim", remedy='write the formula: --claim "X.T @ G"')
        return []
    if wrt is None and about is None:
        raise InputError("--claim needs --wrt", remedy="name the variable: --wrt W")
    if about is not None and order == 2:
        raise InputError("--about says the order itself", remedy='--about "d2L/dw2"')
    says = tuple(says for line in lines for says in _written(line))
    return [ClaimText(about or about_text(read, str(wrt), order), says, syntax=syntax)]


def _claimed_in_latex(
    read: Problem, claim: str, both: bool, wrt: str | None, about: str | None, order: int
) -> list[ClaimText]:
    """Return the claims of a text in LaTeX, or of a file of it: @claim.tex, claim.tex."""
    if both:
        raise InputError("--claim and --claim-latex are two claims", remedy="give one of them")
    is_path = claim.startswith("@") or (claim.endswith(".tex") and "\n" not in claim)
    source = read_text(Path(claim.removeprefix("@"))) if is_path else claim
    asked = about or (about_text(read, wrt, order) if wrt is not None else "")
    return stated(read, ClaimText(asked, (source,), syntax=LATEX.name))


def _checked(asked: Sequence[Asked], jobs: int) -> Answers:
    """Return the answers, with a bar on a terminal where there are many."""
    hidden = len(asked) < _SLOW or not sys.stderr.isatty() or not has_colours()
    with click.progressbar(
        length=len(asked), label="checking", file=sys.stderr, hidden=hidden
    ) as b:
        return check_asked(asked, jobs=jobs, progress=lambda done, of: b.update(1))


def _print(answers: Answers, many: bool) -> None:
    """Print every answer in full, of many claims only those that are not right, then a table."""
    for answer in answers:
        if not many or answer.status != RIGHT:
            say("\n".join(told(answer)))
    if many:
        say("\n".join(summary(answers)))


def _formats(formats: str) -> list[str]:
    chosen = [f.strip() for f in formats.split(",") if f.strip()]
    unknown = [f for f in chosen if f not in FORMATS]
    if unknown or not chosen:
        raise InputError(
            f"no format {(unknown or [formats])[0]!r}", remedy=f"there are: {', '.join(FORMATS)}"
        )
    return chosen


def _written(claim: str) -> list[str]:
    """Return a claim, or the lines of a file of claims without blank ones and comments."""
    if not claim.startswith("@"):
        return [claim]
    path = Path(claim[1:])
    lines = [line.partition("#")[0].strip() for line in read_text(path).splitlines()]
    if not any(lines):
        raise InputError(f"{path} holds no line", remedy="write one formula on each line")
    return [line for line in lines if line]
