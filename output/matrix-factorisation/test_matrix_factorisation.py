"""Tests of matrix_factorisation.py: gradients against differences, dtypes, shapes."""

import numpy as np
import pytest

import matrix_factorisation as code

SIZES = [{'m': 2, 'n': 3, 'k': 4}, {'m': 1, 'n': 3, 'k': 1}, {'m': 3, 'n': 1, 'k': 3}]
POINTS = [0, 1, 2]
VARIABLES = ['A', 'M', 'P', 'Q', 'lam']
POSITIVE = ['lam']
GIVEN = []
GRADIENTS = {'P': 'P', 'Q': 'Q'}
LOSSES = []
HIDDEN = []
FUNCTIONS = {}

STRUCTURES = {'M': 'binary'}


def with_structure(name, x):
    """Return an array with the structure that its variable was declared to have."""
    kind = STRUCTURES.get(name)
    if kind == "binary":
        return (x > 0) * 1.0
    return x


def shapes(sizes):
    """Return the shape of every array at the given sizes."""
    m, n, k = (sizes[d] for d in ['m', 'n', 'k'])
    return {
        "A": (m, n),
        "M": (m, n),
        "P": (m, k),
        "Q": (n, k),
        "lam": (),
    }


def draw(sizes, seed):
    """Return random inputs and given gradients of the right shapes."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for name, shape in shapes(sizes).items():
        values = rng.uniform(0.5, 1.5, shape)
        signs = 1.0 if name in POSITIVE else rng.choice([-1.0, 1.0], shape)
        arrays[name] = with_structure(name, np.asarray(values * signs))
    return {n: arrays[n] for n in VARIABLES}, {n: arrays[n] for n in GIVEN}


def objective(inputs, given, sizes):
    """Return the objective; an unspecified loss is stood in for by the inner product with G."""
    value = code.forward(*inputs.values(), **losses(given), **others(sizes))
    if LOSSES or not given:
        return value
    (gradient,) = given.values()
    return (gradient * value).sum()


def others(sizes):
    """Return what is passed by name: sizes that no array shows, unspecified functions."""
    return {**FUNCTIONS, **{d: sizes[d] for d in HIDDEN}}


def losses(given):
    """Return the losses that are passed as callables: inner products with their gradients."""
    return {n: lambda z, g=g: (g * z).sum() for n, g in zip(LOSSES, given.values())}


def backward(inputs, given, sizes, **options):
    """Return the gradients of the generated code."""
    names = {**losses(given), **others(sizes), **options}
    with np.errstate(all="ignore"):
        return code.backward(*inputs.values(), *given.values(), **names)


def difference(inputs, given, sizes, name, place):
    """Return the derivative of the objective by one entry, by central differences."""
    step = 1e-6
    here, ends = objective(inputs, given, sizes), []
    for sign in (1, -1):
        moved = {n: np.array(a) for n, a in inputs.items()}
        moved[name][place] += sign * step
        ends.append(objective(moved, given, sizes))
    right, left = (ends[0] - here) / step, (here - ends[1]) / step
    is_kink = abs(right - left) > 1e-3 * max(1.0, abs(right), abs(left))
    return np.nan if is_kink else (right + left) / 2


@pytest.mark.parametrize("seed", POINTS)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_gradients_equal_differences(sizes, seed):
    inputs, given = draw(sizes, seed)
    gradients = backward(inputs, given, sizes)
    assert set(gradients) == set(GRADIENTS)
    if not all(np.all(np.isfinite(g)) for g in gradients.values()):
        pytest.skip("outside the domain at these sizes")
    for name, parameter in GRADIENTS.items():
        assert np.shape(gradients[name]) == inputs[parameter].shape
        for place in np.ndindex(inputs[parameter].shape):
            expected = difference(inputs, given, sizes, parameter, place)
            found = np.asarray(gradients[name])[place]
            assert np.isnan(expected) or abs(found - expected) <= 1e-6 * max(1.0, abs(expected)), (name, place)


def test_cache_gives_the_same_gradients():
    sizes = SIZES[0]
    inputs, given = draw(sizes, 0)
    cache = {}
    code.forward(*inputs.values(), **losses(given), **others(sizes), cache=cache)
    plain = backward(inputs, given, sizes)
    cached = backward(inputs, given, sizes, cache=cache)
    for name in GRADIENTS:
        assert np.array_equal(plain[name], cached[name])
    for key in cache:
        with pytest.raises(KeyError):
            backward(inputs, given, sizes, cache={k: v for k, v in cache.items() if k != key})


def test_float32_stays_float32():
    sizes = SIZES[0]
    inputs, given = draw(sizes, 0)
    inputs = {k: v.astype(np.float32) for k, v in inputs.items()}
    given = {k: v.astype(np.float32) for k, v in given.items()}
    for gradient in backward(inputs, given, sizes).values():
        assert np.asarray(gradient).dtype == np.float32


@pytest.mark.parametrize("name", VARIABLES)
def test_wrong_shape_is_refused(name):
    sizes = SIZES[0]
    inputs, given = draw(sizes, 0)
    inputs[name] = np.ones((*inputs[name].shape, 2))
    with pytest.raises(ValueError, match=name + r" has shape .* expected"):
        backward(inputs, given, sizes)
