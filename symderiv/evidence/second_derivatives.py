"""Takes a Jacobian or a Hessian; compares it with dual numbers, differences and JAX.

What is compared with dual numbers is the expression that is printed, column by column; with
differences and JAX it is the code of it. Any failure raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np

from ..codegen.evaluation import evaluate
from ..codegen.module import Compiled
from ..codegen.structured_arrays import structured
from ..core.budget import Checks, allowed, spend
from ..core.cells import each, flat, turned_over
from ..core.errors import BudgetError, CheckError, InputError, NoEntriesError
from ..core.expr import walk
from ..core.shapes import SCALAR
from ..derivation.derivations import DerivedGradients
from ..derivation.jacobians import DerivativeMatrix
from ..entries.matrix_entries import MatrixEntries, check_entries, matrix_entries
from ..ops import Cells
from ..problems import Problem
from ..values.explicit import Dual, DualMath, Explicit
from ..values.sampling import distinct_sizes, inside, least_sizes
from .backends import installed, jax_forward
from .certificate import Certificate
from .differences import PointBox, relative_error, unspecified
from .matrix_code import matrix_value, product_error
from .structured_checks import Pairs, compare_with_duals, plain_cells
from .verification import Evidence, check_roads, differences_of_code, problem_data, versions

_NONE: tuple[Mapping[str, Any], ...] = ()
_NO_STEPS: dict[str, int] = {}
_QUICK = 100  # numbers that NumPy computes in a step
_MOST_SIZES = 8
_SMALL = 1_000_000  # steps of writing out every entry
_STEP = 2e-4
_SEEDS = 12
_EVALUATIONS = 24  # by each entry: 4 for one difference, of two steps, at three points
_TOLERANCE = 1e-6
_SAME = 1e-9  # how far a product with a direction is from that with the matrix at most


def shown_sizes(problem: Problem, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with the sizes that the arrays of a problem show, also unused ones.

    Raises InputError for a size that is given and that an array contradicts.
    """
    found = dict(values)
    for name, v in problem.variables.items():
        shape = _shape(name, values[name]) if name in values else ()
        for dim, size in zip(v.shape, shape, strict=False):
            if len(dim.symbols) == 1 and dim.coefficient == 1 and len(shape) <= 2:
                symbol = dim.symbols[0]
                found.setdefault(symbol, int(size))
                if symbol in values and found[symbol] != size:
                    raise InputError(
                        f"{symbol} = {found[symbol]} is given, and {name} of shape {shape} has "
                        f"{symbol} = {size}",
                        remedy="leave it out: sizes come from the arrays",
                    )
    return found


def _shape(name: str, value: Any) -> tuple[int, ...]:
    try:
        return np.shape(value)
    except ValueError:  # rows of several lengths
        raise InputError(f"{name} is not an array of numbers") from None


def gather_matrix(
    jacobian: DerivativeMatrix, derivation: DerivedGradients, compiled: Compiled
) -> Evidence:
    """Run every check of a matrix and of the module that was made for it alone."""
    checks = Checks()
    certificate = verify_jacobian(jacobian, compiled)
    what = "the check of generated code by differences"
    nowhere = (_NONE, PointBox())
    found, where = checks.run(what, lambda: differences_of_code(derivation, compiled), nowhere)
    certificate = replace(
        certificate,
        differences=(*found, *certificate.differences),
        left_out=tuple(dict.fromkeys((*certificate.left_out, *checks.left_out))),
    )
    return Evidence(certificate, compiled, where)


def verify_jacobian(jacobian: DerivativeMatrix, compiled: Compiled) -> Certificate:
    """Return the certificate of a Jacobian or Hessian; raises DisagreementError or CheckError.

    ``compiled`` is a module that has its function, and that of its product.
    """
    kind, checks = jacobian.kind.capitalize(), Checks()
    roads = _NONE
    if jacobian.is_hessian:
        first = DerivedGradients(jacobian.problem, [jacobian.of])
        what = "the comparison of both roads"
        roads = checks.run(what, lambda: check_roads(first, patterns=False), _NONE)
    columns = checks.run(
        f"the comparison of the {kind} with dual numbers", lambda: (_columns(jacobian),), _NONE
    )
    steps = checks.run(
        f"the check of the printed equations of the {kind}",
        lambda: {"equations": jacobian.recheck() + _entries_checked(jacobian), "seed": 0},
        _NO_STEPS,
    )
    differences = checks.run(
        f"the check of the {kind} by differences", lambda: _differences(jacobian, compiled), _NONE
    )
    backends = checks.run(
        f"the comparison of the {kind} with JAX", lambda: _jax(jacobian, compiled), _NONE
    )
    return Certificate(
        problem=problem_data(jacobian.problem),
        gradients={jacobian.label: jacobian.text},
        roads=(*roads, *columns),
        steps=steps,
        differences=differences,
        backends=backends,
        versions=versions(),
        left_out=tuple(checks.left_out),
    )


