"""What the left-hand side of an equation is about: a gradient, a differential, or an entry.

Contract: returns it as claims say it (``dL/dW[p, q]``), or None for a side that is a formula. What
is differentiated is the objective, by its letter or written out, which is checked elsewhere.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace

from ...core.errors import LanguageError
from .gradients import by_what, find, is_two_digits
from .laid_out import Fraction, Group, Item, RowLayout, Scripted, Symbol, bare, is_letter_d, is_sign
from .meaning import LatexReader, Meaning
from .parser import parse_row
from .scripts import is_transpose
from .symbol_names import SymbolNames, label_of, merged, spellings, unknown, written_of


@dataclass(frozen=True, slots=True)
class Subject:
    """What a left-hand side is about."""

    about: str = ""  # "" for the derivative by what is not said
    of: str = ""  # what is differentiated, where it is written out
    is_map: bool = False  # D f and ∂f/∂xᵀ: of a scalar function, a row
    is_differential: bool = False  # dL = .., of which the gradient is a factor


VALUE = "y"  # what a function is called that is not a scalar
_OBJECTIVES = ("L", "l", "ell", "J", "f", "F", "E", "C", "Loss", "loss", "cost")


def subject(
    reader: LatexReader, variables: tuple[str, ...], objective: str, matrices: tuple[str, ...] = ()
) -> Subject | None:
    """Return what a side is about, None for a formula; raises LanguageError.

    ``matrices`` are the variables of two indices: 11 is the first entry of one.
    """
    side = _LeftHandSide(reader, variables, objective, matrices)
    row = parse_row(reader.text)
    return side.without_name(row) or side.by_name(row)


class _LeftHandSide(Meaning):
    """Reads one side; what a derivative is by is read as any symbol, among the variables."""

    def __init__(
        self,
        reader: LatexReader,
        variables: tuple[str, ...],
        objective: str,
        matrices: tuple[str, ...],
    ) -> None:
        super().__init__(reader)
        self.variables = Meaning(reader, SymbolNames(variables, (), (), ()))
        self.objective, self.matrices = objective, matrices

    def _transposed(self, at: Item) -> LanguageError:
        message = "a claim is about a gradient, not about its transpose"
        return self.fail(message, at, "transpose both sides")

    # ∂L/∂W, ∇_W L, dW

    def by_name(self, row: RowLayout) -> Subject | None:
        """Return the forms that say by what they are a derivative."""
        items, outer = _opened(row)
        first = items[0] if items else None
        if isinstance(first, Group) and not first.kind and len(first.body.items) == 1:
            items = (first.body.items[0], *items[1:])  # {\partial \over \partial X}
        if not items:
            return None
        found = find(items, 0, self.is_value)
        if found is None:
            return self._differential(items)
        of = found.of
        if _is_open(items[0]):
            of = items[1:]
        elif not all(isinstance(x, Group) for x in items[found.stop :]):
            return None
        elif found.sups:
            raise self._transposed(row)
        by, is_map = _upright(found.by)
        written = self._formula(of)
        name, indices = self._variable(by)
        if is_map and name in self.matrices:
            raise self._transposed(row)
        if outer is not None and not indices:
            indices = self._plain(self.indices(outer), outer)
        return Subject(self._about(name, indices), written, is_map)

    def _about(self, name: str, indices: list[ast.expr]) -> str:
        if name in self.matrices and len(indices) == 1 and is_two_digits(indices[0]):
            at = ", ".join(ast.unparse(indices[0]))
        else:
            at = ", ".join(map(ast.unparse, indices))
        return f"d{self.objective}/d{name}[{at}]" if at else f"d{self.objective}/d{name}"

    def _differential(self, items: tuple[Item, ...]) -> Subject | None:
        """Return what ``dW`` is about: the name that code gives to a gradient."""
        if len(items) < 2 or not is_letter_d(items[0]):
            return None
        base, by = merged(items).base, items[1:]
        if not isinstance(base, Symbol) or self.is_value(base):
            return None
        if not by_what(self.variables, by) and not by_what(self.variables, [merged(by).base]):
            return None
        return Subject(self._about(*self._variable(by)))

    # what it is by

    def _variable(self, by: tuple[Item, ...]) -> tuple[str, list[ast.expr]]:
        """Return the name that a derivative is by, with the indices at it."""
        item, symbols = merged(by), self.variables
        place = RowLayout(by[0].start, by[-1].stop, ())
        base, sub = item.base, item.sub
        if any(is_transpose(bare(s)) for s in item.sups):
            raise self._transposed(place)
        found = by_what(symbols, by)
        if found and found[-1][1] and not found[0][1]:
            raise self.fail(
                f"this can be {found[0][0].id}, or an entry of {found[-1][0].id}",
                place,
                f"write --wrt {found[0][0].id} without a left-hand side",
            )
        if found:
            return found[0][0].id, self._plain(found[0][1], sub or place)
        if sub is not None and by_what(symbols, [base]):
            self._plain(None, sub)
        if not isinstance(base, Symbol):
            raise self.fail("this is no variable", place, "a gradient is with respect to one name")
        written = written_of(base) + (label_of(sub) or "")
        raise unknown(self.text, symbols.names, place, written)

    def _plain(self, indices: list[ast.expr] | None, at: Item) -> list[ast.expr]:
        """Return indices that are letters and numbers; raises ParseError for others."""
        if indices is None or not all(isinstance(x, ast.Name | ast.Constant) for x in indices):
            raise self.fail(
                "a claim is about a gradient or an entry of it",
                at,
                r"write \frac{\partial L}{\partial W_{pq}}",
            )
        return indices

    # forms that do not say by what

    def without_name(self, row: RowLayout) -> Subject | None:
        """Return the forms that do not say by what, or by an index: ∇f, f', Df, grad f, f_x, df."""
        if not row.items:
            return None
        first, rest = row.items[0], row.items[1:]
        base, sub = first.base, first.sub
        if is_sign(first, "nabla") and self.objective == VALUE:
            raise self.fail(
                "the gradient of what is no scalar can be the Jacobian or its transpose",
                first,
                r"write Df, or \frac{\partial f}{\partial x}, for the Jacobian",
            )
        if is_sign(first, "nabla"):
            return Subject(of=self._formula(rest))
        if not sub and _is_prime(first):
            if isinstance(base, Group) and not rest:
                return Subject(of=self.source(base))
            return Subject() if self._is_objective((base, *rest)) else None
        # dL is a differential also where d is a size; a value called d is that value.
        is_d = is_letter_d(base)
        kinds = self.names.values if is_d and rest else self.names.readable
        if not isinstance(base, Symbol) or self.names.of(spellings(base), kinds):
            return None
        varied = base.name == "delta" and base.greek
        if (varied or is_d) and rest and first is base:
            return self._differential_of(rest)
        return self._by_letter(base, sub, rest)

    def _by_letter(
        self, base: Symbol, sub: RowLayout | None, rest: tuple[Item, ...]
    ) -> Subject | None:
        """Return a derivative that begins with a letter, which may have an index it is by."""
        ways = [] if sub is None else by_what(self.variables, bare(sub))
        by = ways[0][0].id if len(ways) == 1 and not ways[0][1] else ""
        about = f"d{self.objective}/d{by}" if by else ""
        if base.accent == "dot" and self._is_objective((replace(base, accent=""), *rest)):
            return Subject()
        if base.name == "grad" and rest:
            return Subject(about, self._formula(rest))
        if base.name == "D" and rest and (sub is None or about):
            return Subject(about, self._formula(rest), True)
        if base.name == "J" and sub is not None and self._is_objective(bare(sub)):
            return Subject(is_map=True)
        if base.name == "J" and self.objective == VALUE and (sub is None or about):
            return Subject(about, is_map=True)
        if sub is not None and about and self._is_objective((base, *rest)):
            return Subject(about)
        return None

    def _differential_of(self, rest: tuple[Item, ...]) -> Subject | None:
        """Return the differential of the objective, by its letter or written out in parentheses."""
        if self._is_objective(rest):
            return Subject(is_differential=True)
        first = rest[0]
        grouped = len(rest) == 1 and isinstance(first, Group) and first.kind in (")", "]")
        if grouped or (isinstance(first, Symbol) and first.word):  # d(..), d log det X
            return Subject(of=self.source(first, rest[-1]), is_differential=True)
        return None

    def _is_objective(self, of: tuple[Item, ...]) -> bool:
        """Whether this is the letter of the objective, which can be called: f(x)."""
        if not of or not isinstance(of[0], Symbol):
            return False
        if len(of) != 1 and not (len(of) == 2 and isinstance(of[1], Group)):
            return False
        spelled, names = spellings(of[0]), self.names
        if self.objective in spelled:
            return True
        taken = (*names.values, *names.sizes, *names.entrywise)
        return bool(set(spelled) & set(_OBJECTIVES)) and not names.of(spelled, taken)

    def _formula(self, of: tuple[Item, ...]) -> str:
        """Return what is differentiated, where it is not the letter of the objective."""
        return "" if not of or self._is_objective(of) else self.source(of[0], of[-1])


