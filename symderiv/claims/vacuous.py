"""Takes a claim that is right, or right under an assumption; tells whether it says anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..core.expr import Expr, rebuild, transpose, walk, walk_all, with_args
from ..problems import Problem
from .assumptions import Assumption, is_square
from .deciding import Comparer
from .fingerprints import Prints
from .reading import Reading
from .targets import Target
from .verdict import RIGHT, UNDECIDED, Verdict, as_sentence

_POLES = 4  # one point in so many may be a pole of a claim that is right under an assumption


def means_something(under: Comparer, claimed: Expr, truth: Expr) -> bool:
    """Whether a claim found equal to the truth under an assumption is right because of it.

    Where nothing could be computed at sizes that differ, nothing is known in general. Where the
    claim is undefined, or where the gradient is 0 and the claim is not 0 in general, a
    formula with any other factor would be right as well.
    """
    if under.is_too_much(claimed, truth) or under.poles * _POLES > under.count:
        return False
    in_general = Comparer(under.problem, [claimed], kept=under.kept)
    return not under.is_zero(truth) or in_general.is_zero(claimed)


class Excuses:
    """Tells assumptions that people make from those that would only excuse a slip."""

    def __init__(self, comparer: Comparer, claimed: Expr, truth: Expr, wrt: str) -> None:
        self._comparer = replace(comparer)
        self._claimed, self._truth, self._wrt = claimed, truth, wrt

    def __call__(self, found: Assumption) -> bool:
        """Whether a slip is what an assumption, under which a claim is right, would excuse."""
        kinds = {p for properties in found.properties.values() for p in properties}
        if "symmetric" in kinds:
            names = [n for n in found.properties if n != self._wrt]
            return bool(names) and not self._sees_halves(names)
        scalars = [n for n in found.properties if self._is_scalar(n)]
        if "normalized" in kinds or found.fixed or ("binary" in kinds and scalars):
            return self._lacks_a_scalar()
        return bool(found.equal) and not self._differs_by_sizes(found)

    def decides(self, under: Comparer) -> bool:
        """Whether a choice of the claim is none where the assumption holds.

        Nobody writes it who has the assumption in mind, unless it stands in the objective. Of the
        gradient, only signs may be left out, where the entries are said to be positive.
        """
        kinds = {p for properties in under.assumed.properties.values() for p in properties}
        sides = [self._claimed] if "positive" in kinds else [self._claimed, self._truth]
        own = set(walk_all(sides)) & {*under.unreached}
        if len(sides) == 1:
            own -= set(walk_all([under.problem.objective]))
        always = {e for x in sides for e in self._comparer.one_sided(x)} if own else set()
        return bool(own - always)

    def _differs_by_sizes(self, found: Assumption) -> bool:
        """Whether the claim is the gradient but for a factor of the sizes that are taken as equal.

        As 1/m is written for 1/n, or 1/4 for it. Elsewhere equal sizes are an accident.
        """
        scale = Prints(self._comparer, self._truth).factor(self._claimed, self._truth, turned=False)
        names = {n for pair in found.equal for dim in pair for n in dim.names}
        return scale is not None and bool(names & {n for n, _ in scale.powers})

    def _sees_halves(self, names: Sequence[str]) -> bool:
        """Whether the gradient is the same when some matrices are transposed, or one more is.

        As that of x.T @ A @ x is, which depends on the symmetric part of A alone. Elsewhere a
        transpose was forgotten.
        """
        variables = self._comparer.problem.variables.values()
        others = [v.name for v in variables if is_square(v) and v.name not in names]
        sizes = self._comparer.sizes()[:2]  # at size 1 every matrix is symmetric
        for more in ((), *((o,) for o in others)):
            turned = self._turned({*names, *more})
            if turned is self._truth or self._comparer.may_equal(turned, self._truth, sizes):
                return True
        return False

    def _turned(self, names: set[str]) -> Expr:
        known = self._comparer.problem.known()
        matrices = {known[n] for n in names}

        def turn(e: Expr, args: tuple[Expr, ...]) -> Expr:
            if e.is_name:
                return args[0]
            return transpose(e) if e in matrices else with_args(e, args)

        return rebuild(self._truth, turn)

    def _is_scalar(self, name: str) -> bool:
        variable = self._comparer.problem.variables.get(name)
        return variable is not None and variable.kind == "scalar"

    def _lacks_a_scalar(self) -> bool:
        """Whether the claim is the gradient up to a factor that is no constant."""
        if self._truth.is_scalar:
            return False
        prints = Prints(self._comparer, self._truth)
        key = prints.key(self._claimed)
        return key is not None and key == prints.key(self._truth)


def unless_empty(
    found: Verdict, lines: Sequence[Reading], problem: Problem, target: Target
) -> Verdict:
    """Return a verdict, which is another where every line that is right says nothing."""
    if found.verdict != RIGHT or not all(_says_nothing(x, target) for x in lines):
        return found
    used = {str(e.data) for e in walk(target.truth) if e.is_variable}
    names = [n for n in (*problem.variables, *problem.upstream) if n in used]
    within = (
        f" in {' and '.join(filter(None, [', '.join(names[:-1]), names[-1]]))}" if names else ""
    )
    cause = f"it says only {target.word} itself; write what that comes to{within}"
    return replace(
        found,
        verdict=UNDECIDED,
        cause=cause,
        diagnosis=as_sentence(cause),
        evidence="not decided",
        left_out=(),
    )


def _says_nothing(reading: Reading, target: Target) -> bool:
    """Whether what equals a target is written with it, by whatever name."""
    named = (str(e.data) for e in walk(reading.expr) if e.is_name)
    return reading.holds_asked or target.called in named
