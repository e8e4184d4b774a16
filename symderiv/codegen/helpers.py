"""Functions that generated modules bring along where NumPy has no stable one.

Contract: each runs on real and on complex arrays (for a complex step), and never overflows.
"""

from __future__ import annotations

import ast

READ = '''
def _read(**arrays):
    """Return the arrays as floats, the sizes they show, and their common dtype."""
    sizes, found, kinds = {}, [], []
    for name, value in arrays.items():
        array = np.asarray(value)
        if array.dtype.kind in "fc" and not isinstance(value, float):
            kinds.append(array.dtype)  # integers and plain numbers take the dtype of the others
        expected = SHAPES[name]
        shape = "(" + ", ".join(expected) + ("," if len(expected) == 1 else "") + ")"
        wrong = f"{name} has shape {array.shape}; expected {shape}"
        if array.ndim != len(expected):
            raise ValueError(wrong)
        for dim, size in zip(expected, array.shape):
            known = int(dim) if dim.isdigit() else sizes.setdefault(dim, size)
            if size != known:
                raise ValueError(f"{wrong}, where {dim} is {known}")
        found.append(array)
    dtype = np.result_type(*kinds) if kinds else np.dtype(float)
    return [a if a.dtype in kinds else a.astype(dtype) for a in found], sizes, dtype
'''

