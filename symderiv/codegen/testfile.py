"""The test that travels with a generated module: plain pytest and numpy."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ..derivation.derivations import DerivedGradients
from ..problems import Problem
from ..values.sampling import inside, least_sizes
from .guard import checked
from .literals import literal, quoted
from .matrix_tests import constants_of_matrices, tests_of_matrices
from .module import Module
from .numpy_code import python_name
from .structured_arrays import source_of_projections, source_of_structures, structure

_OPENING = '''"""Tests of {module}.py: gradients against differences, dtypes, shapes."""

import numpy as np
import pytest

import {module} as code

'''
# What a point is.
POINT = '''SIZES = {sizes}
POINTS = {points}
VARIABLES = {variables}
POSITIVE = {positive}
GIVEN = {given}
GRADIENTS = {gradients}
LOSSES = {losses}
HIDDEN = {hidden}
FUNCTIONS = {functions}{matrices}{structures}{conventions}


def shapes(sizes):
    """Return the shape of every array at the given sizes."""
{unpacked}    return {{
{shapes}
    }}


def draw(sizes, seed):
    """Return random inputs and given gradients of the right shapes."""
    rng = np.random.default_rng(seed)
    arrays = {{}}
    for name, shape in shapes(sizes).items():
        values = rng.uniform({box}, shape)
        signs = 1.0 if name in POSITIVE else rng.choice([-1.0, 1.0], shape)
        arrays[name] = {drawn}
    return {{n: arrays[n] for n in VARIABLES}}, {{n: arrays[n] for n in GIVEN}}
'''
# And what the code is compared with there: a notebook has it as well.
_TOOLS = f'''{POINT}

def objective(inputs, given, sizes):
    """Return the objective; an unspecified loss is stood in for by the inner product with G."""
    value = code.forward(*inputs.values(), **losses(given), **others(sizes))
    if LOSSES or not given:
        return value
    (gradient,) = given.values()
    return (gradient * value).sum()


def others(sizes):
    """Return what is passed by name: sizes that no array shows, unspecified functions."""
    return {{{{**FUNCTIONS, **{{{{d: sizes[d] for d in HIDDEN}}}}}}}}


def losses(given):
    """Return the losses that are passed as callables: inner products with their gradients."""
    return {{{{n: lambda z, g=g: (g * z).sum() for n, g in zip(LOSSES, given.values())}}}}


def backward(inputs, given, sizes, **options):
    """Return the gradients of the generated code."""
    names = {{{{**losses(given), **others(sizes), **options}}}}
    with np.errstate(all="ignore"):
        return code.backward(*inputs.values(), *given.values(), **names)


def difference(inputs, given, sizes, name, place):
    """Return the derivative of the objective by one entry, by {{method}}."""
{{difference}}


'''
_LAW = """@pytest.mark.parametrize("seed", POINTS)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_gradients_equal_differences(sizes, seed):
"""
_COMPARISON = """    inputs, given = draw(sizes, seed)
    gradients = backward(inputs, given, sizes)
    assert set(gradients) == set(GRADIENTS)
    if not all(np.all(np.isfinite(g)) for g in gradients.values()):
        {outside}
    for name, parameter in GRADIENTS.items():
        assert np.shape(gradients[name]) == inputs[parameter].shape
{compared}
"""
_OTHERS = """

def test_cache_gives_the_same_gradients():
    sizes = SIZES[0]
    inputs, given = draw(sizes, 0)
    cache = {{}}
    code.forward(*inputs.values(), **losses(given), **others(sizes), cache=cache)
    plain = backward(inputs, given, sizes)
    cached = backward(inputs, given, sizes, cache=cache)
    for name in GRADIENTS:
        assert np.array_equal(plain[name], cached[name])
    for key in cache:
        with pytest.raises(KeyError):
            backward(inputs, given, sizes, cache={{k: v for k, v in cache.items() if k != key}})


def test_float32_stays_float32():
    sizes = SIZES[0]
    inputs, given = draw(sizes, 0)
    inputs = {{k: v.astype(np.float32) for k, v in inputs.items()}}
    given = {{k: v.astype(np.float32) for k, v in given.items()}}
    for gradient in backward(inputs, given, sizes).values():
        assert np.asarray(gradient).dtype == np.float32


