"""Tests of ridge_regression.py: gradients against differences, dtypes, shapes."""

import numpy as np
import pytest

import ridge_regression as code

SIZES = [{'n': 2, 'd': 3}, {'n': 1, 'd': 3}, {'n': 3, 'd': 1}]
POINTS = [0, 1, 2]
VARIABLES = ['X', 'w', 'y', 'lam']
POSITIVE = ['lam']
GIVEN = []
GRADIENTS = {'w': 'w'}
LOSSES = []
HIDDEN = []
FUNCTIONS = {}
# By name: the gradient that is differentiated, by what, whether transposed, the product.
MATRICES = {'hessian': ('w', 'w', False, 'hessian_product')}
CALLED = {"hessian": code.hessian, "hessian_product": code.hessian_product}
FACTORS = []


def shapes(sizes):
    """Return the shape of every array at the given sizes."""
    n, d = (sizes[d] for d in ['n', 'd'])
    return {
        "X": (n, d),
        "w": (d,),
        "y": (n,),
        "lam": (),
    }


def draw(sizes, seed):
    """Return random inputs and given gradients of the right shapes."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for name, shape in shapes(sizes).items():
        values = rng.uniform(0.5, 1.5, shape)
        signs = 1.0 if name in POSITIVE else rng.choice([-1.0, 1.0], shape)
        arrays[name] = np.asarray(values * signs)
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
    """Return the derivative of the objective by one entry, by a complex step."""
    step = 1e-30
    moved = {n: np.array(a, dtype=complex) for n, a in inputs.items()}
    moved[name][place] += 1j * step
    return objective(moved, given, sizes).imag / step


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
            assert abs(found - expected) <= 1e-12 * max(1.0, abs(expected)), (name, place)


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


def called(name, inputs, given, sizes, *more):
    """Return what a function of a matrix returns, or of its product with a direction."""
    names = {**losses(given), **others(sizes)}
    known = [g for n, g in given.items() if n not in FACTORS]
    with np.errstate(all="ignore"):
        return CALLED[name](*inputs.values(), *known, *more, **names)


def differentiated(of, inputs, given, sizes):
    """Return what a matrix is the derivative of: the gradient by a variable, or the value."""
    if of:
        return gradient(of, inputs, given, sizes)
    return np.asarray(code.forward(*inputs.values(), **losses(given), **others(sizes)))


def gradient(of, inputs, given, sizes):
    """Return the gradient by a variable, by differences of the objective."""
    found = np.zeros(inputs[of].shape)
    for place in np.ndindex(found.shape):
        found[place] = difference(inputs, given, sizes, of, place)
    return found


def direction(name, inputs, given, sizes, seed):
    """Return a random array in the shape of the variable, of the value for a Jacobian."""
    of, by, _, _ = MATRICES[name]
    shape = differentiated(of, inputs, given, sizes).shape if FACTORS else inputs[by].shape
    return np.asarray(np.random.default_rng(seed).uniform(-1.0, 1.0, shape))


def multiplied(name, inputs, given, sizes, way):
    """Return the product of a matrix with a direction, of a transposed Jacobian."""
    of, by, _, product = MATRICES[name]
    if not FACTORS:
        return called(product, inputs, given, sizes, way)
    return backward(inputs, {**given, FACTORS[0]: way}, sizes)[by]


def by_differences(name, inputs, given, sizes, step):
    """Return a matrix by differences of fourth order, its columns in the order of vec."""
    of, by, turned, _ = MATRICES[name]
    columns = []
    for place in sorted(np.ndindex(inputs[by].shape), key=lambda p: p[::-1]):
        slope = 0.0
        for steps, weight in ((1, 8), (-1, -8), (2, -1), (-2, 1)):
            moved = {n: np.array(a, dtype=float) for n, a in inputs.items()}
            moved[by][place] += steps * step
            slope = slope + weight * differentiated(of, moved, given, sizes)
        columns.append(slope / (12 * step))
    matrix = columns[0]
    if inputs[by].ndim:
        matrix = np.stack([np.ravel(c, order="F") for c in columns], axis=1)
    return matrix.T if turned else matrix


@pytest.mark.parametrize("name", MATRICES)
@pytest.mark.parametrize("seed", POINTS)
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_matrix_equals_differences(sizes, seed, name):
    inputs, given = draw(sizes, seed)
    found = called(name, inputs, given, sizes)
    with np.errstate(all="ignore"):
        slopes, again = (by_differences(name, inputs, given, sizes, h) for h in (2e-4, 1e-4))
    assert np.size(found) == np.size(slopes)
    slopes, again = (np.reshape(x, np.shape(found)) for x in (slopes, again))
    bound = 1e-6 * np.maximum(1.0, np.abs(slopes))
    if not (np.all(np.isfinite(found)) and np.all(np.abs(again - slopes) <= bound / 10)):
        pytest.skip("no difference settles at this point")
    assert np.ndim(found) == 2 or not inputs[MATRICES[name][1]].ndim
    assert np.all(np.abs(found - slopes) <= bound)


@pytest.mark.parametrize("name", [n for n, m in MATRICES.items() if m[3]])
@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_product_is_that_of_the_matrix(sizes, name):
    inputs, given = draw(sizes, 0)
    of, by, turned, _ = MATRICES[name]
    way = direction(name, inputs, given, sizes, 1)
    found = multiplied(name, inputs, given, sizes, way)
    matrix = called(name, inputs, given, sizes)
    if not np.all(np.isfinite(matrix)):
        pytest.skip("outside the domain at these sizes")
    assert np.shape(found) == inputs[by if FACTORS else of].shape
    plain = matrix.T if turned else matrix
    if not FACTORS:
        expected = plain @ np.ravel(way, order="F")
    elif inputs[by].ndim:
        expected = plain.T @ np.ravel(way, order="F")
    else:
        expected = np.sum(plain * np.reshape(way, np.shape(plain)))
    gap = np.abs(np.ravel(found, order="F") - expected)
    assert np.all(gap <= 1e-9 * np.maximum(1.0, np.abs(expected)))


@pytest.mark.parametrize("name", MATRICES)
def test_matrix_stays_float32(name):
    inputs, given = draw(SIZES[0], 0)
    inputs = {k: v.astype(np.float32) for k, v in inputs.items()}
    given = {k: v.astype(np.float32) for k, v in given.items()}
    assert np.asarray(called(name, inputs, given, SIZES[0])).dtype == np.float32
    if MATRICES[name][3]:
        way = direction(name, inputs, given, SIZES[0], 1).astype(np.float32)
        assert multiplied(name, inputs, given, SIZES[0], way).dtype == np.float32


@pytest.mark.parametrize("name", MATRICES)
def test_matrix_refuses_a_wrong_shape(name):
    inputs, given = draw(SIZES[0], 0)
    _, by, _, product = MATRICES[name]
    if product:
        way = np.ones((*direction(name, inputs, given, SIZES[0], 0).shape, 2))
        with pytest.raises(ValueError, match="has shape .* expected"):
            multiplied(name, inputs, given, SIZES[0], way)
    inputs[by] = np.ones((*inputs[by].shape, 2))
    with pytest.raises(ValueError, match=by + " has shape .* expected"):
        called(name, inputs, given, SIZES[0])
