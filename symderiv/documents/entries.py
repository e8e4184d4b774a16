"""Every entry at a small size: the forward pass, what one entry moves, the gradient.

Contract: arranges matrices that SymPy computed; groups their terms by the summed index.
"""

from __future__ import annotations

from collections.abc import Mapping

import sympy

from ..expr import Expr
from ..notation.math import (
    EQUALS,
    TRANSPOSE,
    Brace,
    Fence,
    Grid,
    Math,
    Num,
    Op,
    Script,
    Sym,
    Tint,
    fraction_of_partials,
    row,
    sup,
)
from .examples import ExplicitExample
from .model import Block, Display, Heading, Inline, Kept, Legend, Paragraph, Piece, Toned
from .scribe import Scribe
from .sympy_notation import EntryWriter, Matrix
from .theme import COLOR_WORDS, SLICES
from .widths import width

_WIDE = 34.0  # em: a grid wider than this is written entry by entry
_LONGEST = 90.0  # em: an entry longer than this is left out
_SLICES_SHOWN = 6


class EntriesWriter:
    """Builds the section on explicit entries from what was injected."""

    def __init__(self, scribe: Scribe, example: ExplicitExample) -> None:
        self.scribe, self.example = scribe, example
        self.marked: Mapping[str, int] = {}

    def blocks(self, number: str) -> list[Block]:
        """Return the section: forward pass, slices and gradient of each variable."""
        sizes = row(*_sizes(self.example.sizes))
        found: list[Block] = [Heading(("Every entry, for ", sizes), number)]
        for k, (name, matrix) in enumerate(self.example.gradients):
            found += self._variable(name, matrix, forward=k == 0)
        return found

    def _variable(self, name: str, matrix: Matrix, *, forward: bool) -> list[Block]:
        section = self.scribe.section(name)
        axes = self.scribe.axes(section)
        order = {n: k for k, n in enumerate(_order(section.result))}
        writer = EntryWriter(axes, order)
        found: list[Block] = []
        colored = {n: a for n, a in axes.items() if n in self.example.symbols}
        if colored and colored != self.marked:
            found.append(Legend(self._legend(colored, section.summed[0][0])))
            self.marked = colored
        if forward:
            found += self._forward(writer)
        found += self._slices(name, writer)
        found += self._gradient(name, matrix, writer)
        return found

    def _legend(self, axes: Mapping[str, int], index: str) -> Inline:
        """Return what each colour marks, in words."""
        text: list[Piece] = ["Colours follow the summed index ", Sym(index), ", in "]
        for k, (name, axis) in enumerate(axes.items()):
            place = "row" if axis == 0 else "column"
            joint = "" if not k else " and " if k == len(axes) - 1 else ", "
            text += [f"{joint}the {place} of ", self.scribe.name(name)]
        dim = self.example.symbols[next(iter(axes))]
        count = len(dim) if next(iter(axes.values())) == 0 else len(dim[0])
        text.append(": ")
        for k in range(min(count, len(SLICES))):
            role = SLICES[k]
            text += [", " if k else "", Toned(role, f"{k + 1} in {COLOR_WORDS[role]}")]
        return (*text, ".")

    def _forward(self, writer: EntryWriter) -> list[Block]:
        found: list[Block] = []
        for name, matrix in self.example.forward:
            shown = self._shown(self.scribe.name(name), Sym(name), matrix, writer)
            if shown is not None:
                found.append(Kept((Paragraph(("The entries of ", self.scribe.name(name), ":")),
                                   Display(shown))))
        return found

    def _slices(self, name: str, writer: EntryWriter) -> list[Block]:
        found: list[Block] = []
        for of in dict.fromkeys(s.of for s in self.example.slices if s.by == name):
            mine = [s for s in self.example.slices if s.by == name and s.of == of]
            if len(mine) > _SLICES_SHOWN or all(_is_zero(s.matrix) for s in mine):
                continue
            items = tuple(
                row(
                    fraction_of_partials(
                        self.scribe.name(of), self._at(name, s.place, mine[-1].place)
                    ),
                    EQUALS,
                    writer.grid(s.matrix),
                )
                for s in mine
            )
            if max(map(width, items)) > _WIDE:
                continue
            lead: Inline = ("What each entry of ", self.scribe.name(name), " moves in ",
                            self.scribe.name(of), ":")
            found.append(Kept((Paragraph(lead), Display(items))))
        return found

    def _at(self, name: str, place: tuple[int, ...], last: tuple[int, ...]) -> Math:
        """Return W_pq; a vector has one index."""
        shape = self.scribe.known[name].shape
        kept = [k for k, d in zip(place, shape, strict=False) if str(d) != "1"]
        return Script(Sym(name), sub=row(*(Num(str(k)) for k in kept))) if kept else Sym(name)

    def _gradient(self, name: str, matrix: Matrix, writer: EntryWriter) -> list[Block]:
        variable = self.scribe.derivation[name].variable
        head = self.scribe.gradient(variable.expr)
        shown = self._shown(head, None, matrix, writer)
        if shown is None:
            lead: Inline = ("The entries of ", self.scribe.gradient_inline(variable.expr),
                            " are longer than two lines each and left out; the index form has"
                            " them all.")
            return [Paragraph(lead)]
        lead = ("The gradient, entry by entry as SymPy differentiates it:",)
        product = self._product(name, writer)
        if product is not None and len(shown) == 1:
            shown = (row(shown[0], EQUALS, product),)
        blocks: list[Block] = [Kept((Paragraph(lead), Display(shown)))]
        return [*blocks, *self._split(name, matrix, writer)]

    def _product(self, name: str, writer: EntryWriter) -> Math | None:
        """Return the factors of the result as grids of symbols, and the result itself."""
        result = self.scribe.section(name).result
        if result.op != "matmul":
            return None
        grids: list[Math] = []
        for factor in result.args:
            leaf = factor.args[0] if factor.op == "transpose" else factor
            matrix = self.example.symbols.get(str(leaf.data))
            if leaf.op not in ("var", "named") or matrix is None:
                return None
            turned = list(zip(*matrix, strict=True)) if factor.op == "transpose" else matrix
            grids.append(writer.grid(turned))
        return row(*grids, EQUALS, self.scribe.write(result))

    def _split(self, name: str, matrix: Matrix, writer: EntryWriter) -> list[Block]:
        """Return the gradient as a sum over the slices, where it is one."""
        sums = self.scribe.row_sum(self.scribe.section(name))
        if sums is None or len(sums.terms) < 2:
            return []
        count = len(self.example.symbols.get(sums.terms[0][0], ()))
        if not 2 <= count <= len(SLICES):
            return []
        parts: list[Math] = []
        for k in range(1, count + 1):
            grid = _slice(matrix, k, writer)
            if grid is None:
                return []
            factors = [self.scribe.row_symbol(m, x, Num(str(k))) for m, x in sums.terms]
            factors = [_plain(f) for f in factors]
            label = Tint(SLICES[k - 1], row(factors[0], *(sup(f, TRANSPOSE) for f in factors[1:])))
            parts += [Op("+")] if parts else []
            parts.append(Brace(grid, label))
        head = self.scribe.gradient(self.scribe.derivation[name].variable.expr)
        shown = row(head, EQUALS, *parts, EQUALS, sums.form)
        lead: Inline = ("The same, split by row:",)
        return [Kept((Paragraph(lead), Display((shown,))))]

    def _shown(
        self, head: Math, base: Math | None, matrix: Matrix, writer: EntryWriter
    ) -> tuple[Math, ...] | None:
        """Return a matrix as a grid, or entry by entry where that is wide; None if too long."""
        grid = writer.grid(matrix)
        if max(width(c) for line in grid.rows for c in line) > _LONGEST:
            return None
        if width(grid) <= _WIDE:
            return (row(head, EQUALS, grid),)
        stem = base if base is not None else head
        return tuple(
            row(_indexed(stem, i, j, len(grid.rows), len(line)), EQUALS, cell)
            for i, line in enumerate(grid.rows, start=1)
            for j, cell in enumerate(line, start=1)
        )


