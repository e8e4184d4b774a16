"""JAX for the helpers of NumPy code: functions that it has, and sources of the others.

Contract: each can be traced, so that no Python branch looks at a value.
"""

from __future__ import annotations

from .helpers import SOURCES
from .spellings import METHODS, column
from .translation import ArrayLibrary, Call, Word


def _exact_gelu(call: Call) -> str:
    return call.to("jax.nn.gelu", "approximate=False")


def _tanh_gelu(call: Call) -> str:
    return call.to("jax.nn.gelu", "approximate=True")


_CALLS: dict[str, Word] = {
    "_softmax": "jax.nn.softmax",
    "_logsoftmax": "jax.nn.log_softmax",
    "_logsumexp": "jax.nn.logsumexp",
    "_sigmoid": "jax.nn.sigmoid",
    "_elu": "jax.nn.elu",
    "_gelu": _exact_gelu,
    "_gelu_tanh": _tanh_gelu,
    "_silu": "jax.nn.silu",
    "_softplus": "jax.nn.softplus",
    "_var": "jnp.var",
    "_std": "jnp.std",
    "_expm": "jax.scipy.linalg.expm",
    "_sylvester": "jax.scipy.linalg.solve_sylvester",
}

READ = '''
def _read(**arrays):
    """Return the arrays in their common dtype, the sizes they show, and that dtype."""
    arrays = {name: jnp.asarray(value) for name, value in arrays.items()}
    dtype = jnp.result_type(float, *arrays.values())
    floats = [a.dtype for a in arrays.values() if jnp.issubdtype(a.dtype, jnp.inexact)]
    dtype = jnp.result_type(*floats) if floats else dtype
    sizes = {}
    for name, array in arrays.items():
        expected = SHAPES[name]
        shape = "(" + ", ".join(expected) + ("," if len(expected) == 1 else "") + ")"
        wrong = f"{name} has shape {array.shape}; expected {shape}"
        if array.ndim != len(expected):
            raise ValueError(wrong)
        for dim, size in zip(expected, array.shape):
            known = int(dim) if dim.isdigit() else sizes.setdefault(dim, size)
            if size != known:
                raise ValueError(f"{wrong}, where {dim} is {known}")
    return [a.astype(dtype) for a in arrays.values()], sizes, dtype
'''

# Those of NumPy that hold no function of NumPy's alone.
_ALIKE = (
    "_eigvalsh _eigvecsh _cholesky _matrix_power_pullback _leaky_relu _normal_pdf _max_mask "
    "_min_mask _prod_others _polar _left_singular _right_singular _diagonal_sums _layernorm "
    "_rmsnorm _adjugate_pullback"
).split()

_OWN = {
    "_adjugate": '''
def _adjugate(x):
    """Return the transposed matrix of cofactors; a singular matrix has one too."""
    n = len(x)
    rest = [jnp.asarray([k for k in range(n) if k != i], dtype=int) for i in range(n)]
    minors = [[jnp.linalg.det(x[rest[i]][:, rest[j]]) for i in range(n)] for j in range(n)]
    signed = [[(-1) ** (i + j) * m for j, m in enumerate(r)] for i, r in enumerate(minors)]
    return jnp.stack([jnp.stack(r) for r in signed])
''',
    "_cross_entropy": '''
def _cross_entropy(logits, targets):
    """Return the mean over the rows of -sum(targets * log_softmax(logits))."""
    rows = logits.shape[0] if logits.ndim == 2 else 1
    return -(targets * jax.nn.log_softmax(logits, axis=-1)).sum() / rows
''',
    "_expm_frechet": '''
def _expm_frechet(x, c):
    """Return the derivative of the matrix exponential at x along c, or along each of many."""
    if c.ndim > 2:
        return jnp.stack([_expm_frechet(x, d) for d in c])
    return jax.scipy.linalg.expm_frechet(x, c, compute_expm=False)
''',
    "_sqrtm": '''
def _sqrtm(x):
    """Return the principal square root of a matrix that has a real one."""
    return jax.scipy.linalg.sqrtm(x).real.astype(x.dtype)
''',
    "_polygamma": '''
def _polygamma(k, x):
    """Return the derivative of order k > 0 of digamma."""
    return (-1) ** (k + 1) * math.factorial(k) * jax.scipy.special.zeta(k + 1.0, x)
''',
}

_MORE = {
    "linalg.cholesky", "linalg.eigvalsh", "linalg.eigh", "linalg.svd", "take_along_axis",
    "moveaxis", "broadcast_arrays", "stack",
}  # fmt: skip
_WORDS: dict[str, Word] = {**column(1), **{name: f"jnp.{name}" for name in sorted(_MORE)}}

_LIBRARY = ArrayLibrary(
    name="jax",
    title="JAX",
    read=READ,
    words=_WORDS,
    methods={name: row[1] for name, row in METHODS.items()},
    keywords={},
    calls=_CALLS,
    helpers=dict.fromkeys((*_ALIKE, *_OWN), ""),
    transpose="T",
)
JAX = ArrayLibrary(
    name="jax",
    title="JAX",
    read=READ,
    words=column(1),
    methods=_LIBRARY.methods,
    keywords={},
    calls=_CALLS,
    helpers={**{name: _LIBRARY.code(SOURCES[name]) for name in _ALIKE}, **_OWN},
    transpose="T",
)
