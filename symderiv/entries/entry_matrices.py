"""Takes a problem and sizes; returns the derivative by every entry of a variable, by SymPy.

Every named definition, every unspecified loss and every part that would be too long written out
is a *stage*: its entries are built from the symbols of what it directly uses, differentiated once
each, and chained backwards in plain sums. So SymPy never meets a composition written out, and L is
never expanded: of it only the entries of its given gradient G are used.

Contract: all entries of a name are independent symbols. Symbols of definitions (``Z_{1,2}``)
stand in results for the entries of that definition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..core.budget import spend
from ..core.cells import each, flat
from ..core.errors import CheckError, InputError, NoEntriesError, UnknownNameError
from ..core.expr import Expr, with_args
from ..core.later import sympy
from ..core.shapes import Shape
from ..ops import Cells
from ..problems.problem import Problem
from ..values.explicit import Explicit
from .stages import is_part, local, parted, refuse_long, stages_of
from .symbols import SymbolicMath, symbol_cells, undefined

_QUICK = 2  # signs of an entry that are differentiated in a step
_PRINTED = 5_000  # parts of an entry that is written out for people


@dataclass(frozen=True, slots=True)
class EntryStage:
    """A definition, the argument of a loss, or the objective: entries in direct inputs."""

    name: str  # of the definition, or of the symbol for the loss value; "" for the objective
    node: Expr
    cells: Cells
    gradient: str = ""  # of a loss: the name of its given gradient


@dataclass(frozen=True, slots=True)
class ExplicitEntries:
    """What SymPy computed at one choice of sizes, for documents.

    ``names`` holds the symbols of every name, ``values`` the entries of every definition and,
    under the name of its gradient, of the argument of every unspecified loss;
    ``partials[Z, W][p, q]`` is dZ/dW_pq; ``gradients[W]`` is dL/dW.
    """

    sizes: Mapping[str, int]
    names: Mapping[str, Any]
    values: Mapping[str, Any]
    partials: Mapping[tuple[str, str], Mapping[tuple[int, int], Any]]
    gradients: Mapping[str, Any]


class EntryRoad:
    """The stages of a problem at given sizes, with the derivatives of their entries."""

    def __init__(self, problem: Problem, sizes: Mapping[str, int]) -> None:
        missing = [s for s in problem.dims if sizes.get(s, 0) < 1]
        if missing:
            raise InputError(
                f"no size is given for {', '.join(missing)}", remedy="pass a size of at least 1"
            )
        self.problem, self.sizes = problem, dict(sizes)
        self.shapes = _shapes(problem)
        self._cuts = stages_of(problem.objective)
        self._partials: dict[tuple[Any, Any], Any] = {}
        self._slopes: dict[tuple[Any, Any], Any] = {}
        self._known_steps: dict[Any, int] = {}
        self._used: dict[Any, list[Any]] = {}
        self._gradients: dict[str, Cells] = {}

    @property
    def is_whole(self) -> bool:
        """Whether all stages are the writer's own, none a part that is too long written out."""
        return not any(map(is_part, self.shapes))

    @cached_property
    def symbols(self) -> dict[str, Cells]:
        """The symbols of every entry of every variable, given gradient, definition and loss."""
        return {n: symbol_cells(n, shape, self.sizes) for n, shape in self.shapes.items()}

    @cached_property
    def stages(self) -> tuple[EntryStage, ...]:
        """The stages, each after those that it uses; the objective last."""
        found = []
        for e, name in self._cuts.items():
            gradient = str(e.data[1]) if e.is_loss and isinstance(e.data, tuple) else ""
            inside = self._inside(e, name)
            refuse_long(inside, self.sizes)
            found.append(EntryStage(name, e, self._entries(inside), gradient))
        objective = self.problem.objective
        refuse_long(self._local(objective), self.sizes)
        return (*found, EntryStage("", objective, self.cells(objective)))

    def cells(self, x: Expr) -> Cells:
        """Return the entries of an expression, with definitions and losses as symbols."""
        return self._entries(self._local(x))

    def _local(self, x: Expr) -> Expr:
        return local(parted(x), self._cuts, self.problem.definitions)

    def _inside(self, e: Expr, name: str) -> Expr:
        """Return what a stage is the value of, in the symbols of the stages before it."""
        if not is_part(name):
            return self._local(e.args[0])
        return with_args(e, tuple(map(self._local, e.args)))

    def _entries(self, x: Expr) -> Cells:
        point = Explicit(self.sizes, self.symbols, math=SymbolicMath())
        cells: Cells = each(sympy.sympify, point.cells(x))
        if any(c in undefined() for c in flat(cells)):
            raise CheckError("an entry is undefined for all values of the variables")
        return cells

    def partial(self, entry: Any, by: Any) -> Any:
        """Return the derivative of one entry by one symbol."""
        key = (entry, by)
        found = self._partials.get(key)
        if found is None:
            spend(self._steps(entry), "derivatives of entries by symbols")
            terms = [a for a in entry.args if by in self._symbols_in(a)] if entry.is_Add else ()
            if len(terms) < len(entry.args) and terms:
                found = sympy.Add(*(self.partial(a, by) for a in terms))
            else:
                found = self._slope(entry, by)
            self._partials[key] = found
        return found

    def _steps(self, entry: Any) -> int:
        """Return the steps that the derivative of an entry counts for."""
        if entry not in self._known_steps:
            found = len(self._symbols_in(entry)) * (1 + entry.count_ops() // _QUICK)
            self._known_steps[entry] = found
        return self._known_steps[entry]

    def _slope(self, entry: Any, by: Any) -> Any:
        """Return what SymPy's ``diff`` does, looking only at what depends on the symbol.

        Derivatives of parts that entries share are found once.
        """
        if by not in self._symbols_in(entry):
            return sympy.Integer(0)
        key = (entry, by)
        if key not in self._slopes:
            self._slopes[key] = self._derived(entry, by)
        return self._slopes[key]

    def _derived(self, entry: Any, by: Any) -> Any:
        args = entry.args
        if entry.is_Add:
            return sympy.Add(*(self._slope(a, by) for a in args))
        if entry.is_Mul:
            slopes = [(k, self._slope(a, by)) for k, a in enumerate(args)]
            terms = [(*args[:k], d, *args[k + 1 :]) for k, d in slopes if d]
            return sympy.Add(*(sympy.Mul(*t) for t in terms))
        if entry.is_Pow and by not in self._symbols_in(entry.exp):
            return entry * (self._slope(entry.base, by) * entry.exp / entry.base)
        if isinstance(entry, sympy.Piecewise):
            return entry.func(*((self._slope(e, by), c) for e, c in args))
        if hasattr(entry, "pieces"):
            return entry.func(*args[:2], *(self._slope(a, by) for a in args[2:]))
        if isinstance(entry, sympy.Abs):  # of real numbers, which SymPy often cannot tell
            return sympy.sign(args[0]) * self._slope(args[0], by)
        if type(entry)._eval_derivative is sympy.Function._eval_derivative:
            slopes = [(k, self._slope(a, by)) for k, a in enumerate(args, 1)]
            return sympy.Add(*(entry.fdiff(k) * d for k, d in slopes if d))
        return entry.diff(by)

    def gradient(
        self,
        wrt: str,
        lift: Callable[[Any], Any] = lambda x: x,
        plus: Callable[[Sequence[Any]], Any] = lambda terms: sympy.Add(*terms),
    ) -> Cells:
        """Return the derivative of the objective by every entry of ``wrt``, as ``gradients``."""
        return self.gradients([wrt], lift, plus)[wrt]

    def symbolic(self, wrt: str, together: Sequence[str]) -> Cells:
        """Return ``gradient(wrt)``; those by the names of ``together`` are found on the way."""
        if wrt not in self._gradients:
            self._gradients.update(self.gradients([*dict.fromkeys([wrt, *together])]))
        return self._gradients[wrt]

    def gradients(
        self,
        wrt: Sequence[str],
        lift: Callable[[Any], Any] = lambda x: x,
        plus: Callable[[Sequence[Any]], Any] = lambda terms: sympy.Add(*terms),
    ) -> dict[str, Cells]:
        """Return the derivative of the objective by every entry of every name in ``wrt``.

        Chained backwards over the stages, once for all names; ``lift`` takes a derivative of a
        stage to the scalars that the chain is computed in, ``plus`` adds a list of those.
        """
        for name in wrt:
            if name not in self.shapes:
                raise UnknownNameError(f"there is no {name!r} to differentiate by")
        active = self._active(wrt)
        arriving: dict[Any, list[Any]] = {}
        for stage in reversed(self.stages):
            for entry, cotangents in self._leaving(stage, arriving, lift):
                bar = plus(cotangents)
                for s in self._symbols_in(entry):
                    if s in active:
                        slope = lift(self.partial(entry, s))
                        arriving.setdefault(s, []).append(bar * slope)
        return {w: each(lambda s: plus(arriving.get(s, [])), self.symbols[w]) for w in wrt}

    def _symbols_in(self, entry: Any) -> list[Any]:
        """Return the symbols of an entry, by name."""
        found = self._used.get(entry)
        if found is None:
            found = self._used[entry] = sorted(entry.free_symbols, key=str)
        return found

    def _leaving(
        self, stage: EntryStage, arriving: Mapping[Any, list[Any]], lift: Callable[[Any], Any]
    ) -> Iterator[tuple[Any, list[Any]]]:
        """Yield every entry of a stage with the cotangents that reach it."""
        if not stage.name:
            yield stage.cells[0][0], [lift(sympy.Integer(1))]
            return
        symbols = self.symbols[stage.name]
        if not stage.gradient:
            for entry, s in _pairs(stage.cells, symbols):
                if s in arriving:
                    yield entry, arriving[s]
            return
        for entry, g in _pairs(stage.cells, self.symbols[stage.gradient]):
            yield entry, [bar * lift(g) for bar in arriving.get(symbols[0][0], [])]

    def _active(self, wrt: Sequence[str]) -> set[Any]:
        """Return the symbols of ``wrt`` and of every stage that depends on one of them."""
        active = {s for w in wrt for s in flat(self.symbols[w])}
        for stage in self.stages[:-1]:
            if any(s in active for x in flat(stage.cells) for s in self._symbols_in(x)):
                active |= set(flat(self.symbols[stage.name]))
        return active


def _pairs(left: Cells, right: Cells) -> Iterator[tuple[Any, Any]]:
    yield from zip(flat(left), flat(right), strict=True)


def _shapes(problem: Problem) -> dict[str, Shape]:
    shapes = {v.name: v.shape for v in problem.variables.values()}
    shapes.update((g, x.shape) for g, x in problem.upstream.items())
    shapes.update((n, x.shape) for n, x in problem.definitions.items())
    shapes.update((name, e.shape) for e, name in stages_of(problem.objective).items())
    return shapes


def gradient_entries(problem: Problem, wrt: str, sizes: Mapping[str, int]) -> list[list[Any]]:
    """Return dL/dW_pq for every entry of a variable or definition, as SymPy expressions.

    The grid has the shape of ``wrt``. Raises InputError where a size is missing.

    >>> from symderiv.problems.problem import problem
    >>> p = problem("Z = X @ W; L(Z)", X="n, d", W="d, m")
    >>> gradient_entries(p, "W", {"n": 2, "d": 1, "m": 1})
    [[G_{1,1}*X_{1,1} + G_{2,1}*X_{2,1}]]
    """
    return EntryRoad(problem, sizes).gradient(wrt)


def explicit_entries(
    problem: Problem, sizes: Mapping[str, int], wrt: Sequence[str] | None = None
) -> ExplicitEntries:
    """Return the entries of every definition, their derivatives, and the gradients.

    ``wrt`` defaults to the variables that the problem asks for; partial derivatives are those
    of a definition by the entries that it directly uses. Raises InputError, and NoEntriesError
    where entries would be too long.

    >>> from symderiv.problems.problem import problem
    >>> p = problem("Z = X @ W; L(Z)", X="n, d", W="d, m")
    >>> explicit_entries(p, {"n": 1, "d": 2, "m": 1}).values["Z"]
    Matrix([[W_{1,1}*X_{1,1} + W_{2,1}*X_{1,2}]])
    """
    road = EntryRoad(problem, sizes)
    if not road.is_whole:
        raise NoEntriesError("entries of compositions of many functions are not written out")
    chosen = problem.wrt if wrt is None else tuple(wrt)
    gradients = {w: road.gradient(w) for w in chosen}
    refuse_unprintable(x for c in gradients.values() for x in flat(c))
    values = {n: road.cells(x) for n, x in problem.definitions.items()}
    values.update((g, road.cells(x)) for g, x in problem.upstream.items())
    return ExplicitEntries(
        sizes=dict(sizes),
        names={n: sympy.ImmutableMatrix(c) for n, c in road.symbols.items()},
        values={n: sympy.ImmutableMatrix(c) for n, c in values.items()},
        partials={
            (n, w): _partials(road, c, road.symbols[w]) for n, c in values.items() for w in chosen
        },
        gradients={w: sympy.ImmutableMatrix(c) for w, c in gradients.items()},
    )


def refuse_unprintable(entries: Iterable[Any]) -> None:
    """Raise NoEntriesError where an entry is too long to be written out for people."""
    known: dict[Any, int] = {}
    if any(_length(x, known) > _PRINTED for x in entries):
        raise NoEntriesError("entries of compositions of many functions are not written out")


def _length(e: Any, known: dict[Any, int]) -> int:
    """Return how many parts an expression of SymPy has when it is written out."""
    if e not in known:
        known[e] = 1 + sum(_length(a, known) for a in e.args)
    return known[e]


def _partials(road: EntryRoad, cells: Cells, by: Cells) -> dict[tuple[int, int], Any]:
    """Return the derivative of a grid by every entry of a name, keyed by row and column."""

    def slope(entry: Any, s: Any) -> Any:
        return road.partial(entry, s) if s in entry.free_symbols else sympy.Integer(0)

    return {
        (p, q): sympy.ImmutableMatrix([[slope(entry, s) for entry in r] for r in cells])
        for p, symbols in enumerate(by, 1)
        for q, s in enumerate(symbols, 1)
    }
