"""``symderiv check``."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click

from ..claims import Checker, Counterexample, Verdict
from ..claims.verdict import RIGHT
from ..errors import InputError
from ..evidence import describe_verdict
from ..language import ClaimText
from .common import json_option, problem_options, read_problem


@click.command(name="check", short_help="Check a claimed gradient.")
@click.argument("problem", metavar='PROBLEM.toml | NAME | "EXPR"')
@problem_options
@click.option("--wrt", metavar="W", help="The variable that the claim is about.")
@click.option("--claim", metavar="FORMULA", help="The claimed gradient, in the language.")
@click.option("--about", metavar='"dL/dW[p, q]"', help="Instead of --wrt: an entry.")
@json_option
def command(
    problem: str,
    variables: tuple[str, ...],
    upstream: str | None,
    syntax: str,
    wrt: str | None,
    claim: str | None,
    about: str | None,
    as_json: bool,
) -> None:
    """Say whether a claim is right; if not, what went wrong, and what is right.

    A problem file brings its own claims; otherwise give --wrt and --claim. Exit code 0: all
    claims are right; 1: one is not, or is not decided; 2: something could not be read.

    \b
    symderiv check linear-layer
    symderiv check "L(X @ W + ones(n) @ b.T)" --wrt W --claim "X.T @ G"
    """
    read = read_problem(problem, variables, upstream, syntax)
    claims = list(read.claims)
    if claim is not None:
        if wrt is None and about is None:
            raise InputError("--claim needs --wrt", remedy="name the variable: --wrt W")
        claims = [ClaimText(about or f"d{read.objective_name}/d{wrt}", (claim,), syntax=syntax)]
    elif wrt is not None or about is not None:
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


def report(v: Verdict) -> list[str]:
    """Return a verdict for the terminal."""
    says = "  =  ".join(v.claim.says)
    head = v.claim.question or f"{v.claim.about} = {says}"
    colour = "green" if v.verdict == RIGHT else "red"
    lines = [click.style(head, bold=True)]
    if v.claim.question:
        lines.append(f"  {v.claim.about}: {says}")
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