def verify_entries(second: DerivativeMatrix) -> Certificate:
    """Return the certificate of second derivatives that have no matrix, by their entries alone.

    The equations that are printed begin with the derivative itself, by dual numbers.
    """
    checks = Checks()
    what = f"the check of the printed equations of {second.label}"
    steps = checks.run(what, lambda: {"equations": second.recheck(), "seed": 0}, _NO_STEPS)
    return Certificate(
        problem=problem_data(second.problem),
        gradients={second.label: second.index_form},
        steps=steps,
        left_out=tuple(checks.left_out),
    )


def verify_at_numbers(
    jacobian: DerivativeMatrix,
    compiled: Compiled,
    of_symbols: Certificate,
    symbols: Mapping[str, int],
) -> Certificate:
    """Return the certificate of a matrix whose sizes are large numbers, checked as symbols.

    Its own code is compared with differences along a direction.
    """
    checks = Checks()
    what = f"the check of the {jacobian.kind.capitalize()} at its own sizes"
    checks.run(what, lambda: _check_along(jacobian, compiled), None)
    return replace(
        of_symbols,
        problem=problem_data(jacobian.problem),
        gradients={jacobian.label: jacobian.text},
        left_out=(*of_symbols.left_out, *checks.left_out),
        symbols=symbols,
    )


