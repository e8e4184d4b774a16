"""Gradients on the right-hand side: the given ones, by what they are the gradient at."""

from __future__ import annotations

import ast

from ...core.errors import LanguageError
from . import derivative_marks as derivatives
from . import script_meaning as marks
from .laid_out import Item, RowLayout, Scripted, Symbol
from .scripts import Scripts
from .symbol_names import label_of, spellings, written_of
from .trees import Derived, at_item, like

_OBJECTIVES = ("L", "l", "J", "loss", "ell")


class Gradients(Scripts):
    """Reads derivatives: those that are given gradients, and those of and by definitions."""

    def given_gradient(self, found: derivatives.Derivative, first: Item, last: Item) -> ast.expr:
        """Return the given gradient, or the derivative, that stands on the right-hand side."""
        by = found.by[0] if len(found.by) == 1 else None
        place = RowLayout(first.start, last.stop, ())
        path = self._path(found, by)
        try:
            tree = self._given(found, by, place)
        except LanguageError:
            if path is None:
                raise
            derived = self._derived(path, None, place)
            derived.nabla = found.nabla
            tree = derived
        for sup in found.sups:
            tree = self.power(tree, sup)
        return like(tree, at_item(ast.Constant(0), self.text, place))

    def _given(self, found: derivatives.Derivative, by: Item | None, place: RowLayout) -> ast.expr:
        scripted = isinstance(by, Scripted)
        base = by.base if isinstance(by, Scripted) else by
        sub = by.sub if isinstance(by, Scripted) else None
        known = ", ".join(f"{g} = dL/d{z}" for z, gs in self.given.items() for _, g in gs)
        names = ", ".join(self.gradients)
        remedy = f"write the given gradient by its name: {names}" if names else "none is given"
        remedy = f"the given gradients are: {known}" if known else remedy
        if not isinstance(base, Symbol) or (scripted and by.sups):  # type: ignore[union-attr]
            raise self.fail("a gradient by this is not given", place, remedy)
        return self._given_by(base, sub, place, remedy, found.of)

    def _derived(self, path: tuple[str, ...], given: ast.expr | None, place: RowLayout) -> Derived:
        tree = at_item(Derived(), self.text, place)
        tree.path, tree.given, tree.nabla = path, given, False
        return tree

    def _path(self, found: derivatives.Derivative, by: Item | None) -> tuple[str, str] | None:
        """Return of what a derivative is, "" for the objective, and by what; None for no names.

        One of them is a definition: the gradients by variables are what is asked for.
        """
        under = self._name_of(by, self.names.values)
        over = self._name_of(found.of[0], self.names.defined) if len(found.of) == 1 else ""
        is_loss = not found.of or (
            len(found.of) == 1
            and isinstance(found.of[0], Symbol)
            and not over
            and written_of(found.of[0]) in _OBJECTIVES
        )
        if not under or not (over or (is_loss and under in self.names.defined)):
            return None
        return over, under

    def _name_of(self, item: Item | None, kinds: tuple[str, ...]) -> str:
        """Return the name that an item is, "" for anything else."""
        base = item.base if isinstance(item, Scripted) else item
        sub = item.sub if isinstance(item, Scripted) else None
        script = label_of(sub)
        raised = isinstance(item, Scripted) and item.sups
        if not isinstance(base, Symbol) or script is None or raised:
            return ""
        found = self.names.of(spellings(base, script), kinds)
        return found[0] if found else ""

    def _given_by(
        self,
        base: Symbol,
        sub: RowLayout | None,
        place: RowLayout,
        remedy: str,
        of: tuple[Item, ...],
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
        if indices is not None:
            return self.indexed(tree, indices, place, place)
        return self._derived(("", named[0]), tree, place)
