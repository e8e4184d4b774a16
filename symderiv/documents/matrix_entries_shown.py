"""Every entry of a Jacobian or a Hessian at a small size, as SymPy found it.

Contract: arranges matrices that were computed and checked elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..core.expr import Expr, named
from ..notation.math import EQUALS, Fence, Math, Num, Sym, Tint, row, sub
from .entry_tables import sizes_shown
from .led import led
from .model import Block, Display, Inline, Paragraph
from .symbols_shown import Scribe
from .sympy_notation import EntryWriter, Matrix
from .widths import width

_WIDE = 34.0  # em: a grid wider than this is written entry by entry
_LONGEST = 40.0  # em: an entry longer than this is left out
_LISTED = 16  # entries written one by one


@dataclass(frozen=True, slots=True)
class MatrixExample:
    """A Jacobian or a Hessian at one choice of sizes; ``missing`` says why it is not there."""

    sizes: Mapping[str, int]
    names: tuple[tuple[str, Matrix], ...] = ()
    value: Matrix = ()
    matrix: Matrix = ()
    missing: str = ""


def entries_blocks(
    scribe: Scribe,
    example: MatrixExample,
    symbols: tuple[Math, Math],
    of: Math,
    names: Mapping[str, Expr],
) -> list[Block]:
    """Return the entries of the names and of the value ``of``, then those of its derivative.

    ``symbols`` are what the derivative is called on lines of its own, and within a line;
    ``names`` are the names that the entries are written in, with what they stand for.
    """
    if example.missing:
        return [Paragraph((f"Its entries are not written out: {example.missing}.",))]
    writer = EntryWriter(order={n: k for k, n in enumerate(scribe.problem.taken)})
    found: list[Block] = []
    known = ((scribe.write(named(n, names[n])), m) for n, m in example.names)
    for symbol, matrix in (*known, (of, example.value)):
        shown = _shown((symbol, symbol), matrix, writer)
        if shown is not None:
            found.append(led(("The entries of ", symbol, ":"), Display(shown)))
    shown = _shown(symbols, example.matrix, writer)
    if shown is None:
        long: Inline = ("The entries of ", symbols[1], " are too long to print; the formula below")
        return [*found, Paragraph((*long, " has them all."))]
    return [*found, led((symbols[1], ", as SymPy finds it:"), Display(shown))]


def _shown(
    symbols: tuple[Math, Math], matrix: Matrix, writer: EntryWriter
) -> tuple[Math, ...] | None:
    """Return a matrix as a grid, or entry by entry where that is wide; None if too long."""
    grid = writer.grid(matrix)
    whole, inline = symbols
    if len(grid.rows) == len(grid.rows[0]) == 1:
        (cell,) = grid.rows[0]
        return (row(whole, EQUALS, cell),) if width(cell) < _LONGEST else None
    if width(grid) <= _WIDE:
        return (row(whole, EQUALS, grid),)
    cells = [c for line in grid.rows for c in line]
    if max(map(width, cells)) > _LONGEST or len(cells) > _LISTED:
        return None
    places = [
        ([i] if len(grid.rows) > 1 else []) + ([j] if len(line) > 1 else [])
        for i, line in enumerate(grid.rows, 1)
        for j, _ in enumerate(line, 1)
    ]
    name = inline if isinstance(inline, Sym | Tint) else Fence("(", inline, ")")
    return tuple(
        row(sub(name, row(*(Num(str(k)) for k in place))) if place else name, EQUALS, cell)
        for place, cell in zip(places, cells, strict=True)
    )


def entries_title(example: MatrixExample) -> Inline:
    """Return the title of the entries, with the sizes at which they are."""
    if not example.sizes:
        return ("Every entry",)
    return ("Every entry, for ", row(*sizes_shown(example.sizes)))
