"""Takes a derivation; returns a worked example in small whole numbers, beside central differences.

So for the Jacobian of a value, and for Hessians at the point of their gradients.
Contract: the gradient is computed exactly, the differences in double precision; sums, products
and quotients only, and functions rounded from 150 digits, so that every machine prints the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from ..core.cells import each, flat, turned_over
from ..core.expr import (
    Expr,
    add,
    free_indices,
    mul,
    neg,
    node,
    num,
    power,
    rebuild,
    var,
    walk_all,
    with_args,
)
from ..core.shapes import SCALAR
from ..derivation.derivations import DerivedGradients
from ..derivation.jacobians import DerivativeMatrix
from ..ops import Cells
from ..problems import Problem
from ..values.explicit import Dual, Explicit
from ..values.sampling import OUTSIDE_DOMAIN, least_sizes, point
from ..values.scalars import FloatMath

STEP = 1e-6
_DRAWS = 24
_SMALLER = 8  # further points, of smaller numbers, where a function is flat at all of these
_POOR = 12  # from which smaller numbers are tried
_EMPTY = 40  # how much it counts that a gradient shows nothing
_IDLE = 10  # a definition that changes nothing: a ReLU of what is above 0 everywhere
_LONGEST = 10**40  # numbers beyond it, and fractions of such, nobody looks at
_ON_THE_WAY = 5  # times as many digits as in what is printed
_SATURATED = 1e-3  # of a whole number: a sigmoid that far from its middle is nearly 0 or 1
_CORNER = 1e-3  # by which a gradient and its differences differ where there is none
_FLAT = 1e-2  # entries below it are those of a function that is flat there
_SCALED = {"positive", "symmetric", "diagonal", "lower", "upper", "skew", "toeplitz"}


@dataclass(frozen=True, slots=True)
class MatrixNumbers:
    """A Jacobian or a Hessian at a point, and central differences of what it is of."""

    cells: Cells
    quotients: Cells


@dataclass(frozen=True, slots=True)
class NumericExample:
    """One point in small numbers, the results there, and central differences of the objective."""

    values: Mapping[str, Cells]  # variables and given gradients
    forward: Mapping[str, Cells]  # definitions
    results: Mapping[str, Cells]  # gradients by variable
    quotients: Mapping[str, Cells]  # central differences, entry by entry
    step: float = 1e-6
    loss: Expr | None = None  # the objective that was differenced, where L itself is unspecified
    objective: Any = None  # its value
    sizes: Mapping[str, int] = field(default_factory=dict)
    matrices: tuple[MatrixNumbers, ...] = ()
    named: Mapping[Expr, Cells] = field(default_factory=dict)  # what else the formulas name


def worked_example(
    derivation: DerivedGradients, hessians: Sequence[DerivativeMatrix] = (), seed: int = 3
) -> NumericExample | None:
    """Return the gradients at small whole numbers; None where none were found in the domain.

    Tensors are not laid out on paper: None for a problem that has some.
    """

    def finished(example: NumericExample) -> NumericExample:
        matrices = tuple(_numbers(h, example) for h in hessians)
        return replace(_with_differences(derivation, example), matrices=matrices)

    def at(sizes: Mapping[str, int], values: dict[str, Cells]) -> NumericExample:
        return _example(derivation, sizes, values)

    return _best(derivation.problem, at, finished, seed)


def worked_jacobian(jacobian: DerivativeMatrix, seed: int = 3) -> NumericExample | None:
    """Return what is differentiated and its Jacobian at small whole numbers, if there are any.

    What the steps give a name is shown too.

    None also where a loss is not specified.
    """
    problem = jacobian.problem
    if problem.upstream:
        return None
    shown = {**problem.definitions, **_named(jacobian)}
    shown.pop(jacobian.value_name, None)
    shown[jacobian.value_name] = jacobian.value

    def at(sizes: Mapping[str, int], values: dict[str, Cells]) -> NumericExample:
        here = _ByHand(sizes, values)
        forward = {n: _on_paper(here.cells(x)) for n, x in shown.items()}
        results = {jacobian.label: _on_paper(here.cells(jacobian.expr))}
        return NumericExample(values, forward, results, {}, STEP, sizes=sizes)

    def finished(example: NumericExample) -> NumericExample:
        return replace(example, results={}, matrices=(_numbers(jacobian, example),))

    def poverty(example: NumericExample) -> int:
        matrix = example.results[jacobian.label]
        return _poverty(example) + _POOR * (matrix == turned_over(matrix))

    return _best(problem, at, finished, seed, poverty)


def _named(jacobian: DerivativeMatrix) -> dict[str, Expr]:
    """Return what the steps of a Jacobian give a name, each after what it is made of."""
    if jacobian.forward is None:
        return {}
    steps = [x for s in jacobian.own_steps for x in (s.before, s.after)]
    names = [e for e in walk_all(steps) if e.is_name and not free_indices(e)]
    return {str(e.data): e.args[0] for e in names}


def _best(
    problem: Problem,
    at: Callable[[Mapping[str, int], dict[str, Cells]], NumericExample],
    finished: Callable[[NumericExample], NumericExample],
    seed: int,
    poverty: Callable[[NumericExample], int] | None = None,
) -> NumericExample | None:
    """Return the example that shows most, of those at some points in small numbers."""
    if problem.has_tensors:
        return None
    least = least_sizes([problem.objective])
    sizes = least.raised(dict.fromkeys(problem.dims, 2))
    best: tuple[int, NumericExample] | None = None
    for attempt in range(_DRAWS + _SMALLER):
        if attempt == _DRAWS and best is not None and best[0] < _POOR:
            break
        positive = attempt % 2 == 1
        most = 3 - attempt // 2 % 2
        values = point(
            problem, sizes, seed + attempt, integers=most, positive=positive, readable=True
        )
        if attempt >= _DRAWS:
            values = _closer(problem, values)
        try:
            found = at(sizes, values)
            poor = (poverty or _poverty)(found)
            if best is None or poor < best[0]:
                whole = finished(found)
                best = (poor, whole) if _is_smooth(whole) else best
        except OUTSIDE_DOMAIN:
            continue
    return best[1] if best is not None else None


def _closer(problem: Problem, values: dict[str, Cells]) -> dict[str, Cells]:
    """Return a quarter of the values that may be any number, where functions are not flat yet."""
    free = {n for n, v in problem.variables.items() if not {*v.properties} - _SCALED}
    return {n: each(lambda x: x / 4, c) if n in free else c for n, c in values.items()}


def _poverty(example: NumericExample) -> int:
    """Return how little an example shows: zeros, repeated entries, long numbers.

    A gradient or an intermediate that vanishes altogether would agree with any formula.
    """
    cells = [x for c in (*example.values.values(), *example.results.values()) for r in c for x in r]
    zeros = sum(2 for x in cells if x == 0)
    worked = (*example.forward.values(), *example.named.values(), *example.results.values())
    zeros += sum(1 for c in example.forward.values() for x in flat(c) if x == 0)
    zeros += sum(_EMPTY for c in worked if all(x == 0 for r in c for x in r))
    results = example.results.values()
    zeros += sum(_EMPTY for c in results if all(abs(x) < _FLAT for r in c for x in r))
    long = sum(len(str(x)) > 3 for x in cells)
    long += sum(map(_farness, (x for c in worked for r in c for x in r)))
    same = sum(map(_sameness, example.values.values()))
    forward = [str(c) for c in example.forward.values()]
    idle = _IDLE * (len(forward) - len({*forward}))
    return zeros + long + same + idle


def _sameness(cells: Cells) -> int:
    """Return how little an array says by equal entries: equal rows, rows or columns of one value.

    A mask of one value, or weights of one, could be a number.
    """
    lines = [[str(x) for x in r] for r in (*cells, *turned_over(cells))]
    constant = sum(len(r) > len({*r}) == 1 for r in lines)
    whole = len(cells) * len(cells[0]) > 1 and len({str(x) for x in flat(cells)}) == 1
    return (len({str(r) for r in cells}) < len(cells)) + constant + _IDLE * whole


def _farness(x: Any) -> int:
    """Return how little a number says by its size: beyond 5, and where a function is flat."""
    size = abs(float(x))
    flat_there = not isinstance(x, int | Fraction) and abs(size - round(size)) < _SATURATED
    return (size > 5) + 5 * (size > 50) + _EMPTY * (size >= 1000) + 5 * flat_there


def _example(
    derivation: DerivedGradients, sizes: Mapping[str, int], values: dict[str, Cells]
) -> NumericExample:
    problem = derivation.problem
    objective, targets = _concrete(derivation)
    for name, gradient in targets.items():
        # The gradient of 1/2 ||Z - T||^2 is Z - T, so the given gradient is chosen by T.
        argument = _on_paper(_ByHand(sizes, values).cells(problem.upstream[gradient]))
        values[name] = values.pop(gradient)
        values[gradient] = [
            [Dual.of(z).value - t for z, t in zip(r, q, strict=True)]
            for r, q in zip(argument, values[name], strict=True)
        ]
    at = _ByHand(sizes, values)
    forward = {n: _on_paper(at.cells(x)) for n, x in problem.definitions.items()}
    results = {n: _on_paper(at.cells(r.expr)) for n, r in derivation.items()}
    return NumericExample(
        named={e: _on_paper(at.cells(e)) for e in _named_by_formulas(derivation)},
        values=values,
        forward=forward,
        results=results,
        quotients={},
        step=STEP,
        loss=objective if targets else None,
        objective=_on_paper(at.cells(objective))[0][0],
        sizes=sizes,
    )


def _named_by_formulas(derivation: DerivedGradients) -> list[Expr]:
    """Return the names in the formulas of gradients that are no definitions: their cotangents."""
    found = walk_all([g.section.result for g in derivation.values()])
    known = {*derivation.problem.definitions}
    return [e for e in found if e.is_name and str(e.data) not in known]


def _with_differences(derivation: DerivedGradients, example: NumericExample) -> NumericExample:
    objective, _ = _concrete(derivation)
    sizes, values = example.sizes, example.values
    quotients = {n: _on_paper(_differences(objective, sizes, values, n)) for n in derivation}
    return replace(example, quotients=quotients)


def _is_smooth(example: NumericExample) -> bool:
    """Whether the differences are those of the results: not so where a function has a corner."""
    compared = [(cells, example.quotients[n]) for n, cells in example.results.items()]
    compared += [(m.cells, m.quotients) for m in example.matrices]
    pairs = (
        (float(x), float(y)) for c, q in compared for x, y in zip(flat(c), flat(q), strict=True)
    )
    return all(abs(x - y) <= _CORNER * (1 + abs(x)) for x, y in pairs)


def _numbers(jacobian: DerivativeMatrix, example: NumericExample) -> MatrixNumbers:
    """Return a matrix at the point of an example, and differences of what it is of."""
    sizes, values = example.sizes, example.values
    cells = _on_paper(_ByHand(sizes, values).cells(jacobian.expr))
    return MatrixNumbers(cells, _on_paper(_columns(jacobian, sizes, values)))


def _columns(
    jacobian: DerivativeMatrix, sizes: Mapping[str, int], values: Mapping[str, Cells]
) -> Cells:
    """Return a matrix by differences: a column for each entry of the variable, in vec order."""
    plain = {n: [[float(x) for x in r] for r in c] for n, c in values.items()}
    name, found = jacobian.name, []
    rows = len(plain[name])
    for place in range(rows * len(plain[name][0])):
        ends = []
        for sign in (1, -1):
            moved = [list(r) for r in plain[name]]
            moved[place % rows][place // rows] += sign * STEP
            at = Explicit(sizes, {**plain, name: moved}, math=FloatMath())
            ends.append(each(lambda x: float(Dual.of(x).value), at.cells(jacobian.value)))
        up, down = ends
        pairs = [zip(r, q, strict=True) for r, q in zip(up, down, strict=True)]
        slopes = [[(a - b) / (2 * STEP) for a, b in p] for p in pairs]
        found.append(slopes)
    if jacobian.variable.shape == SCALAR:
        matrix = found[0]
    else:
        columns = [[r[j] for j in range(len(s[0])) for r in s] for s in found]
        matrix = turned_over(columns)
    return matrix if jacobian.layout == "numerator" else turned_over(matrix)


class _ByHand(Explicit):
    """A point at which a calculation is given up once its numbers are too long."""

    def _one(self, e: Expr, args: tuple[Cells, ...]) -> Cells:
        return _on_paper(super()._one(e, args), _LONGEST**_ON_THE_WAY)


def _on_paper(cells: Cells, longest: int = _LONGEST) -> Cells:
    """Return numbers to be printed; raises ValueError where one is too long to be looked at."""
    for x in map(Dual.of, flat(cells)):
        parts = (
            (x.value.numerator, x.value.denominator)
            if isinstance(x.value, Fraction)
            else (x.value,)
        )
        if not all(abs(part) < longest for part in parts):
            raise ValueError("a number of an example has too many digits")
    return cells


def _concrete(derivation: DerivedGradients) -> tuple[Expr, dict[str, str]]:
    """Return the objective with every unspecified loss L(Z) replaced by 1/2 ||Z - T||^2."""
    problem = derivation.problem
    taken = {*derivation.problem.taken}
    targets: dict[str, str] = {}

    def change(e: Expr, args: tuple[Expr, ...]) -> Expr:
        if not e.is_loss:
            return with_args(e, args)
        assert isinstance(e.data, tuple)
        names = ("T", *(f"T{k}" for k in range(1, 100)))
        name = next(n for n in names if n not in taken)
        taken.add(name)
        targets[name] = e.data[1]
        gap = add(args[0], neg(var(name, args[0].shape)))
        return mul(num(Fraction(1, 2)), power(node("norm", (gap,), SCALAR), num(2)))

    return rebuild(problem.objective, change), targets


def _differences(
    objective: Expr, sizes: Mapping[str, int], values: Mapping[str, Cells], name: str
) -> Cells:
    plain = {n: [[float(x) for x in r] for r in c] for n, c in values.items()}
    found: Cells = []
    for i, r in enumerate(plain[name]):
        found.append([])
        for j in range(len(r)):
            ends = []
            for sign in (1, -1):
                moved = [list(q) for q in plain[name]]
                moved[i][j] += sign * STEP
                at = Explicit(sizes, {**plain, name: moved}, math=FloatMath())
                ends.append(float(Dual.of(at.cells(objective)[0][0]).value))
            found[-1].append((ends[0] - ends[1]) / (2 * STEP))
    return found