def _check_along(jacobian: DerivativeMatrix, compiled: Compiled) -> None:
    """Compare a matrix with differences along a direction; symbols are 2. Raises CheckError."""
    value = matrix_value(jacobian, compiled)
    sizes = dict.fromkeys(jacobian.problem.dims, 2)
    numbers = prod(d.at(sizes) for d in jacobian.expr.shape)
    spend(numbers // _QUICK, f"a matrix of {numbers:,} numbers")
    for seed in range(3):
        arrays = _arrays(jacobian, sizes, seed)
        way = np.random.default_rng(seed).uniform(-1, 1, np.shape(arrays[jacobian.name]))
        matrix = value(**arrays)
        matrix = matrix.T if jacobian.layout == "denominator" else matrix
        by_scalar = not jacobian.variable.written
        ours = np.ravel(matrix * way if by_scalar else matrix @ np.ravel(way, "F"), "F")
        slopes = [_slope(jacobian, arrays, way, h) for h in (_STEP, _STEP / 2)]
        theirs, again = (np.ravel(x, "F") for x in slopes)
        settled = relative_error(again, theirs) <= _TOLERANCE / 10
        if settled and not relative_error(ours, theirs) <= _TOLERANCE:
            raise CheckError(f"the {jacobian.kind} differs from a difference at its own sizes")


def joined(first: Certificate, second: Certificate) -> Certificate:
    """Return a certificate with what a second one holds about a Hessian of the same problem."""
    steps = {**second.steps, **first.steps}
    if steps:
        count = sum(c.steps.get("equations", 0) for c in (first, second))
        steps["equations"] = count
    return replace(
        first,
        gradients={**first.gradients, **second.gradients},
        roads=(*first.roads, *(r for r in second.roads if "what" in r)),
        steps=steps,
        differences=(*first.differences, *second.differences),
        backends=(*first.backends, *second.backends),
        left_out=tuple(dict.fromkeys((*first.left_out, *second.left_out))),
    )


def small_entries(jacobian: DerivativeMatrix) -> MatrixEntries | str:
    """Return every entry at sizes of 2 (more where a position needs it), or why there is none.

    They are compared with the matrix that is printed; raises DisagreementError.
    """
    problem = jacobian.in_names
    sizes = least_sizes([problem.objective]).raised(dict.fromkeys(problem.dims, 2))
    asked = (problem.objective, jacobian.name, sizes, jacobian.of)
    try:
        with allowed("every entry of the matrix of derivatives", _SMALL):
            found = matrix_entries(problem, *asked)
            check_entries(problem, found, jacobian.numerator)
    except (NoEntriesError, BudgetError) as error:
        return error.subject
    return found


def _entries_checked(jacobian: DerivativeMatrix) -> int:
    """Compare the entries that a document writes out; return how many there are."""
    found = small_entries(jacobian)
    return 0 if isinstance(found, str) else len(flat(found.matrix))


def _columns(jacobian: DerivativeMatrix) -> dict[str, Any]:
    """Compare every column with dual numbers, exactly where the functions are rational."""

    def both(here: Explicit) -> tuple[Cells, Pairs]:
        ours = plain_cells(here.cells(jacobian.expr))
        theirs = _by_duals(jacobian, here.sizes, here.values)
        return ours, list(zip(flat(ours), flat(theirs), strict=True))

    what = f"{jacobian.kind} by {' and '.join(jacobian.variables)}"
    found = compare_with_duals(jacobian.problem, jacobian.expr, both, what, _MOST_SIZES)
    return {"by": jacobian.name, **found, "what": f"{jacobian.kind.capitalize()} {jacobian.label}"}


def _by_duals(
    jacobian: DerivativeMatrix, sizes: Mapping[str, int], values: Mapping[str, Cells]
) -> Cells:
    """Return the Jacobian column by column, each by one dual direction."""
    name = jacobian.name
    columns: list[list[Any]] = []
    rows = len(values[name])
    for place in range(rows * len(values[name][0])):
        moved = [[Dual.of(x) for x in r] for r in values[name]]
        x = moved[place % rows][place // rows]
        moved[place % rows][place // rows] = Dual(x.value, Fraction(1))
        lifted = {n: each(Dual.of, c) for n, c in values.items()}
        lifted[name] = moved
        cells = Explicit(sizes, lifted, math=DualMath()).cells(jacobian.value)
        slopes = [[Dual.of(x).slope for x in r] for r in cells]
        if jacobian.variable.shape == SCALAR:
            return _laid(slopes, jacobian)
        columns.append([r[j] for j in range(len(slopes[0])) for r in slopes])
    return _laid(turned_over(columns), jacobian)


def _laid(cells: Cells, jacobian: DerivativeMatrix) -> Cells:
    if jacobian.layout == "numerator":
        return cells
    return turned_over(cells)


def _arrays(jacobian: DerivativeMatrix, sizes: Mapping[str, int], seed: int) -> dict[str, Any]:
    """Return what the printed expressions are evaluated with: a point of the box 0.5 .. 1.5."""
    rng = np.random.default_rng([seed, *sizes.values()])
    problem = jacobian.problem
    scale = 0.25 if inside([problem.objective]) else 1.0
    entries = sum(prod(d.at(sizes) for d in v.shape) for v in problem.variables.values())
    spend(entries // _QUICK, f"arrays of {entries:,} entries")
    found: dict[str, Any] = dict(sizes)
    for name, v in problem.variables.items():
        plain = rng.uniform(0.5, 1.5, tuple(d.at(sizes) for d in v.written)) * scale
        found[name] = structured(plain, v.properties)
    for name, x in problem.upstream.items():
        found[name] = rng.uniform(0.5, 1.5, tuple(d.at(sizes) for d in x.shape if str(d) != "1"))
    for letter in problem.declared.entrywise or ("f", "g", "h"):
        for order in range(4):
            found.setdefault(letter + "p" * order, unspecified(min(order, 2)))
    return found


def _dominant(jacobian: DerivativeMatrix, arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Return a point with square matrices that have large diagonals, which most functions have."""
    found = dict(arrays)
    for name in jacobian.problem.variables:
        x = arrays[name]
        if np.ndim(x) == 2 and len(x) == x.shape[1]:
            found[name] = x + 2 * len(x) * np.eye(len(x))
    return found


def _differences(jacobian: DerivativeMatrix, compiled: Compiled) -> tuple[Mapping[str, Any], ...]:
    """Compare the generated code with central differences of what is differentiated.

    Three points at which two steps of the difference agree; where they do not, the function bends
    too fast for any difference (an inverse close to a singular matrix). The product with a
    direction is compared with that of the matrix.
    """
    problem, value = jacobian.problem, matrix_value(jacobian, compiled)
    sizes = distinct_sizes(problem.dims, least_sizes([problem.objective, jacobian.expr]))
    _count(jacobian, sizes)
    name, worst, entries = jacobian.name, 0.0, 0
    products: list[float] = []
    seeds: list[int] = []
    for seed in range(_SEEDS):
        if len(seeds) == 3:
            break
        arrays = _arrays(jacobian, sizes, seed)
        try:
            evaluate(jacobian.value, arrays)
        except np.linalg.LinAlgError:  # no factor, root or logarithm there
            arrays = _dominant(jacobian, arrays)
        ours = value(**arrays)
        theirs, again = (_quotients(jacobian, arrays, ours.shape, h) for h in (_STEP, _STEP / 2))
        if not relative_error(again, theirs) <= _TOLERANCE / 10:
            continue
        seeds.append(seed)
        error = relative_error(ours, theirs)
        if not error <= _TOLERANCE:
            raise CheckError(
                f"the {jacobian.kind} by {name} differs from differences by {error:.1e}",
                remedy=f"at sizes {sizes}, seed {seed}",
            )
        worst, entries = max(worst, error), entries + ours.size
        products += _product_errors(jacobian, compiled, arrays, ours)
    if not seeds:
        raise CheckError(
            f"differences do not settle at any point that was tried for the {jacobian.kind}",
            remedy="declare variables that must be so as positive or invertible",
        )
    known = {"by": name, "entries": entries, "sizes": [sizes], "seeds": seeds}
    method, what = "central differences of fourth order", "the product with a direction"
    found = {**known, "method": method, "error": _short(worst), "bound": _TOLERANCE}
    same = {**known, "what": what, "method": "that of the matrix", "bound": _SAME}
    return (found, {**same, "error": _short(max(products))}) if products else (found,)


def _product_errors(
    jacobian: DerivativeMatrix, compiled: Compiled, arrays: Mapping[str, Any], matrix: Any
) -> list[float]:
    """Return how far the product with a direction is from that of a matrix, if there is one."""
    gap = product_error(jacobian, compiled, arrays, matrix)
    if gap is not None and not gap <= _SAME:
        raise CheckError(f"the product of the {jacobian.kind} by {jacobian.name} is not its own")
    return [] if gap is None else [gap]


def _short(error: float) -> float:
    return float(f"{error:.1e}")


def _count(jacobian: DerivativeMatrix, sizes: Mapping[str, int]) -> None:
    """Count the numbers of a matrix, and of the values from which its differences are taken."""
    numbers = prod(d.at(sizes) for d in jacobian.expr.shape)
    entries = prod(d.at(sizes) for d in jacobian.variable.shape)
    inside = max(prod(d.at(sizes) for d in e.shape) for e in walk(jacobian.value))
    spend(numbers // _QUICK, f"a matrix of {numbers:,} numbers")
    spend(_EVALUATIONS * entries * (1 + inside // _QUICK), f"differences by {entries:,} entries")


def _quotients(
    jacobian: DerivativeMatrix, arrays: Mapping[str, Any], shape: tuple[int, ...], step: float
) -> Any:
    found, x = np.zeros(shape), arrays[jacobian.name]
    for spot in np.ndindex(np.shape(x)):
        way = np.zeros(np.shape(x))
        way[spot] = 1
        _put(found, _slope(jacobian, arrays, way, step), spot, jacobian, x)
    return found


def _slope(jacobian: DerivativeMatrix, arrays: Mapping[str, Any], way: Any, step: float) -> Any:
    """Return the derivative along a direction: a central difference of fourth order."""
    name, found = jacobian.name, 0.0
    for steps, weight in ((1, 8), (-1, -8), (2, -1), (-2, 1)):
        moved = arrays[name] + steps * step * way
        found = found + weight * evaluate(jacobian.value, {**arrays, name: moved})
    return found / (12 * step)


def _put(into: Any, slope: Any, spot: tuple[int, ...], jacobian: DerivativeMatrix, x: Any) -> None:
    """Put the derivative by one entry where vec order has it."""
    if not jacobian.variable.written:
        into[...] = slope.T if jacobian.layout == "denominator" and slope.ndim == 2 else slope
        return
    place = int(np.ravel_multi_index(spot, np.shape(x), order="F"))
    flat = np.ravel(slope, order="F")
    if jacobian.layout == "numerator":
        into[:, place] = flat
    else:
        into[place, :] = flat


def _jax(jacobian: DerivativeMatrix, compiled: Compiled) -> tuple[Mapping[str, Any], ...]:
    """Compare with jax.jacobian, of the forward pass or of its gradient, where it is installed."""
    problem, name = jacobian.problem, jacobian.name
    plain = problem.upstream or any(e.op == "apply" for e in walk(problem.objective))
    if "jax" not in installed() or plain or jacobian.is_mixed:
        return ()
    sizes = distinct_sizes(problem.dims, least_sizes([problem.objective, jacobian.expr]))
    arrays = _arrays(jacobian, sizes, 0)
    inputs = {n: arrays[n] for n in problem.variables}
    value = matrix_value(jacobian, compiled)
    found = jax_forward(compiled, inputs, sizes, name, jacobian.is_hessian)
    ours, theirs = value(**arrays), np.zeros(np.shape(value(**arrays)))
    count = np.ndim(arrays[name])
    for spot in np.ndindex(np.shape(arrays[name])):
        here = found[(..., *spot)] if count else found
        _put(theirs, here, spot, jacobian, arrays[name])
    error = relative_error(ours, theirs)
    if not error <= 1e-8:
        raise CheckError(f"the {jacobian.kind} by {name} differs from jax's by {error:.1e}")
    name = f"jax.{jacobian.kind}"
    return ({"name": name, "error": float(f"{error:.1e}"), "sizes": 1, "bound": 1e-8},)
