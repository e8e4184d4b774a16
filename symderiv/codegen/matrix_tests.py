"""The part of a generated test that is about Jacobians and Hessians."""

from __future__ import annotations

from collections.abc import Collection

from .literals import literal, quoted
from .module import Module
from .numpy_code import python_name

_TESTS = '''

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
    """Return the gradient by a variable, {said}."""
{gradient}


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
'''


_BY_DIFFERENCES = """    found = np.zeros(inputs[of].shape)
    for place in np.ndindex(found.shape):
        found[place] = difference(inputs, given, sizes, of, place)
    return found"""

_BY_CODE = "    return np.asarray(backward(inputs, given, sizes)[of])"


def tests_of_matrices(module: Module, structured: Collection[str]) -> str:
    """Return the tests of the functions of matrices, or nothing where a module has none.

    The code of a gradient may rest on a structure of a variable, which a difference leaves.
    """
    if not module.matrices:
        return ""
    said, body = "as the generated code has it", _BY_CODE
    if module.analytic or any(m.by in structured for m in module.matrices):
        said, body = "by differences of the objective", _BY_DIFFERENCES
    return _TESTS.replace("{said}", said).replace("{gradient}", body)


def constants_of_matrices(module: Module) -> str:
    """Return what these tests know: of every matrix what it differentiates, by what, how."""
    if not module.matrices:
        return ""
    known = {m.name: (m.of, python_name(m.by), m.turned, m.product) for m in module.matrices}
    factors = [python_name(m.direction) for m in module.matrices if m.product == "backward"]
    said = (
        "# By name: the gradient that is differentiated, by what, whether transposed, the product."
    )
    names = [n for m in module.matrices for n in (m.name, m.product) if n not in ("", "backward")]
    called = ", ".join(f"{quoted(n)}: code.{n}" for n in names)
    lines = [said, f"MATRICES = {literal(known)}", f"CALLED = {{{called}}}"]
    return "\n".join(["", *lines, f"FACTORS = {literal(factors)}"])
