"""Printing of Jacobians and Hessians."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from ..core.errors import InputError
from ..core.shapes import describe
from ..notation.unicode import unicode
from ..ops.text import text
from ..ops.written import Writer
from ..problems import Problem
from ..results.second_order import Jacobian, jacobian_by
from .terminal import say, say_data


def print_jacobians(
    problem: Problem,
    names: Sequence[str] | None,
    layout: str,
    output: Path | None,
    formats: Sequence[str],
    engine: str,
    as_json: bool,
) -> None:
    """Print the Jacobians of a problem by the variables that were asked for; write one."""
    wanted = list(names or problem.wrt)
    if output is not None and len(wanted) != 1:
        raise InputError(
            "a folder holds one Jacobian", remedy=f"name the variable: --wrt {wanted[0]}"
        )
    found = [jacobian_by(problem, name, layout) for name in wanted]
    checked = [j.verify() for j in found]
    paths = found[0].write(output, formats, engine=engine) if output is not None else []
    if as_json:
        data = {j.name: jacobian_data(j) for j in found}
        say_data({"problem": problem.text, "jacobians": data})
        return
    for j, certificate in zip(found, checked, strict=True):
        for line in jacobian_lines(j):
            say(line)
        say("checked: " + "; ".join(certificate.lines() + certificate.backend_lines()))
    for path in paths:
        say(f"wrote {path}")


def jacobian_data(jacobian: Jacobian) -> dict[str, object]:
    """Return a Jacobian or Hessian as plain data."""
    return {
        "text": jacobian.text,
        "latex": jacobian.latex,
        "index_form": jacobian.index_form,
        "shape": [str(d) for d in jacobian.shape],
        "layout": jacobian.layout,
        "steps": [
            {"before": text(s.before), "after": text(s.after), "law": s.law} for s in jacobian.steps
        ],
        "certificate": jacobian.verify().as_dict(),
    }


def jacobian_lines(jacobian: Jacobian) -> list[str]:
    """Return a Jacobian or Hessian as it is printed: notation, text, an entry, a product."""
    of, by_name = jacobian.problem.objective_name, jacobian.name
    is_hessian = jacobian.kind == "hessian"
    head = f"∂²{of}/∂{by_name}²" if is_hessian else f"∂{jacobian.data.value_name}/∂{by_name}"
    title = f"{head} = {jacobian.unicode}"
    shape = describe(jacobian.shape).replace(" x ", " × ")
    lines = [click.style(title, bold=True, fg="cyan") + f"    {shape}"]
    lines.append(click.style(f"  {jacobian.text}", dim=True))
    value, by = jacobian.data.ends
    at = f"[{', '.join((*value, *by))}]" if (*value, *by) else ""
    lines.append(
        f"  entry{at}: {unicode(Writer(names=jacobian.data.taken)(jacobian.data.index_expr))}"
    )
    lines.append(f"  {jacobian.layout} layout, matrices column by column (vec)")
    if is_hessian and value:
        product = jacobian.data.direction_product()
        lines.append(f"  times {text(product.direction)}: {product.text}")
    return [*lines, ""]
