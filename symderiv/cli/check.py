"""``symderiv check``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import click

from ..claims import Checker, Counterexample, Verdict
from ..claims.stated import stated
from ..claims.verdict import RIGHT
from ..errors import InputError
from ..evidence import describe_verdict
from ..language import ClaimText
from ..language.syntaxes import LATEX
from .common import json_option, problem_options, read_problem


@click.command(name="check", short_help="Check a claimed gradient.")
@click.argument("problem", metavar='PROBLEM.toml | NAME | "EXPR"')
@problem_options
@click.option("--wrt", metavar="W", help="The variable that the claim is about.")
@click.option("--claim", metavar="FORMULA", help="The claimed gradient, in the language.")
@click.option(
    "--claim-latex",
    metavar="LATEX | FILE.tex",
    help="The claim in LaTeX, or a file of it; a left-hand side can stand for --wrt.",
)
@click.option("--about", metavar='"dL/dW[p, q]"', help="Instead of --wrt: an entry.")
@json_option
def command(
    problem: str,
    variables: tuple[str, ...],
    upstream: str | None,
    syntax: str,
    wrt: str | None,
    claim: str | None,
    claim_latex: str | None,
    about: str | None,
    as_json: bool,
) -> None:
    """Say whether a claim is right; if not, what went wrong, and what is right.

    A problem file brings its own claims; otherwise give --wrt and --claim. Exit code 0: all
    claims are right; 1: one is not; 2: something could not be read.

    \b
    symderiv check linear-layer
    symderiv check "L(X @ W + ones(n) @ b.T)" --wrt W --claim "X.T @ G"
    symderiv check linear-layer --claim-latex '\\frac{\\partial L}{\\partial W} = X^\\top G'
    symderiv check linear-layer --claim-latex @claim.tex
    """
    read = read_problem(problem, variables, upstream, syntax)
    claims = [s for c in read.claims for s in stated(read, c)]
    asked = about or (f"d{read.objective_name}/d{wrt}" if wrt is not None else "")
    if claim is not None and claim_latex is not None:
        raise InputError("--claim and --claim-latex are two claims", remedy="give one of them")
    if claim_latex is not None:
        written = ClaimText(asked, (latex_source(claim_latex),), syntax=LATEX.name)
        claims = stated(read, written)
    elif claim is not None:
        if not asked:
            raise InputError("--claim needs --wrt", remedy="name the variable: --wrt W")
        claims = [ClaimText(asked, (claim,), syntax=syntax)]
    elif asked:
        raise InputError("--wrt needs --claim", remedy='write the formula: --claim "X.T @ G"')
    if not claims:
        raise InputError("there is no claim to check", remedy='give one: --wrt W --claim "X.T @ G"')
    checker = Checker(read)
    verdicts = [checker.check(c) for c in claims]
    if as_json:
        click.echo(json.dumps([describe_verdict(v) for v in verdicts], indent=2))
    else:
        for verdict in verdicts:
            click.echo("\n".join(report(verdict)))
    raise click.exceptions.Exit(0 if all(v.verdict == RIGHT for v in verdicts) else 1)


def latex_source(text: str) -> str:
    """Return a claim in LaTeX, or what is in the file that is named: @claim.tex, claim.tex."""
    is_path = text.startswith("@") or (text.endswith(".tex") and "\n" not in text)
    if not is_path:
        return text
    path = Path(text.removeprefix("@"))
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8 text") from None


def report(v: Verdict) -> list[str]:
    """Return a verdict for the terminal."""
    says = "  =  ".join(v.claim.says)
    head = v.claim.question or f"{v.claim.about} = {says}"
    colour = "green" if v.verdict == RIGHT else "red"
    lines = [click.style(head, bold=True)]
    if v.claim.question:
        lines.append(f"  {v.claim.about}: {says}")
    if v.read_as:
        lines.append(f"  read as: {v.read_as}")
    lines.append(f"  {click.style(v.answer, fg=colour, bold=True)} {v.diagnosis.replace('`', '')}")
    if v.verdict != RIGHT and v.correction:
        what = f"{v.corrects} = " if v.corrects else ""
        lines.append(f"  right: {what}{v.correction}")
    if v.counterexample is not None and v.verdict != RIGHT:
        lines += _counterexample(v.counterexample)
    return [*lines, click.style(f"  {v.evidence}", dim=True), ""]


def _counterexample(c: Counterexample) -> list[str]:
    at = [f"{n} = {k}" for n, k in (*c.sizes.items(), *c.indices.items())]
    values = [f"{n} = {_matrix(cells)}" for n, cells in c.values.items()]
    return [
        f"  counterexample: {', '.join(at)}; {', '.join(values)}",
        f"    claimed {_matrix(c.claimed_cells)}, right {_matrix(c.right_cells)}",
    ]


def _matrix(cells: Sequence[Sequence[object]]) -> str:
    if len(cells) == 1 and len(cells[0]) == 1:
        return str(cells[0][0])
    return "[" + "; ".join(" ".join(str(x) for x in r) for r in cells) + "]"
