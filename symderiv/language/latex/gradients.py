"""Gradients on the right-hand side: the given ones, by what they are the gradient at."""

from __future__ import annotations

import ast

from . import derivatives, marks
from .layout import Item, Row, Scripted, Symbol
from .names import label_of, spellings, written_of
from .scripts import Scripts
from .trees import at_item, like

_OBJECTIVES = ("L", "l", "J", "loss", "ell")


class Gradients(Scripts):
    """Reads derivatives that stand for given gradients."""

    def given_gradient(self, found: derivatives.Derivative, first: Item, last: Item) -> ast.expr:
        """Return the given gradient that a derivative on the right-hand side is."""
        by = found.by[0] if len(found.by) == 1 else None
        scripted = isinstance(by, Scripted)
        base = by.base if isinstance(by, Scripted) else by
        sub = by.sub if isinstance(by, Scripted) else None
        known = ", ".join(f"{g} = dL/d{z}" for z, gs in self.given.items() for _, g in gs)
        names = ", ".join(self.gradients)
        remedy = f"write the given gradient by its name: {names}" if names else "none is given"
        remedy = f"the given gradients are: {known}" if known else remedy
        place = Row(first.start, last.stop, ())
        if not isinstance(base, Symbol) or (scripted and by.sups):  # type: ignore[union-attr]
            raise self.fail("a gradient by this is not given", place, remedy)
        tree = self._given_by(base, sub, place, remedy, found.of)
        for sup in found.sups:
            tree = self.power(tree, sup)
        return like(tree, at_item(ast.Constant(0), self.text, place))

    def _given_by(
        self, base: Symbol, sub: Row | None, place: Row, remedy: str, of: tuple[Item, ...]
    ) -> ast.expr:
        script = label_of(sub)
        named = self.names.of(spellings(base, script or "") if sub else spellings(base), self.given)
        indices = None
        if not named and sub is not None:
            named = self.names.of(spellings(base), self.given)
            indices = marks.indices(self.text, sub)
        if not named or (sub is not None and script is None and indices is None):
            written = written_of(base) + (script or "")
            raise self.fail(f"the gradient by {written} is not given", place, remedy)
        losses = self.given[named[0]]
        of_name = written_of(of[0]) if of and isinstance(of[0], Symbol) else ""
        if of and (not of_name or of_name not in (*_OBJECTIVES, *(x for x, _ in losses))):
            raise self.fail("this is no gradient of the loss", place, remedy)
        chosen = [g for x, g in losses if x == of_name] or [g for _, g in losses]
        if len(set(chosen)) != 1:
            raise self.fail("several gradients are given there", place, remedy)
        tree: ast.expr = at_item(ast.Name(chosen[0], ast.Load()), self.text, place)
        return tree if indices is None else self.indexed(tree, indices, place, place)