@pytest.mark.parametrize("name", VARIABLES)
def test_wrong_shape_is_refused(name):
    sizes = SIZES[0]
    inputs, given = draw(sizes, 0)
    inputs[name] = np.ones((*inputs[name].shape, 2))
    with pytest.raises(ValueError, match=name + r" has shape .* expected"):
        backward(inputs, given, sizes)
{tests_of_matrices}"""

_SKIPPED = 'pytest.skip("outside the domain at these sizes")'
_DRAWN = "np.asarray(values * signs)"
_DRAWN_SHAPED = "with_structure(name, np.asarray(values * signs))"

_COMPARED = """        for place in np.ndindex(inputs[parameter].shape):
            expected = difference(inputs, given, sizes, parameter, place)
            found = np.asarray(gradients[name])[place]
            assert abs(found - expected) <= {tolerance} * max(1.0, abs(expected)), (name, place)"""

_COMPARED_PROJECTED = """        slopes = np.zeros(inputs[parameter].shape)
        for place in np.ndindex(slopes.shape):
            slopes[place] = difference(inputs, given, sizes, parameter, place)
        expected = projected(parameter, inputs[parameter], slopes)
        gap = np.abs(gradients[name] - expected)
        assert np.all(gap <= {tolerance} * np.maximum(1.0, np.abs(expected))), name"""

_COMPARED_BESIDE_KINKS = _COMPARED.replace("assert abs(", "assert np.isnan(expected) or abs(")

_COMPLEX = """    step = 1e-30
    moved = {n: np.array(a, dtype=complex) for n, a in inputs.items()}
    moved[name][place] += 1j * step
    return objective(moved, given, sizes).imag / step"""

_CENTRAL = """    step = 1e-6
    ends = []
    for sign in (1, -1):
        moved = {n: np.array(a) for n, a in inputs.items()}
        moved[name][place] += sign * step
        ends.append(objective(moved, given, sizes))
    return (ends[0] - ends[1]) / (2 * step)"""


# Whole numbers may lie at a kink, where a function has two slopes and no gradient.
_CENTRAL_BESIDE_KINKS = """    step = 1e-6
    here, ends = objective(inputs, given, sizes), []
    for sign in (1, -1):
        moved = {n: np.array(a) for n, a in inputs.items()}
        moved[name][place] += sign * step
        ends.append(objective(moved, given, sizes))
    right, left = (ends[0] - here) / step, (here - ends[1]) / step
    is_kink = abs(right - left) > 1e-3 * max(1.0, abs(right), abs(left))
    return np.nan if is_kink else (right + left) / 2"""

_DIFFERENT = 6  # sizes of a check that all differ; of more they come again in turn
_WHOLE = {"binary", "pm1", "onehot", "onehot_cols", "count"}  # properties of whole numbers


def source_of_test(
    derivation: DerivedGradients, module: Module, positive: Sequence[str] = (), scale: float = 1.0
) -> str:
    """Return the source of a pytest file for a generated module.

    ``positive`` names the variables that are drawn positive (under a logarithm or a root), beside
    those that are declared so; ``scale`` makes the box of the points smaller, where functions
    saturate.
    """
    parts = parts_of_test(derivation, module, positive, scale)
    whole = _OPENING + _TOOLS + _LAW + _COMPARISON + _OTHERS
    source = whole.format(outside=_SKIPPED, **parts)
    checked(source, ["pytest", module.name])
    return source


def source_of_check(
    derivation: DerivedGradients, module: Module, positive: Sequence[str] = (), scale: float = 1.0
) -> tuple[str, str]:
    """Return the functions and constants of that file, and what its first test does at a point.

    Where the point is outside the domain, that returns None.
    """
    parts = parts_of_test(derivation, module, positive, scale)
    return _TOOLS.format(**parts), _COMPARISON.format(outside="return None", **parts)


def parts_of_test(
    derivation: DerivedGradients, module: Module, positive: Sequence[str], scale: float
) -> dict[str, str]:
    """Return what the templates of the file leave open."""
    size = scale * (0.25 if inside([derivation.problem.objective]) else 1.0)
    problem = derivation.problem
    kinds = {python_name(n): structure(v.properties) for n, v in problem.variables.items()}
    shaped = {n: kind for n, kind in kinds.items() if kind is not None}
    conventions = {python_name(n): kind for n, kind in derivation.conventions.items()}
    compared = _COMPARED_PROJECTED if conventions else _COMPARED
    difference = _COMPLEX if module.analytic else _CENTRAL
    whole = any(_WHOLE & {*v.properties} for v in problem.variables.values())
    if whole and not module.analytic and not conventions:
        compared, difference = _COMPARED_BESIDE_KINKS, _CENTRAL_BESIDE_KINKS
    tolerance = "1e-12" if module.analytic else "1e-6"
    return {
        "module": module.name,
        "sizes": literal(checked_sizes(derivation)),
        "points": literal([0, 1, 2]),
        "box": f"{0.5 * size}, {1.5 * size}",
        "variables": literal([python_name(n) for n in module.forward]),
        "positive": literal(_positive(problem, positive)),
        "given": literal([python_name(n) for n in problem.upstream]),
        "gradients": literal({n: python_name(n) for n in module.gradients}),
        "losses": literal(list(module.losses)),
        "hidden": literal(list(module.sizes)),
        "functions": _stand_ins(module.functions),
        "unpacked": _unpacked(problem.dims),
        "shapes": "\n".join(_shape_line(n, dims) for n, dims in module.shapes),
        "structures": source_of_structures(shaped).rstrip(),
        "drawn": _DRAWN_SHAPED if shaped else _DRAWN,
        "method": "a complex step" if module.analytic else "central differences",
        "difference": difference,
        "conventions": source_of_projections(conventions).rstrip(),
        "compared": compared.format(tolerance=tolerance),
        "matrices": constants_of_matrices(module),
        "tests_of_matrices": tests_of_matrices(module, shaped),
    }


def _positive(problem: Problem, names: Sequence[str]) -> list[str]:
    known = problem.variables.items()
    return [python_name(n) for n, v in known if n in names or "positive" in v.properties]


def _unpacked(dims: Iterable[str]) -> str:
    names = [*dims]
    left = ", ".join(map(python_name, names)) + ("," if len(names) == 1 else "")
    return f"    {left} = (sizes[d] for d in {literal(names)})\n" if names else ""


def _shape_line(name: str, dims: Sequence[str]) -> str:
    """Return an entry of the shapes; a size is a number, a symbol, or products and sums of them."""
    plain = [re.sub(r"[A-Za-z_]\w*", lambda m: python_name(m[0]), d) for d in dims]
    inside = ", ".join(plain) + ("," if len(plain) == 1 else "")
    return f"        {quoted(name)}: ({inside}),"


_STAND_INS = (
    "lambda t: np.sin(0.7 * t) + t * t / 4",
    "lambda t: 0.7 * np.cos(0.7 * t) + t / 2",
    "lambda t: -0.49 * np.sin(0.7 * t) + 0.5",
)


def _stand_ins(functions: Sequence[tuple[str, int]]) -> str:
    """Return stand-ins for f, fp, fpp as source."""
    return "{" + ", ".join(f"{quoted(n)}: {_STAND_INS[order]}" for n, order in functions) + "}"


def checked_sizes(derivation: DerivedGradients) -> list[dict[str, int]]:
    """Return the choices of sizes of a check, raised where a position needs it.

    Sizes at which no point lies in the domain (X.T @ X of a wide X has no inverse) are left out,
    and those of the first choice turned round are tried in their place.
    """
    dims = derivation.problem.dims
    least = least_sizes([derivation.problem.objective])
    choices = size_choices(len(dims))
    rows = [*choices, choices[0][::-1]]
    sizes = [least.raised(dict(zip(dims, r, strict=True))) for r in rows]
    plain, turned = sizes[:-1], sizes[-1]
    if derivation.is_defined(plain[0]):
        return plain
    return [s for s in (turned, *plain[1:]) if derivation.is_defined(s)] or plain


def size_choices(count: int) -> list[list[int]]:
    """Return three choices of sizes: all different, and 1 in turn with 3.

    Of many sizes those that stand together differ: products of matrices grow with their cubes.

    >>> size_choices(3)
    [[2, 3, 4], [1, 3, 1], [3, 1, 3]]
    """
    base = [2 + k % _DIFFERENT for k in range(count)]
    ones = [1 if k % 2 == 0 else 3 for k in range(count)]
    flipped = [3 if k % 2 == 0 else 1 for k in range(count)]
    return [base, ones, flipped] if count else [[]]