SOURCES = {
    "_adjugate": '''
def _adjugate(x):
    """Return the transposed matrix of cofactors; a singular matrix has one too."""
    n = len(x)
    if isinstance(x, np.ndarray) and x.dtype.kind == "f":  # det(U V^T) V adjugate(S) U^T
        u, s, v = np.linalg.svd(x)
        others = np.prod(np.where(np.eye(n, dtype=bool), 1, s), axis=1)
        return np.linalg.det(u) * np.linalg.det(v) * (v.T * others) @ u.T
    rest = [[k for k in range(n) if k != i] for i in range(n)]
    minors = [[np.linalg.det(x[rest[i]][:, rest[j]]) for i in range(n)] for j in range(n)]
    signed = [[(-1) ** (i + j) * m for j, m in enumerate(r)] for i, r in enumerate(minors)]
    return np.stack([np.stack(r) for r in signed])
''',
    "_adjugate_pullback": '''
def _adjugate_pullback(x, c):
    """Return the gradient of the sum of c * adjugate(x) by x; a singular matrix has one too."""
    u, s, v = np.linalg.svd(x)
    same = np.eye(len(s), dtype=bool)
    others = np.prod(np.where(same[:, None] | same, 1, s), axis=2)  # without two singular values
    c = v @ c @ u
    slopes = np.where(same, np.where(same, 0, others) @ np.diag(c) * same, -c * others)
    return np.linalg.det(u) * np.linalg.det(v) * u @ slopes @ v
''',
    "_cholesky": '''
def _cholesky(x):
    """Return the lower factor of the symmetric part."""
    return np.linalg.cholesky((x + x.T) / 2)
''',
    "_eigvalsh": '''
def _eigvalsh(x):
    """Return the eigenvalues of the symmetric part, in rising order."""
    return np.linalg.eigvalsh((x + x.swapaxes(-1, -2)) / 2)
''',
    "_eigvecsh": '''
def _eigvecsh(x):
    """Return the eigenvectors of the symmetric part; the largest entry of each is positive."""
    v = np.linalg.eigh((x + x.swapaxes(-1, -2)) / 2)[1]
    largest = np.abs(v).argmax(axis=-2)[..., None, :]
    return v * np.sign(np.take_along_axis(v, largest, axis=-2))
''',
    "_double": '''
def _double(function, *arrays):
    """Return a function of matrices, taken in double precision, in the dtype of its arguments."""
    if not all(np.all(np.isfinite(a)) for a in arrays):
        raise np.linalg.LinAlgError("an entry of the matrix is not a finite number")
    dtype = np.result_type(*arrays)
    result = function(*(a.astype(np.result_type(dtype, np.float64)) for a in arrays))
    if np.iscomplexobj(result) and dtype.kind != "c":
        raise np.linalg.LinAlgError("the principal function of the matrix is not real")
    return result.astype(dtype)
''',
    "_expm": '''
def _expm(x):
    """Return the exponential of a matrix, in its dtype."""
    return scipy.linalg.expm(x).astype(x.dtype)
''',
    "_expm_frechet": '''
def _expm_frechet(x, c):
    """Return the derivative of the matrix exponential at x along c, or along each of many."""
    if c.ndim > 2:
        return np.stack([_expm_frechet(x, d) for d in c])
    return _double(lambda x, c: scipy.linalg.expm_frechet(x, c, compute_expm=False), x, c)
''',
    "_logm_frechet": '''
def _logm_frechet(x, c):
    """Return the derivative of the matrix logarithm at x along c, a block of a logarithm."""
    if c.ndim > 2:
        return np.stack([_logm_frechet(x, d) for d in c])
    n = len(x)
    return _double(scipy.linalg.logm, np.block([[x, c], [np.zeros_like(x), x]]))[:n, n:]
''',
    "_sylvester": '''
def _sylvester(a, b, c):
    """Return s with a @ s + s @ b = c."""
    return _double(scipy.linalg.solve_sylvester, a, b, c)
''',
    "_logm": '''
def _logm(x):
    """Return the principal logarithm; raises LinAlgError where it is not real."""
    return _double(scipy.linalg.logm, x)
''',
    "_sqrtm": '''
def _sqrtm(x):
    """Return the principal square root; raises LinAlgError where it is not real."""
    return _double(scipy.linalg.sqrtm, x)
''',
    "_matrix_power_pullback": '''
def _matrix_power_pullback(x, k, c):
    """Return the sum of (x^r).T @ c @ (x^(k-1-r)).T over r = 0, .., k - 1."""
    if k < 0:
        y = np.linalg.matrix_power(x, k).T
        return -_matrix_power_pullback(x, -k, y @ c @ y)
    result = 0 * c
    for _ in range(k):
        result, c = result @ x.T + c, x.T @ c
    return result
''',
    "_sigmoid": '''
def _sigmoid(x):
    """Return 1 / (1 + exp(-x)) without overflow."""
    e = np.exp(np.where(x.real > 0, -x, x))
    return np.where(x.real > 0, 1, e) / (1 + e)
''',
    "_elu": '''
def _elu(x):
    """Return x where x > 0, else exp(x) - 1, without overflow."""
    return np.where(x > 0, x, np.expm1(np.where(x > 0, 0, x)))
''',
    "_gelu": '''
def _gelu(x):
    """Return x times the normal distribution at x."""
    return 0.5 * x * (1 + scipy.special.erf(x * 0.5**0.5))
''',
    "_gelu_tanh": '''
def _gelu_tanh(x):
    """Return the approximation of gelu by tanh."""
    return 0.5 * x * (1 + np.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x**3)))
''',
    "_leaky_relu": '''
def _leaky_relu(x, s):
    """Return x where x > 0, else s x."""
    return np.where(x > 0, x, s * x)
''',
    "_softmax": '''
def _softmax(x, axis):
    """Return exp(x) / sum(exp(x)) along an axis, without overflow."""
    e = np.exp(x - np.max(x.real, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)
''',
    "_logsoftmax": '''
def _logsoftmax(x, axis):
    """Return log(softmax(x)) along an axis, without overflow."""
    x = x - np.max(x.real, axis=axis, keepdims=True)
    return x - np.log(np.sum(np.exp(x), axis=axis, keepdims=True))
''',
    "_logsumexp": '''
def _logsumexp(x, axis=None):
    """Return log(sum(exp(x))) along an axis, without overflow."""
    top = np.max(x.real, axis=axis, keepdims=True)
    return np.log(np.sum(np.exp(x - top), axis=axis)) + np.sum(top, axis=axis)
''',
    "_var": '''
def _var(x, axis=None):
    """Return the mean square of the deviations from the mean along an axis."""
    x = x - np.mean(x, axis=axis, keepdims=True)
    return np.mean(x * x, axis=axis)
''',
    "_std": '''
def _std(x, axis=None):
    """Return the root of the mean square of the deviations from the mean along an axis."""
    return np.sqrt(_var(x, axis))
''',
    "_normal_pdf": '''
def _normal_pdf(x):
    """Return the density of the standard normal distribution."""
    return np.exp(-0.5 * x * x) / (2 * np.pi) ** 0.5
''',
    "_polygamma": '''
def _polygamma(k, x):
    """Return the derivative of order k > 0 of digamma."""
    sign = 1 - 2 * ((k + 1) % 2)
    return sign * scipy.special.factorial(k, exact=True) * scipy.special.zeta(k + 1, x)
''',
    "_max_mask": '''
def _max_mask(x, axis=None):
    """Return 1 at the first maximal entry along an axis, else 0."""
    if axis is None:
        return _max_mask(x.reshape(-1), 0).reshape(x.shape)
    hit = x == np.max(x, axis=axis, keepdims=True)
    return np.asarray(hit & (np.cumsum(hit, axis=axis) == 1), dtype=x.dtype)
''',
    "_min_mask": '''
def _min_mask(x, axis=None):
    """Return 1 at the first minimal entry along an axis, else 0."""
    return _max_mask(-x, axis)
''',
    "_prod_others": '''
def _prod_others(x, *directions, axis=None):
    """Return the product of the other entries along an axis, for every entry.

    With directions, its derivatives along them: sums of products, so zeros do no harm.
    """
    x, *directions = np.broadcast_arrays(x, *directions)
    if axis is None:
        flat = [a.reshape(-1) for a in (x, *directions)]
        return _prod_others(*flat, axis=0).reshape(x.shape)
    x, *directions = (np.moveaxis(a, axis, -1) for a in (x, *directions))
    size = x.shape[-1]
    if not directions:
        same = np.eye(size, dtype=bool)
        found = np.prod(np.where(same, 1, x[..., None, :]), axis=-1)
    else:
        first, *rest = directions
        found = 0
        for k in range(size):
            others = np.arange(size) != k
            without = [np.where(others, x, 1), *(np.where(others, r, 0) for r in rest)]
            found = found + first[..., [k]] * others * _prod_others(*without, axis=-1)
    return np.moveaxis(found, -1, axis)
''',
    "_polar": '''
def _polar(x):
    """Return the orthogonal polar factor U V^T of x = U S V^T."""
    u, _, v = np.linalg.svd(x, full_matrices=False)
    return u @ v
''',
    "_left_singular": '''
def _left_singular(x):
    """Return the left singular vector that belongs to _right_singular(x)."""
    u = (x @ _right_singular(x)[..., None])[..., 0]
    return u / np.linalg.norm(u, axis=-1, keepdims=True)
''',
    "_right_singular": '''
def _right_singular(x):
    """Return the right vector of the largest singular value, its largest entry positive."""
    v = np.linalg.svd(x, full_matrices=False)[2][..., 0, :]
    largest = np.abs(v).argmax(axis=-1)[..., None]
    return v * np.sign(np.take_along_axis(v, largest, axis=-1))
''',
    "_silu": '''
def _silu(x):
    """Return x / (1 + exp(-x)) without overflow."""
    return x * _sigmoid(x)
''',
    "_softplus": '''
def _softplus(x):
    """Return log(1 + exp(x)) without overflow."""
    return np.where(x.real > 0, x, 0) + np.log1p(np.exp(np.where(x.real > 0, -x, x)))
''',
    "_cross_entropy": '''
def _cross_entropy(logits, targets):
    """Return the mean over the rows of -sum(targets * logsoftmax(logits))."""
    rows = logits.shape[0] if logits.ndim == 2 else 1
    return -(targets * _logsoftmax(logits, -1)).sum() / rows
''',
    "_diagonal_sums": '''
def _diagonal_sums(x):
    """Return the sums along the diagonals, each in the places that it was made of."""
    n = x.shape[-1]
    sums = {k: np.trace(x, k, -2, -1)[..., None, None] for k in range(1 - n, n)}
    return sum(s * np.eye(n, k=k, dtype=x.dtype) for k, s in sums.items())
''',
    "_layernorm": '''
def _layernorm(x, eps):
    """Return every row without its mean, divided by its standard deviation."""
    centred = x - x.mean(axis=-1, keepdims=True)
    return centred / np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + eps)
''',
    "_rmsnorm": '''
def _rmsnorm(x, eps):
    """Return every row divided by its root mean square."""
    return x / np.sqrt((x * x).mean(axis=-1, keepdims=True) + eps)
''',
}