def _upright(by: tuple[Item, ...]) -> tuple[tuple[Item, ...], bool]:
    """Return what a derivative is by without its transpose, and whether it had one: ∂/∂xᵀ."""
    item = by[0]
    if len(by) != 1 or not isinstance(item, Scripted) or not item.sups:
        return by, False
    if not is_transpose(bare(item.sups[0])):
        return by, False
    return (replace(item, sups=item.sups[1:]),), True


def _is_open(item: Item) -> bool:
    """Whether a sign of a derivative stands before what it is of: ∂/∂x, ∇_x."""
    if isinstance(item, Fraction):
        return len(item.over.items) == 1
    return item is not item.base and is_sign(item.base, "nabla", "partial")


def _is_prime(item: Item) -> bool:
    return len(item.sups) == 1 and all(is_sign(x, "prime") for x in bare(item.sups[0]))


def _opened(row: RowLayout) -> tuple[tuple[Item, ...], RowLayout | None]:
    """Return the items of a side without parentheses around all, and the indices behind these."""
    items, outer = row.items, None
    while len(items) == 1:
        item = items[0]
        if isinstance(item, Scripted) and isinstance(item.base, Group) and not item.sups:
            outer, items = item.sub, item.base.body.items
        elif isinstance(item, Group) and item.kind in ("", ")", "]"):
            items = item.body.items
        else:
            break
    return items, outer
