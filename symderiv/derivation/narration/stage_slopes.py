"""Takes the value of a stage; returns the derivative of its entry by an entry, line by line.

The entry of the stage, the product rule, the derivatives of its factors, and the sifting of the
deltas: what a derivation backward, from the objective to its variables, and one forward, from a
variable to what depends on it, do at every stage.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from ...core.errors import NoEntriesError
from ...core.expr import Expr, free_indices, own_indices, partial, walk
from ...tensor import Factor, Scale, Term, constant, is_entrywise
from .entry_forms import Ends, Forms, Letters, Monomial, differentiated, place, total
from .slopes import jacobian, pulled, relettered
from .stage_words import joined, laws, meets, names_in, with_names
from .staging import Stage
from .steps import POWER, SIFTING, Act, DerivativeOf, Reason, Step

_HELD = " held fixed"


@dataclass(frozen=True, slots=True)
class Slope:
    """The derivative of an entry of a name, at indices of its own, by an entry of the target."""

    ends: Ends
    monomials: tuple[Monomial, ...]


class StageSlopes:
    """Differentiates stages by a target; ``calls`` are the functions that have names.

    Names other than the target are held fixed, but for those whose derivatives are ``known``.
    """

    def __init__(
        self,
        forms: Forms,
        letters: Letters,
        calls: Mapping[Expr, Expr],
        reaches: Callable[[Expr, Term], bool],
    ) -> None:
        self.forms, self.letters, self.calls = forms, letters, calls
        self._reaches = reaches
        self.known: dict[Term, Slope] = {}
        self.centred: dict[Expr, set[int]] = {}  # names, with the axes along which they add up to 0

    def of_stage(
        self,
        stage: Stage,
        spot: Ends,
        target: Term,
        expr: Expr,
        ends: Ends,
        steps: list[Step],
    ) -> list[Monomial]:
        """Return the derivative of a stage's entry at ``spot`` by the target's entry at ``ends``.

        Raises NoEntriesError where a derivative is a function of whole matrices.
        """
        left = place(stage.expr, spot)
        with self.forms.spelled_out(stage.expr):
            form = self.forms.monomials(stage.value, spot)
        written = walk(stage.expr.args[0], Expr.is_name)
        product = any(e.is_matrix_product for e in written) and any(
            m.is_matrix_product(spot) for m in form
        )
        law, reason = _stated(stage, product)
        shown = total(form)
        if shown is left:  # the writer's name for all of it
            shown = place(stage.expr.args[0], spot)
        steps.append(Step(left, shown, law, reason, True))
        return self.differentiate(stage.value, spot, left, target, expr, ends, steps)

    def differentiate(
        self,
        value: Term,
        spot: Ends,
        left: Expr,
        target: Term,
        expr: Expr,
        ends: Ends,
        steps: list[Step],
    ) -> list[Monomial]:
        """Return the derivative of a value's entry, which the steps call ``left``."""
        by = place(expr, ends)
        moving = {t.data for t in self.known}
        held = tuple(n for n in names_in(value) if n is not expr and n not in moving)
        slope = partial(left, by, held)
        with self.forms.spelled_out(left.args[0] if left.op == "entry" else left):
            shown = self._product_rule(value, spot, target, by, held)
        law, reason = self._rule(value, spot, target, expr)
        fixed = [n for n in held if self._reaches(n, target)]
        for name in fixed:
            reason = (*reason, "; ", name, _HELD)
        own = (_HELD,) * len(fixed) if law is Act.LINEARITY else None
        # Of one factor there is nothing to say before its derivative.
        alone = total(shown).op == "partial" and len(list(self.forms.expanded(value, spot))) == 1
        if not alone:
            steps.append(Step(slope, total(shown), law, reason, True, own=own))
        deltas = self._with_deltas(value, spot, target, ends)
        first = slope if alone else total(shown)
        law, why = self._slopes(value, spot, target, deltas)
        steps.append(Step(first, total(deltas), law, why, alone))
        return self.sift(deltas, steps)

    def _product_rule(
        self, value: Term, spot: Ends, target: Term, by: Expr, held: tuple[Expr, ...]
    ) -> list[Monomial]:
        def slope(f: Factor, ends: Ends) -> list[Monomial]:
            body = self.forms.power(f.term, ends, f.exponent)
            return [Monomial(Scale(), (partial(body, by, held),))]

        return differentiated(self.forms, value, spot, lambda t: self._moves(t, target), slope)

    def _with_deltas(self, value: Term, spot: Ends, target: Term, by: Ends) -> list[Monomial]:
        def slope(f: Factor, ends: Ends) -> list[Monomial]:
            outer: list[Expr] = []
            scale = Scale()
            if f.exponent != 1:
                scale = Scale(Fraction(f.exponent))
                lower = f.exponent - 1
                outer.append(self.forms.power(f.term, ends, lower))
            return [
                Monomial(scale * m.scale, (*outer, *m.factors), m.deltas, m.bound)
                for m in self._atom_slope(f.term, ends, target, by)
            ]

        return differentiated(self.forms, value, spot, lambda t: self._moves(t, target), slope)

    def _moves(self, term: Term, target: Term) -> bool:
        """Whether a part of a stage changes with the target: in itself, or through a known name."""
        return meets(term, target) or any(meets(term, name) for name in self.known)

    def _atom_slope(self, atom: Term, ends: Ends, target: Term, by: Ends) -> list[Monomial]:
        """Return the derivative of a leaf, a name or a function of them by an entry."""
        if atom is target:
            return [_deltas(ends, by, target)]
        if atom in self.known:
            return self._placed(atom, ends, by)
        inner = [c for c in dict.fromkeys(atom.children) if self._moves(c, target)]
        if not all(c is target or c in self.known for c in inner):
            raise NoEntriesError("the target stands inside an argument")
        return [m for c in inner for m in self._through(atom, c, ends, target, by)]

    def _through(
        self, atom: Term, child: Term, ends: Ends, target: Term, by: Ends
    ) -> list[Monomial]:
        """Return the derivative of a function through one of its arguments: the chain rule."""
        if is_entrywise(atom) and atom.dims == child.dims:
            outer = self.forms.monomials(pulled(atom, child, constant(Scale(), atom.dims)), ends)
            inner = [_deltas(ends, by, target)] if child is target else None
            with self.letters.beside([*ends, *by, *_bound(outer)]):
                found = self._placed(child, ends, by) if inner is None else inner
            return [m.times(n) for m in outer for n in found]
        if child is target:
            return self._by_argument(atom, target, ends, by)
        between = self.letters.pair("klrstuvw", len(child.dims), [*ends, *by])
        with self.letters.beside([*ends, *by, *between]):
            outer = self._by_argument(atom, child, ends, between)
        with self.letters.beside([*ends, *by, *between, *_bound(outer)]):
            found = self._placed(child, between, by)
        run = tuple(zip(between, child.dims, strict=True))
        return [
            replace(p, bound=(*run, *p.bound)) for m in outer for n in found for p in [m.times(n)]
        ]

    def _by_argument(self, atom: Term, target: Term, ends: Ends, by: Ends) -> list[Monomial]:
        """Return the derivative of a function by an entry of an argument of another shape."""
        if not atom.dims:
            local = pulled(atom, target, constant(Scale(), atom.dims))
            return self.forms.monomials(local, by)
        slopes = jacobian(self.forms, self.letters, atom, target, ends, by)
        return [self.in_names(m) for m in slopes]

    def _placed(self, name: Term, ends: Ends, by: Ends) -> list[Monomial]:
        """Return the known derivative of a name, of its entry at other indices."""
        known = self.known[name]
        found = []
        for m in known.monomials:
            m = relettered(m, self.letters, (*ends, *by, *known.ends))
            for old, new in zip(known.ends, ends, strict=True):
                m = m.renamed(str(old), f"?{new}")
            for new in ends:
                m = m.renamed(f"?{new}", new)
            found.append(m)
        return found

    def in_names(self, m: Monomial) -> Monomial:
        """Return a monomial with names for the functions that the writer gave names to."""
        return replace(m, factors=tuple(with_names(f, self.calls) for f in m.factors))

    def _rule(self, value: Term, spot: Ends, target: Term, expr: Expr) -> tuple[Act, Reason]:
        places = [
            sum(self._moves(f.term, target) for f in factors)
            for factors, _, _ in self.forms.expanded(value, spot)
        ]
        if self._is_quotient(value, spot, target):
            return Act.PRODUCT, ("quotient rule: ", expr, " stands above and below")
        if max(places, default=0) > 1:
            return Act.PRODUCT, ("product rule: one term for each place of ", expr)
        kept = [
            m
            for (factors, _, m) in self.forms.expanded(value, spot)
            if not any(self._moves(f.term, target) for f in factors)
        ]
        if len(kept) == 1:
            return Act.LINEARITY, ("linearity; ", kept[0].expr(), " does not contain ", expr)
        if kept:
            return Act.LINEARITY, ("linearity; the other terms do not contain ", expr)
        return Act.LINEARITY, ("linearity",)

    def _is_quotient(self, value: Term, spot: Ends, target: Term) -> bool:
        """Whether the target moves one factor of a value and one that it is divided by."""
        products = [factors for factors, _, _ in self.forms.expanded(value, spot)]
        moving = [[f.exponent for f in p if self._moves(f.term, target)] for p in products]
        return all(sorted(m) == [-1, 1] for m in moving) and bool(moving)

    def _slopes(
        self, value: Term, spot: Ends, target: Term, found: list[Monomial]
    ) -> tuple[Act, Reason]:
        """Return why the factors of a value have the derivatives that they have."""
        names = [t for t in self.known if meets(value, t)]
        parts = (f for factors, _, _ in self.forms.expanded(value, spot) for f in factors)
        raised = any(f.exponent != 1 and self._moves(f.term, target) for f in parts)
        quotient = self._is_quotient(value, spot, target)  # whose rule has been named
        why: list[Reason] = [(POWER,)] if raised and not quotient else []
        if target.dims and any(m.deltas for m in found) and meets(value, target):
            why.append(("entries of ", target.data, " are independent"))
        law = Act.INDEPENDENT if why and not raised else Act.KNOWN
        used = dict.fromkeys(x for t in (target, *names) for x in laws(value, t))
        why += [(x,) for x in used]
        why += [(DerivativeOf(t.data),) for t in names]
        if not why:
            why = [(target.data, " with respect to itself")]
        return (law if len(why) == 1 else Act.KNOWN), joined(why)

    def sift(self, monomials: list[Monomial], steps: list[Step]) -> list[Monomial]:
        """Return products without deltas on summed indices: a step, where there is one."""
        pairs = [m.sifted() for m in monomials]
        gone = list(dict.fromkeys(g for _, names in pairs for g in names))
        done = [m for m, _ in pairs]
        if gone:
            reason: Reason = ("sift " + ", ".join(gone), SIFTING)
            step = Step(total(monomials), total(done), Act.SIFT, reason, sifted=tuple(gone), own=())
            steps.append(step)
        return self._without_zero_sums(done, steps)

    def _without_zero_sums(self, monomials: list[Monomial], steps: list[Step]) -> list[Monomial]:
        """Return products without those that sum a name along an axis where that gives 0."""
        found = [self._zero_sum(m) for m in monomials]
        left = [m for m, name in zip(monomials, found, strict=True) if name is None]
        for name in dict.fromkeys(n for n in found if n is not None):
            reason: Reason = ("the entries of ", name, " add up to 0")
            steps.append(Step(total(monomials), total(left), Act.ZERO_SUM, reason))
        return left

    def _zero_sum(self, m: Monomial) -> Expr | None:
        """Return the name of which a product holds a sum that is 0."""
        for index, _ in m.bound:
            carrying = [f for f in m.factors if index in free_indices(f)]
            alone = len(carrying) == 1 and not any(index in d[:2] for d in m.deltas)
            if alone and carrying[0].op == "entry":
                name, marks = carrying[0].args[0], own_indices(carrying[0])
                if any(marks[k] == index for k in self.centred.get(name, ())):
                    return name
        return None


def _stated(stage: Stage, product: bool) -> tuple[Act, Reason]:
    """Return what the line says that opens with the entry of a stage."""
    if stage.automatic:
        return Act.NAMES, (stage.expr, " names ", stage.expr.args[0])
    if product and stage.value.dims:
        return Act.MATMUL, (Act.MATMUL.value,)
    if stage.value.kind == "call" or not stage.value.dims:
        return Act.DEFINITION, ("definition of ", stage.expr)
    return Act.ENTRIES, ("definition of ", stage.expr, ", entry by entry")


def _deltas(ends: Ends, by: Ends, target: Term) -> Monomial:
    """Return the derivative of an entry of the target by another."""
    pairs = zip(ends, by, target.dims, strict=False)
    return Monomial(Scale(), (), tuple((a, b, d) for a, b, d in pairs))


def _bound(monomials: list[Monomial]) -> list[str]:
    return [name for m in monomials for name, _ in m.bound]
