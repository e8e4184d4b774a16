"""``symderiv check``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import click

from ..claims import Checker, Counterexample, Verdict, about_text
from ..claims.verdict import RIGHT
from ..errors import InputError
from ..evidence import describe_verdict
from ..language import ClaimText
from .common import json_option, problem_options, read_problem


@click.command(name="check", short_help="Check a claimed gradient.")
@click.argument("problem", metavar='PROBLEM.toml | NAME | "EXPR"')
@problem_options
@click.option("--wrt", metavar="W", help="The variable that the claim is about.")
@click.option(
    "--claim",
    "lines",
    multiple=True,
    metavar="FORMULA | @FILE",
    help="The claimed derivative, in the language; a chain: several times, or the lines of a file.",
)
@click.option("--about", metavar='"dL/dW[p, q]"', help='Instead of --wrt: an entry, or "equal".')
@click.option("--order", type=click.IntRange(1, 2), default=1, help="2: the claim is the Hessian.")
@json_option
def command(
    problem: str,
    variables: tuple[str, ...],
    upstream: str | None,
    syntax: str,
    wrt: str | None,
    lines: tuple[str, ...],
    about: str | None,
    order: int,
    as_json: bool,
) -> None:
    """Say whether a claim is right; if not, what went wrong, and what is right.

    A problem file brings its own claims; otherwise give --wrt and --claim. Exit code 0: all
    claims are right; 1: one is not; 2: something could not be read.

    \b
    symderiv check linear-layer
    symderiv check "L(X @ W + ones(n) @ b.T)" --wrt W --claim "X.T @ G"
    symderiv check "A @ sin(x)" --wrt x --claim "A @ diag(cos(x))"
    symderiv check "x.T @ A @ x" --wrt x --claim "2 * x.T @ A" --claim "2 * A @ x"
    """
    read = read_problem(problem, variables, upstream, syntax)
    claims = list(read.claims)
    if lines:
        if wrt is None and about is None:
            raise InputError("--claim needs --wrt", remedy="name the variable: --wrt W")
        if about is not None and order == 2:
            raise InputError("--about says the order itself", remedy='--about "d2L/dw2"')
        says = tuple(says for line in lines for says in _written(line))
        claims = [ClaimText(about or about_text(read, str(wrt), order), says, syntax=syntax)]
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


def _written(claim: str) -> list[str]:
    """Return a claim, or the lines of a file of claims without blank ones and comments."""
    if not claim.startswith("@"):
        return [claim]
    path = Path(claim[1:])
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {error}", remedy="--claim @lines.txt") from None
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    if not any(lines):
        raise InputError(f"{path} holds no line", remedy="write one formula on each line")
    return [line for line in lines if line]


def report(v: Verdict) -> list[str]:
    """Return a verdict for the terminal."""
    says = "  =  ".join(v.claim.says)
    head = v.claim.question or (v.claim.about if v.is_chain else f"{v.claim.about} = {says}")
    colour = "green" if v.verdict == RIGHT else "red"
    lines = [click.style(head, bold=True)]
    if v.is_chain:
        lines += _chain(v)
    elif v.claim.question:
        lines.append(f"  {v.claim.about}: {says}")
    lines.append(f"  {click.style(v.answer, fg=colour, bold=True)} {v.diagnosis.replace('`', '')}")
    if v.marked is not None:
        parts = [click.style(t, fg="red") if wrong else t for t, wrong in v.marked.parts()]
        lines += [f"  wrong: {''.join(parts)}", f"         {v.marked.carets}"]
    if v.verdict != RIGHT and v.correction:
        what = f"{v.corrects} = " if v.corrects else ""
        *local, right = v.correction.split("; ")
        lines.append(f"  right: {what}{right}" + "".join(f", with {x}" for x in local))
    if v.holds:
        lines.append(f"  in part: {v.holds}")
    if v.counterexample is not None and v.verdict != RIGHT:
        lines += _counterexample(v.counterexample)
    return [*lines, click.style(f"  {v.evidence}", dim=True), ""]


def _chain(v: Verdict) -> list[str]:
    """Return the lines of a chain, each with what became of it."""
    found: list[str] = []
    width = max(len(x.status) for x in v.lines)
    for line in v.lines:
        right = line.status in ("holds", "recovers", "defines")
        status = click.style(f"{line.status:<{width}}", fg="green" if right else "red")
        found.append(f"  {line.number:>3}  {status}  {line.text}")
        if line.place is not None:
            found += [f"  {' ' * width}   {under}" for under in line.place.render().split("\n")]
    return found


def _counterexample(c: Counterexample) -> list[str]:
    at = [f"{n} = {k}" for n, k in (*c.sizes.items(), *c.indices.items())]
    values = [f"{n} = {_matrix(cells)}" for n, cells in c.values.items()]
    return [
        f"  counterexample: {'; '.join(', '.join(x) for x in (at, values) if x)}",
        f"    claimed {_matrix(c.claimed_cells)}, right {_matrix(c.right_cells)}",
    ]


def _matrix(cells: Sequence[Any]) -> str:
    """Return cells on one line: rows apart by semicolons, the matrices of a tensor in brackets."""
    if any(isinstance(row[0], list) for row in cells):
        return f"[{' '.join(map(_matrix, cells))}]"
    if len(cells) == 1 and len(cells[0]) == 1:
        return _number(cells[0][0])
    return "[" + "; ".join(" ".join(map(_number, r)) for r in cells) + "]"


def _number(x: Any) -> str:
    """Return a number: a fraction exactly, anything else to 6 digits."""
    return str(x) if isinstance(x, int | Fraction) else f"{float(x):.6g}"