def _indexed(stem: Math, i: int, j: int, rows: int, cols: int) -> Math:
    marks = [Num(str(k)) for k, n in ((i, rows), (j, cols)) if n > 1]
    base = stem if isinstance(stem, Sym) else Fence("(", stem, ")")
    return Script(base, sub=row(*marks)) if marks else stem


def _plain(symbol: Math) -> Math:
    return symbol.body if isinstance(symbol, Tint) else symbol


def _slice(matrix: Matrix, value: int, writer: EntryWriter) -> Grid | None:
    """Return the terms in which the summed index has a value; None if some term has none."""
    lines = []
    for line in matrix:
        cells = []
        for x in line:
            terms = writer.terms(x)
            if None in terms:
                return None
            cells.append(writer(sympy.Add(*terms.get(value, []))))
        lines.append(tuple(cells))
    return Grid(tuple(lines))


def _sizes(sizes: Mapping[str, int]) -> list[Math]:
    """Return n = d = m = 2, or n = 2, d = 3."""
    values = set(sizes.values())
    parts: list[Math] = []
    for k, (name, value) in enumerate(sizes.items()):
        if len(values) == 1:
            parts += [Sym(name), EQUALS]
        else:
            parts += [*([Op(",")] if k else []), Sym(name), EQUALS, Num(str(value))]
    return [*parts, Num(str(values.pop()))] if len(values) == 1 else parts


def _order(x: Expr) -> list[str]:
    """Return the names in a result in the order in which they are written."""
    if x.op in ("var", "named"):
        return [str(x.data)]
    return list(dict.fromkeys(n for a in x.args for n in _order(a)))


def _is_zero(matrix: Matrix) -> bool:
    return all(x == 0 for line in matrix for x in line)
