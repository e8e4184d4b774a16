"""Functions that generated modules bring along where NumPy has no stable one.

Contract: each runs on real and on complex arrays (for a complex step), and never overflows.
"""

from __future__ import annotations

SOURCES = {
    "_sigmoid": '''
def _sigmoid(x):
    """Return 1 / (1 + exp(-x)) without overflow."""
    e = np.exp(np.where(x.real > 0, -x, x))
    return np.where(x.real > 0, 1, e) / (1 + e)
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

_NEEDS = {"_silu": ("_sigmoid",)}


def with_needs(names: dict[str, None]) -> list[str]:
    """Return helpers with those that they call, in an order in which they can be defined.

    >>> with_needs({"_silu": None})
    ['_sigmoid', '_silu']
    """
    wanted = {*names, *(need for name in names for need in _NEEDS.get(name, ()))}
    return [name for name in SOURCES if name in wanted]
