"""Products, layers, activations and losses of PyTorch, as functions of the language.

Contract: ``NETWORKS`` has an operation of aten for every name; they take the arguments of its
schema. What draws numbers (dropout in training) is refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...core.shapes import ONE
from . import array_operations as operations
from .array import FUNCTIONS, UFUNCS, Traced, as_dim, operand, sized
from .array_expressions import call, entrywise, function
from .aten_shapes import Operation, as_array
from .index_arrays import Labels, Mask, Positions, no_number, picked_entries, picked_rows
from .masks import as_condition, masked
from .user_places import refuse


def of_language(name: str) -> Operation:
    """Return an entrywise function of the language as an operation."""
    made = function(name)
    return lambda self, **_: Traced(entrywise(made, operand(no_number(self))))


def _linear(input: Any, weight: Any, bias: Any = None, **_: Any) -> Any:
    found = UFUNCS["matmul"](input, weight.T)
    return found if bias is None else UFUNCS["add"](found, bias)


def _addmm(self: Any, mat1: Any, mat2: Any, beta: Any = 1, alpha: Any = 1, **_: Any) -> Any:
    found = UFUNCS["matmul"](mat1, mat2)
    found = found if alpha == 1 else UFUNCS["multiply"](alpha, found)
    return UFUNCS["add"](self if beta == 1 else UFUNCS["multiply"](beta, self), found)


def _matmul(self: Any = None, other: Any = None, **names: Any) -> Any:
    second = next((names[k] for k in ("mat2", "vec", "tensor", "vec2") if k in names), other)
    return UFUNCS["matmul"](as_array(self), as_array(second))


def _normalized(name: str) -> Operation:
    def build(self: Any, dim: int, **_: Any) -> Any:
        return Traced(operations.normalized(name, self._array, dim))

    return build


def _logsumexp(self: Any, dim: Any, keepdim: bool = False, **_: Any) -> Any:
    (axis,) = dim if isinstance(dim, list | tuple) else (dim,)
    return Traced(operations.reduced("logsumexp", self._array, axis, keepdim))


def _last_axis(x: Any, normalized_shape: Any) -> None:
    if len(normalized_shape) != 1 or as_dim(normalized_shape[0]) != x._array.dims[-1]:
        raise refuse("a norm over more than the last axis", "flatten these axes to one")


def _scaled(x: Any, weight: Any, bias: Any = None) -> Any:
    x = x if weight is None else UFUNCS["multiply"](x, weight)
    return x if bias is None else UFUNCS["add"](x, bias)


def _layer_norm(
    input: Any,
    normalized_shape: Any,
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
    **_: Any,
) -> Any:
    _last_axis(input, normalized_shape)
    return _scaled(_norm("layernorm", input, eps), weight, bias)


def _rms_norm(
    input: Any, normalized_shape: Any, weight: Any = None, eps: Any = None, **_: Any
) -> Any:
    _last_axis(input, normalized_shape)
    least = float(np.finfo(np.float64).eps) if eps is None else eps
    return _scaled(_norm("rmsnorm", input, least), weight)


def _norm(name: str, x: Any, eps: float) -> Traced:
    if x.ndim == 1:
        row = Traced(operations.reshape(x._array, (ONE, *x._array.dims)))
        return _norm(name, row, eps).reshape(x.shape)
    return Traced(call(name, x._array.dims, x._array, operand(eps)))


def _batch_norm(
    input: Any,
    weight: Any,
    bias: Any,
    running_mean: Any,
    running_var: Any,
    training: bool,
    momentum: float,
    eps: float,
    **_: Any,
) -> Any:
    if input.ndim != 2:
        raise refuse("batch_norm of more than rows and columns", "reshape to rows and columns")
    if training:
        running_mean = FUNCTIONS[np.mean](input, axis=0)
        running_var = FUNCTIONS[np.var](input, axis=0)
    centred = UFUNCS["subtract"](input, running_mean)
    root = UFUNCS["sqrt"](UFUNCS["add"](running_var, eps))
    return _scaled(UFUNCS["divide"](centred, root), weight, bias)


def _attention(
    query: Any,
    key: Any,
    value: Any,
    attn_mask: Any = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: Any = None,
    **_: Any,
) -> Any:
    _no_dropout(dropout_p, True)
    product = UFUNCS["matmul"](query, key.mT)
    if scale is None:
        scores = UFUNCS["divide"](product, UFUNCS["sqrt"](as_array(query.shape[-1])))
    else:
        scores = UFUNCS["multiply"](product, scale)
    if is_causal:
        n, m = query._array.dims[-2], key._array.dims[-2]
        scores = masked(scores, Mask((n, m), 0, ">="), False)
    if attn_mask is not None:
        known = as_condition(attn_mask) if not isinstance(attn_mask, Traced) else attn_mask
        scores = masked(scores, known, False) if known is not attn_mask else scores + attn_mask
    return UFUNCS["matmul"](_normalized("softmax")(scores, -1), value)


def _dropout(input: Any, p: float, train: bool, **_: Any) -> Any:
    _no_dropout(p, train)
    return input


def _no_dropout(p: float, train: bool) -> None:
    if train and p:
        raise refuse(
            "dropout, which draws numbers", "call model.eval() first, or multiply with a given mask"
        )


def _gelu(self: Any, approximate: str = "none", **_: Any) -> Any:
    return of_language("gelu" if approximate == "none" else "gelu_tanh")(self)


def _softplus(self: Any, beta: Any = 1, threshold: Any = 20, **_: Any) -> Any:
    if beta == 1:
        return of_language("softplus")(self)
    return UFUNCS["divide"](of_language("softplus")(UFUNCS["multiply"](beta, self)), beta)


def _leaky_relu(self: Any, negative_slope: Any = 0.01, **_: Any) -> Any:
    return FUNCTIONS[np.where](self > 0, self, UFUNCS["multiply"](negative_slope, self))


def _elu(self: Any, alpha: Any = 1, scale: Any = 1, input_scale: Any = 1, **_: Any) -> Any:
    if (alpha, scale, input_scale) == (1, 1, 1):
        return of_language("elu")(self)
    below = UFUNCS["multiply"](alpha, UFUNCS["expm1"](UFUNCS["multiply"](input_scale, self)))
    return UFUNCS["multiply"](scale, FUNCTIONS[np.where](self > 0, self, below))


def _clamp(self: Any, min: Any = None, max: Any = None, **_: Any) -> Any:
    if min is not None and max is None and min == 0:
        return of_language("relu")(self)
    return FUNCTIONS[np.clip](self, min, max)


def _embedding(weight: Any, indices: Any, **_: Any) -> Any:
    if isinstance(indices, Labels):
        return picked_rows(weight, indices)
    if isinstance(indices, Positions) and indices.axis == len(indices.dims) - 1:
        start = indices.shift or None
        rows = weight._array.dims[0]
        count = indices.dims[-1]
        whole = start is None and rows == count
        return weight if whole else weight[slice(start, sized(count))]
    raise refuse("an embedding of something else than labels", 'declare labels: y="n label(k)"')


# losses


def _averaged(x: Any, reduction: int) -> Any:
    """Return the mean (1), the sum (2), or the entries (0) of a loss."""
    return {0: lambda: x, 1: lambda: FUNCTIONS[np.mean](x), 2: lambda: FUNCTIONS[np.sum](x)}[
        reduction
    ]()


def _cross_entropy(
    self: Any,
    target: Any,
    weight: Any = None,
    reduction: int = 1,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    **_: Any,
) -> Any:
    if weight is not None or label_smoothing or self.ndim != 2:
        raise refuse(
            "cross_entropy with weights, smoothing or more than rows and columns",
            "write it with log_softmax",
        )
    rows = target.one_hot(self._array.dims[-1]) if isinstance(target, Labels) else target
    if reduction == 1 and isinstance(target, Labels):
        return Traced(call("cross_entropy", (), self._array, rows._array))
    logs = Traced(operations.normalized("logsoftmax", self._array, -1))
    losses = UFUNCS["negative"](FUNCTIONS[np.sum](UFUNCS["multiply"](rows, logs), axis=1))
    return _averaged(losses, reduction)


def _nll(self: Any, target: Any, weight: Any = None, reduction: int = 1, **_: Any) -> Any:
    if weight is not None or not isinstance(target, Labels):
        raise refuse("nll_loss with weights", "write it with a sum")
    return _averaged(UFUNCS["negative"](picked_entries(self, target)), reduction)


def _mse(self: Any, target: Any, reduction: int = 1, **_: Any) -> Any:
    return _averaged(UFUNCS["power"](UFUNCS["subtract"](self, target), 2), reduction)


def _l1(self: Any, target: Any, reduction: int = 1, **_: Any) -> Any:
    return _averaged(UFUNCS["absolute"](UFUNCS["subtract"](self, target)), reduction)


def _bce_logits(
    self: Any,
    target: Any,
    weight: Any = None,
    pos_weight: Any = None,
    reduction: int = 1,
    **_: Any,
) -> Any:
    if weight is not None or pos_weight is not None:
        raise refuse("a weighted binary cross-entropy", "write it with softplus")
    losses = UFUNCS["subtract"](of_language("softplus")(self), UFUNCS["multiply"](target, self))
    return _averaged(losses, reduction)


def _bce(self: Any, target: Any, weight: Any = None, reduction: int = 1, **_: Any) -> Any:
    if weight is not None:
        raise refuse("a weighted binary cross-entropy", "write it with log")
    yes = UFUNCS["multiply"](target, UFUNCS["log"](self))
    no = UFUNCS["multiply"](UFUNCS["subtract"](1, target), UFUNCS["log"](1 - self))
    return _averaged(UFUNCS["negative"](UFUNCS["add"](yes, no)), reduction)


# By the name of the operation in aten.
NETWORKS: dict[str, Operation] = {
    **dict.fromkeys(("matmul", "mm", "bmm", "mv", "dot", "inner"), _matmul),
    "softplus": _softplus,
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "gelu": _gelu,
    "clamp": _clamp,
    "clamp_min": lambda self, min, **_: _clamp(self, min),
    "clamp_max": lambda self, max, **_: _clamp(self, None, max),
    "logsumexp": _logsumexp,
    "linear": _linear,
    "addmm": _addmm,
    "outer": lambda self, vec2, **_: FUNCTIONS[np.outer](self, vec2),
    "trace": lambda self, **_: FUNCTIONS[np.trace](self),
    "logdet": lambda self, **_: FUNCTIONS[np.linalg.slogdet](self)[1],
    "slogdet": lambda self, **_: FUNCTIONS[np.linalg.slogdet](self),
    "linalg_slogdet": lambda A, **_: FUNCTIONS[np.linalg.slogdet](A),
    "linalg_det": lambda A, **_: FUNCTIONS[np.linalg.det](A),
    "det": lambda self, **_: FUNCTIONS[np.linalg.det](self),
    "linalg_inv": lambda A, **_: FUNCTIONS[np.linalg.inv](A),
    "inverse": lambda self, **_: FUNCTIONS[np.linalg.inv](self),
    "linalg_solve": lambda A, B, **_: FUNCTIONS[np.linalg.solve](A, B),
    "linalg_cholesky": lambda self, **_: FUNCTIONS[np.linalg.cholesky](self),
    "softmax": _normalized("softmax"),
    "log_softmax": _normalized("logsoftmax"),
    "layer_norm": _layer_norm,
    "rms_norm": _rms_norm,
    "batch_norm": _batch_norm,
    "scaled_dot_product_attention": _attention,
    "dropout": _dropout,
    "embedding": _embedding,
    "cross_entropy_loss": _cross_entropy,
    "nll_loss": _nll,
    "nll_loss_nd": _nll,
    "mse_loss": _mse,
    "l1_loss": _l1,
    "binary_cross_entropy": _bce,
    "binary_cross_entropy_with_logits": _bce_logits,
}
