"""How a verdict reads at a prompt, as lines."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ..core.plaintext import on_one_line, styled
from ..ops.text import text

if TYPE_CHECKING:
    from .verdict import Counterexample, Verdict


def verdict_lines(v: Verdict) -> list[str]:
    """Return a verdict as it is printed."""
    says = "  =  ".join(v.claim.says)
    claimed = v.claim.about if v.is_chain else f"{v.claim.about} = {says}"
    head = on_one_line(v.claim.question) or claimed
    colour = "green" if v else "red"
    lines = [styled(head, "bold")]
    if v.is_chain:
        lines += _chain(v)
    elif v.claim.question:
        lines.append(f"  {v.claim.about}: {says}")
    if v.read_as and not v.is_chain:
        lines.append(f"  read as: {v.read_as}")
    lines.append(f"  {styled(v.answer, colour, 'bold')} {v.diagnosis.replace('`', '')}")
    if v.marked is not None:
        parts = [styled(t, "red") if wrong else t for t, wrong in v.marked.parts()]
        lines += [f"  wrong: {''.join(parts)}", f"         {v.marked.carets}"]
    if v.correction and not v:
        what = f"{v.corrects} = " if v.corrects else ""
        *local, right = v.correction.split("; ")
        lines.append(f"  right: {what}{right}" + "".join(f", with {x}" for x in local))
    if v.holds:
        lines.append(f"  in part: {v.holds}")
    if v.counterexample is not None and not v:
        lines += _counterexample(v.counterexample)
    return [*lines, *(styled(f"  {x}", "dim") for x in v.checked), ""]


def _chain(v: Verdict) -> list[str]:
    """Return the lines of a chain, each with what became of it."""
    found: list[str] = []
    width = max(len(x.status) for x in v.lines)
    for line in v.lines:
        right = line.status in ("holds", "recovers", "defines")
        status = styled(f"{line.status:<{width}}", "green" if right else "red")
        found.append(f"  {line.number:>3}  {status}  {line.text}")
        if line.place is not None:
            found += [f"  {' ' * width}   {under}" for under in line.place.render().split("\n")]
    return found


def _counterexample(c: Counterexample) -> list[str]:
    at = [f"{n} = {k}" for n, k in (*c.sizes.items(), *c.indices.items())]
    values = [f"{n} = {_matrix(cells)}" for n, cells in c.values.items()]
    values += [f"{text(e)} = {_matrix(cells)}" for e, cells in c.chosen]
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
