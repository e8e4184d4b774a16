"""The operations of PyTorch's programs (aten), each with what it is for arrays of symbols.

Source: the documentation of ``torch`` and ``torch.nn.functional``; names and arguments are those of
the schemas of aten. Functions as a whole (softmax, layer_norm, cross_entropy_loss,
scaled_dot_product_attention) stay functions of the language where it has them.
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from ...core.errors import UnsupportedError
from .array import FUNCTIONS, UFUNCS, Traced
from .aten_networks import NETWORKS, of_language
from .aten_shapes import SHAPES, Operation, as_array
from .index_arrays import Labels, Mask, Positions, compared, mask_of, no_number
from .masks import chosen
from .user_places import refuse


def computed(target: Any, args: Any, options: dict[str, Any]) -> Any:
    """Return the value of a node of a graph; raises UnsupportedError for what has no rule."""
    schema = getattr(target, "_schema", None)
    if schema is None:
        return _of_python(target, args)
    name = schema.name.partition("::")[2]
    if name.startswith(("_assert", "sym_constrain")):
        return None
    if name not in ATEN:
        raise UnsupportedError(
            f"torch's {name} has no counterpart in the language",
            remedy="write it with functions of the language: symderiv docs language",
        )
    given = {a.name: a.default_value for a in schema.arguments if a.has_default_value()}
    given.update(zip((a.name for a in schema.arguments), args, strict=False))
    given.update(options)
    return ATEN[name](**given)


def _of_python(target: Any, args: Any) -> Any:
    """Return what a function of Python computes with sizes."""
    name = getattr(target, "__name__", "")
    if name in ("sym_float", "sym_int"):
        return args[0]
    if name in ("_sym_sqrt", "sym_sqrt"):
        return UFUNCS["sqrt"](args[0]) if isinstance(args[0], Traced) else math.sqrt(args[0])
    if target is vars(operator).get(name):
        return vars(operator)[name](*args)
    raise UnsupportedError(f"{name} of a size", remedy="compute it outside the function")


def _unary(name: str) -> Operation:
    return lambda self, **_: UFUNCS[name](as_array(self))


def _binary(name: str) -> Operation:
    def build(self: Any, other: Any, alpha: Any = 1, **_: Any) -> Any:
        if isinstance(self, Positions) and type(other) is int and name in ("add", "subtract"):
            return self.moved(other if name == "add" else -other)
        a, b = (x.ones() if isinstance(x, Mask) else no_number(x) for x in (self, other))
        a, b = (float(x) if type(x) is bool else x for x in (a, b))
        return UFUNCS[name](a, b if alpha == 1 else UFUNCS["multiply"](alpha, b))

    return build


def _comparison(sign: str, name: str) -> Operation:
    def build(self: Any, other: Any, **_: Any) -> Any:
        if any(isinstance(x, Positions | Labels) for x in (self, other)):
            return compared(self, sign, other)
        mask = mask_of(self) if type(other) in (int, float, bool) and other == 0 else None
        if mask is not None and sign in ("==", "!=", ">"):
            return mask.opposite() if sign == "==" else mask
        return UFUNCS[name](as_array(self), other)

    return build


def _where(condition: Any, self: Any = None, other: Any = None, **_: Any) -> Any:
    return chosen(condition, self, other)


# reductions


def _axes(self: Any, dim: Any) -> Any:
    if dim is None or (isinstance(dim, list | tuple) and not dim):
        return None
    return tuple(dim) if isinstance(dim, list | tuple) else dim


def _reduction(name: str) -> Operation:
    numpy_function = getattr(np, name)

    def build(self: Any, dim: Any = None, keepdim: bool = False, **_: Any) -> Any:
        x = as_array(self)
        return FUNCTIONS[numpy_function](x, axis=_axes(x, dim), keepdims=keepdim)

    return build


def _extreme(name: str) -> Operation:
    """Return max or min: of all entries, along an axis with its places, or of two arrays."""
    entries = {"max": "maximum", "min": "minimum"}[name]

    def build(
        self: Any, dim: Any = None, keepdim: bool = False, other: Any = None, **_: Any
    ) -> Any:
        if other is not None:
            return UFUNCS[entries](self, other)
        found = FUNCTIONS[getattr(np, name)](self, axis=dim, keepdims=keepdim)
        return found if dim is None else (found, None)

    return build


def _spread(name: str) -> Operation:
    """Return var or std, which divide by n - 1 unless they are told otherwise."""
    numpy_function = getattr(np, name)

    def build(
        self: Any,
        dim: Any = None,
        unbiased: bool = True,
        keepdim: bool = False,
        correction: Any = None,
        **_: Any,
    ) -> Any:
        ddof = int(unbiased) if correction is None else int(correction)
        return FUNCTIONS[numpy_function](self, axis=_axes(self, dim), ddof=ddof, keepdims=keepdim)

    return build


def _vector_norm(
    self: Any, ord: Any = 2, dim: Any = None, keepdim: bool = False, p: Any = None, **_: Any
) -> Any:
    kind = ord if p is None else p
    axis = _axes(self, dim)
    if kind == 2 and axis is None and not keepdim:
        return FUNCTIONS[np.linalg.norm](self)
    if kind == 2:
        squares = UFUNCS["power"](self, 2)
        return UFUNCS["sqrt"](FUNCTIONS[np.sum](squares, axis=axis, keepdims=keepdim))
    if kind == 1:
        return FUNCTIONS[np.sum](UFUNCS["absolute"](self), axis=axis, keepdims=keepdim)
    raise refuse(f"a norm of order {kind}", "write the norm with sums")


_SAME_NAMES = (
    "exp log log1p expm1 sqrt sin cos tan sinh cosh tanh erf sign exp2 log2 log10 square".split()
)
_ENTRIES = {
    **dict(zip(_SAME_NAMES, _SAME_NAMES, strict=True)),
    **{"abs": "absolute", "neg": "negative", "reciprocal": "reciprocal", "asin": "arcsin"},
    **{"acos": "arccos", "atan": "arctan", "sigmoid": "expit", "log_sigmoid": "log_expit"},
    **{"lgamma": "gammaln", "digamma": "psi", "logical_not": "logical_not"},
}
_PAIRS = {
    **{"add": "add", "sub": "subtract", "mul": "multiply", "div": "divide", "pow": "power"},
    **{"maximum": "maximum", "minimum": "minimum", "atan2": "arctan2", "logaddexp": "logaddexp"},
    **{"logical_and": "logical_and", "logical_or": "logical_or", "hypot": "hypot"},
    **{"bitwise_and": "logical_and", "bitwise_or": "logical_or"},
}
_SIGNS = {
    **{"gt": (">", "greater"), "lt": ("<", "less"), "ge": (">=", "greater_equal")},
    **{"le": ("<=", "less_equal"), "eq": ("==", "equal"), "ne": ("!=", "not_equal")},
}
# By the name of the operation in aten.
ATEN: dict[str, Operation] = {
    **SHAPES,
    **NETWORKS,
    **{name: _unary(u) for name, u in _ENTRIES.items()},
    **{name: _binary(u) for name, u in _PAIRS.items()},
    **{name: _comparison(*pair) for name, pair in _SIGNS.items()},
    **{name: of_language(name) for name in ("relu", "silu")},
    **{name: _reduction(name) for name in ("sum", "mean", "prod", "amax", "amin")},
    **{name: _spread(name) for name in ("var", "std")},
    **{name: _extreme(name) for name in ("max", "min")},
    "pow": lambda self, exponent, **_: UFUNCS["power"](self, exponent),
    "rsub": lambda self, other, **_: UFUNCS["subtract"](other, self),
    "rsqrt": lambda self, **_: 1 / UFUNCS["sqrt"](self),
    "erfc": lambda self, **_: 1 - UFUNCS["erf"](self),
    "where": _where,
    "linalg_vector_norm": _vector_norm,
    "norm": _vector_norm,
    "linalg_norm": _vector_norm,
    "cumsum": lambda self, dim, **_: FUNCTIONS[np.cumsum](self, axis=dim),
}