_NEEDS = {
    "_std": ("_var",),
    "_cross_entropy": ("_logsoftmax",),
    "_silu": ("_sigmoid",),
    "_min_mask": ("_max_mask",),
    "_left_singular": ("_right_singular",),
    "_expm_frechet": ("_double",),
    "_logm": ("_double",),
    "_logm_frechet": ("_double",),
    "_sqrtm": ("_double",),
    "_sylvester": ("_double",),
}


def imports(source: str) -> list[str]:
    """Return the import lines that a source needs besides NumPy's.

    >>> imports("y = scipy.special.erf(x)")
    ['import scipy.special']
    """
    # What stands in a text is no use of a module.
    uses = (at.value for at in ast.walk(ast.parse(source)) if isinstance(at, ast.Attribute))
    parts = {at.attr for at in uses if isinstance(at, ast.Attribute) and _is_scipy(at.value)}
    return [f"import scipy.{name}" for name in sorted(parts)]


def _is_scipy(at: ast.expr) -> bool:
    return isinstance(at, ast.Name) and at.id == "scipy"


def with_needs(names: dict[str, None]) -> list[str]:
    """Return helpers with those that they call, in an order in which they can be defined.

    >>> with_needs({"_silu": None})
    ['_sigmoid', '_silu']
    """
    wanted = {*names, *(need for name in names for need in _NEEDS.get(name, ()))}
    return [name for name in SOURCES if name in wanted]
