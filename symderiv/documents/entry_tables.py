"""Every entry at a small size: the forward pass, what one entry moves, the gradient.

Contract: arranges matrices that SymPy computed; groups their terms by the summed index.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ..core.expr import Expr
from ..core.later import sympy
from ..notation.math import (
    EQUALS,
    TRANSPOSE,
    Brace,
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
from .led import led
from .model import Block, Display, Heading, Inline, Legend, Paragraph, Piece, Toned
from .symbols_shown import Scribe, mentioned
from .sympy_notation import EntryWriter, Matrix
from .theme import COLOR_WORDS, SLICES
from .widths import width

_WIDE = 34.0  # em: a grid wider than this is written entry by entry
_LONGEST = 34.0  # em: an entry longer than this is left out
_PARAGRAPH = 200.0  # em: the longest entry that is written over several lines, alone
_BESIDE = 18.0  # em: the same where another derivation has it
_LISTED = 12  # entries written one by one
_SLICES_SHOWN = 6
_SLICE = 18.0  # em: the widest grid of a slice


class EntriesWriter:
    """Builds the section on explicit entries from what was injected."""

    def __init__(self, scribe: Scribe, example: ExplicitExample, *, whole: bool = False) -> None:
        self.scribe, self.example = scribe, example
        self.whole = whole  # whether the entries are the derivation, and not beside one
        self.marked: Mapping[str, int] = {}
        self.told: set[str] = set()  # values whose entries were printed

    def blocks(self, next_number: Callable[[], str]) -> list[Block]:
        """Return the section: forward pass, slices and gradient of each variable.

        There is none beside another derivation where no gradient is short enough to print.
        """
        gradients = self.example.gradients
        parts: dict[str, list[Block]] = {}
        for name, matrix in gradients:
            mine = self._variable(name, matrix)
            if mine:
                parts[name] = mine
        left = [name for name, _ in gradients if name not in parts]
        if not parts and not self.whole:
            return []
        number = next_number()
        sizes = self.example.sizes
        title: Inline = ("Every entry",)
        if sizes:
            title = (*title, ", for ", row(*sizes_shown(sizes)))
        found: list[Block] = [Heading(title, number)]
        for name, mine in parts.items():
            if len(gradients) > 1:
                of = self.scribe.gradient_inline(self.scribe.known[name])
                count = sum(isinstance(b, Heading) for b in found)
                found.append(Heading((of,), f"{number}.{count}", level=2))
            found += mine
        return [*found, *self._left(left)]

    def _left(self, names: Sequence[str]) -> list[Block]:
        """Return which gradients have no entry that is short enough to print."""
        if not names:
            return []
        lead: list[Piece] = ["The entries of "]
        for k, name in enumerate(names):
            joint = "" if not k else " and " if k == len(names) - 1 else ", "
            lead += [joint, self.scribe.gradient_inline(self.scribe.known[name])]
        where = "formula above" if self.whole else "index form"
        lead.append(f" are too long to print; the {where} has them all.")
        return [Paragraph(tuple(lead))]

    def _variable(self, name: str, matrix: Matrix) -> list[Block]:
        section = self.scribe.section(name)
        axes = self.scribe.axes(section)
        order = {n: k for k, n in enumerate(_order(section.result))}
        writer = EntryWriter(axes, order)
        gradient = self._gradient(name, matrix, writer)
        if not gradient and not self.whole:
            return []
        found = self._forward(name, writer)
        found += [*self._slices(name, writer), *gradient]
        colored = {n: a for n, a in axes.items() if n in self.example.symbols}
        if not found or not colored or colored == self.marked:
            return found
        self.marked = colored
        return [Legend(self._legend(colored, section.summed[0][0])), *found]

    def _legend(self, axes: Mapping[str, int], index: str) -> Inline:
        """Return what each colour marks, in words."""
        text: list[Piece] = ["Coloured by the summed index ", Sym(index), ", "]
        for k, (name, axis) in enumerate(axes.items()):
            joint = "" if not k else " and " if k == len(axes) - 1 else ", "
            same = k and axis == list(axes.values())[k - 1]
            place = "" if same else "the row of " if axis == 0 else "the column of "
            text += [f"{joint}{place}", self.scribe.name(name)]
        name, axis = next(iter(axes.items()))
        matrix = self.example.symbols[name]
        text.append(": ")
        for k in range(min(len(matrix) if axis == 0 else len(matrix[0]), len(SLICES))):
            role = SLICES[k]
            value = Tint(role, row(Sym(index), EQUALS, Num(str(k + 1))))
            text += [", " if k else "", value, " ", Toned(role, COLOR_WORDS[role])]
        return (*text, ".")

    def _forward(self, by: str, writer: EntryWriter) -> list[Block]:
        """Return the entries of the values that a variable enters, each once."""
        defined = self.scribe.problem.definitions
        entered = {n for n, x in defined.items() if by in mentioned(x)}
        found: list[Block] = []
        for name, matrix in self.example.forward:
            if name in self.told or not (self.whole or name in entered):
                continue
            self.told.add(name)
            shown = self._shown(self.scribe.name(name), name, matrix, writer)
            if shown is not None:
                found.append(led(("The entries of ", self.scribe.name(name), ":"), Display(shown)))
        return found

    def _slices(self, name: str, writer: EntryWriter) -> list[Block]:
        found: list[Block] = []
        for of in dict.fromkeys(s.of for s in self.example.slices if s.by == name):
            mine = [s for s in self.example.slices if s.by == name and s.of == of]
            if len(mine) > _SLICES_SHOWN or all(_is_zero(s.matrix) for s in mine):
                continue
            items = tuple(
                row(
                    fraction_of_partials(self.scribe.name(of), self._at(name, s.place)),
                    EQUALS,
                    writer.grid(s.matrix),
                )
                for s in mine
            )
            if max(map(width, items)) > _SLICE:
                continue
            lead: Inline = (
                "What each entry of ",
                self.scribe.name(name),
                " moves in ",
                self.scribe.name(of),
                ":",
            )
            found.append(led(lead, Display(items)))
        return found

    def _at(self, name: str, place: tuple[int, ...]) -> Math:
        """Return W_pq; a vector has one index."""
        shape = self.scribe.known[name].shape
        kept = [k for k, d in zip(place, shape, strict=False) if str(d) != "1"]
        return Script(Sym(name), sub=row(*(Num(str(k)) for k in kept))) if kept else Sym(name)

    def _gradient(self, name: str, matrix: Matrix, writer: EntryWriter) -> list[Block]:
        head = self.scribe.gradient(self.scribe.known[name])
        shown = self._shown(head, name, matrix, writer, gradient=True)
        if shown is None:
            return self._first_entry(name, matrix, writer) if self.whole else []
        lead: Inline = ("The gradient, as SymPy finds it:",)
        product = self._product(name, writer)
        if product is not None and len(shown) == 1:
            shown = (row(shown[0], EQUALS, product),)
        blocks: list[Block] = [led(lead, Display(shown))]
        return [*blocks, *self._split(name, matrix, writer)]

    def _first_entry(self, name: str, matrix: Matrix, writer: EntryWriter) -> list[Block]:
        """Return one entry of a gradient that is too long to be shown whole; none without end."""
        places = [(i, j) for i, line in enumerate(matrix, 1) for j, _ in enumerate(line, 1)]
        entries = {at: writer(matrix[at[0] - 1][at[1] - 1]) for at in places}
        kept = [at for at in places if matrix[at[0] - 1][at[1] - 1] != 0]
        if not kept:
            return []
        least = min(kept, key=lambda at: width(entries[at]))  # the first of equal ones
        if width(entries[least]) > _PARAGRAPH:
            return []
        symbol = self._at(name, least)
        shown = row(fraction_of_partials(self.scribe.loss, symbol), EQUALS, entries[least])
        lead: Inline = ("One entry of the gradient, as SymPy finds it:",)
        found: list[Block] = [led(lead, Display((shown,)))]
        if len(kept) > 1:
            of = self.scribe.gradient_inline(self.scribe.known[name])
            rest: Inline = (
                "The other entries of ",
                of,
                " are as long and are left out; SymPy found them all, and each was compared with "
                "the matrix form ",
                row(of, EQUALS, self.scribe.write(self.scribe.section(name).result)),
                ".",
            )
            found.append(Paragraph(rest))
        return found

    def _product(self, name: str, writer: EntryWriter) -> Math | None:
        """Return the factors of the result as grids of symbols, and the result itself."""
        result = self.scribe.section(name).result
        if not result.is_matrix_product:
            return None
        grids: list[Math] = []
        for factor in result.args:
            leaf = factor.args[0] if factor.is_transpose else factor
            matrix = self.example.symbols.get(str(leaf.data))
            if not leaf.is_symbol or matrix is None:
                return None
            turned = list(zip(*matrix, strict=True)) if factor.is_transpose else matrix
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
        lead: list[Piece] = ["The same, split by row"]
        for m, x in sums.terms if self.scribe.tabled else ():  # else the table of symbols says so
            letter = sup(_plain(self.scribe.row_symbol(m, x, Sym(sums.index))), TRANSPOSE)
            lead += [", ", letter, " that of ", self.scribe.name(m)]
        lead.append(":")
        return [led(tuple(lead), Display((shown,)))]

    def _shown(
        self, head: Math, name: str, matrix: Matrix, writer: EntryWriter, *, gradient: bool = False
    ) -> tuple[Math, ...] | None:
        """Return a matrix as a grid, or entry by entry where that is wide; None if too long."""
        grid = writer.grid(matrix)
        if len(matrix) == len(matrix[0]) == 1 and width(grid) <= _WIDE:
            return (row(head, EQUALS, grid.rows[0][0]),)
        longest = max(width(c) for line in grid.rows for c in line)
        if longest > (_LONGEST if self.whole else _BESIDE):
            return None
        if width(grid) <= _WIDE:
            return (row(head, EQUALS, grid),)
        if not self.whole or len(grid.rows) * len(grid.rows[0]) > _LISTED:
            return None
        found = []
        for i, line in enumerate(grid.rows, start=1):
            for j, cell in enumerate(line, start=1):
                at = self._at(name, (i, j))
                left = fraction_of_partials(self.scribe.loss, at) if gradient else at
                found.append(row(left, EQUALS, cell))
        return tuple(found)


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


def sizes_shown(sizes: Mapping[str, int]) -> list[Math]:
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
    if x.is_symbol:
        return [str(x.data)]
    return list(dict.fromkeys(n for a in x.args for n in _order(a)))


def _is_zero(matrix: Matrix) -> bool:
    return all(x == 0 for line in matrix for x in line)
