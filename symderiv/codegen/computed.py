"""Which form of an expression is computed: a stable one, defined wherever its value is.

Contract: the code of a gradient computes what is printed. It goes by the gradients of named
intermediates, as the derivation does, unless these divide where the printed form does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ..core.expr import Expr, walk
from ..derivation.derivations import DerivedGradients
from ..derivation.narration import Section
from ..ops import TABLE
from .guarded_branches import Guarded
from .numpy_code import is_number
from .powers import is_shifted
from .regular import regular
from .stable import Stable


class Computed:
    """Rewrites what is printed into what is computed."""

    def __init__(self) -> None:
        self.stable = Stable()
        self.guarded = Guarded(self.stable.seen)

    def value(self, x: Expr) -> Expr:
        """Return the form in which a value of the forward pass is computed."""
        return self.guarded(self.stable(x))

    def gradient(self, x: Expr) -> Expr:
        """Return the form in which a gradient is computed."""
        return self.guarded(regular(self.stable(x), self.stable.seen))

    def objective(self, derivation: DerivedGradients) -> Expr:
        """Return the objective in names of the derivation, or as written where that is safer."""
        staged, written = derivation.staged_objective, derivation.problem.objective
        if staged is not written:
            counts = [len(singular(self.stable(x), self.stable.seen)) for x in (written, staged)]
            staged = written if counts[0] < counts[1] else staged
        return self.value(staged)

    def results(self, derivation: DerivedGradients) -> list[tuple[Section, Expr]]:
        """Return the sections whose gradients are computed, each with the form of it.

        Those of named intermediates that no later one needs are left out.
        """
        found: list[tuple[Section, Expr]] = []
        wanted: set[str] = set()
        for s in reversed(derivation.sections):
            given = s.given
            if given is None:
                result = self._chosen(s, derivation)
            elif given.is_name and given is not s.result and str(given.data) in wanted:
                result = self.gradient(s.result)
            else:
                continue
            wanted.update(_names([result]))
            found.append((s, result))
        return found[::-1]

    def _chosen(self, section: Section, derivation: DerivedGradients) -> Expr:
        """Return the gradient by way of names, or the printed one where that is safer."""
        printed, staged = derivation[str(section.target.data)].expr, section.result
        if derivation.is_network or printed is staged:
            return self.gradient(staged)
        divides_less = len(singular(printed)) < len(singular(staged))
        if divides_less or self._undefined(printed) < self._undefined(staged):
            return self.gradient(printed)
        return self.gradient(staged)

    def _undefined(self, x: Expr) -> int:
        """Return at how many places the computed form of a gradient is still undefined."""
        return len(singular(self.gradient(x), lambda e: self.gradient(e.args[0])))


def _named(e: Expr) -> Expr:
    return e.args[0] if e.is_name else e


def singular(x: Expr, seen: Callable[[Expr], Expr] = _named) -> set[tuple[str, Expr]]:
    """Return the places at which an expression, with what it names, is not defined."""
    found: set[tuple[str, Expr]] = set()
    met: set[Expr] = set()
    stack = [x]
    while stack:
        for e in walk(stack.pop(), Expr.is_name, met):
            met.add(e)
            place = TABLE[e.op].singular
            if e.is_name:
                stack.append(seen(e))
            elif e.op == "exp" and is_shifted(e.args[0]):
                continue
            elif place is not None and e.args[place].op != "where":
                found.add((e.op, e.args[place]))
            elif e.is_power and not str(e.args[1].data).isdigit():
                found.add(("div", e.args[0]))
    return {(op, x) for op, x in found if not is_number(x)}


def _names(results: Sequence[Expr]) -> Iterable[str]:
    for x in results:
        for e in walk(x, Expr.is_name):
            if e.is_name:
                yield str(e.data)
