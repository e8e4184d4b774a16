"""The operations of PyTorch's programs (aten), each with what it is for arrays of symbols.

Source: the documentation of ``torch`` and ``torch.nn.functional``; names and arguments are those of
the schemas of aten. Functions as a whole (softmax, layer_norm, cross_entropy_loss,
scaled_dot_product_attention) stay functions of the language where it has them.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ...core.errors import UnsupportedError
from ...core.shapes import ONE, Shape, times
from . import (
    array_operations as operations,
    numpy_functions,  # noqa: F401  fills the tables
)
from .array import FUNCTIONS, UFUNCS, Condition, Traced, as_dim, operand, sized
from .array_expressions import call, entrywise, filled, function
from .jax_primitives import is_infinite, masked
from .markers import stopped
from .positions import (
    Labels,
    Mask,
    Positions,
    compared,
    mask_of,
    no_number,
    picked_entries,
    picked_rows,
)
from .user_places import refuse

Operation = Callable[..., Any]
_END = 9223372036854775807  # how aten writes the end of an axis


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
    if getattr(operator, name, None) is target:
        return target(*args)
    raise UnsupportedError(f"{name} of a size", remedy="compute it outside the function")


def _as_array(x: Any) -> Traced:
    if isinstance(x, Mask):
        return x.ones()
    return x if isinstance(x, Traced) else Traced(operand(no_number(x)))


def _unary(name: str) -> Operation:
    return lambda self, **_: UFUNCS[name](_as_array(self))


def _of_language(name: str) -> Operation:
    made = function(name)
    return lambda self, **_: Traced(entrywise(made, operand(no_number(self))))


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
        return UFUNCS[name](_as_array(self), other)

    return build


def _condition(x: Any) -> Any:
    """Return an array of truth values as a mask of positions or as a condition."""
    if isinstance(x, Mask) or type(x) is Condition:
        return x
    return mask_of(x) or UFUNCS["greater"](x, 0)


def _chosen(condition: Any, yes: Any, no: Any) -> Any:
    condition = _condition(condition)
    yes, no = (x if not isinstance(x, Mask) else x.ones() for x in (yes, no))
    if is_infinite(yes) or is_infinite(no):
        return masked(no if is_infinite(yes) else yes, condition, is_infinite(yes))
    if isinstance(condition, Mask):
        if type(no) in (int, float) and no == 0:
            return condition.kept(yes)
        if type(yes) in (int, float) and yes == 0:
            return condition.opposite().kept(no)
        condition = condition.condition()
    return FUNCTIONS[np.where](condition, yes, no)


def _where(condition: Any, self: Any = None, other: Any = None, **_: Any) -> Any:
    return _chosen(condition, self, other)


def _number(x: Any) -> Any:
    """Return the number that a scalar tensor of the program is."""
    if isinstance(x, Traced) and not x.ndim and x._array.expr.is_number:
        return float(x._array.expr.data)  # type: ignore[arg-type]
    return x


# reductions


def _axes(self: Any, dim: Any) -> Any:
    if dim is None or (isinstance(dim, list | tuple) and not dim):
        return None
    return tuple(dim) if isinstance(dim, list | tuple) else dim


def _reduction(name: str) -> Operation:
    numpy_function = getattr(np, name)

    def build(self: Any, dim: Any = None, keepdim: bool = False, **_: Any) -> Any:
        x = _as_array(self)
        return FUNCTIONS[numpy_function](x, axis=_axes(x, dim), keepdims=keepdim)

    return build


def _extreme(name: str) -> Operation:
    """Return max or min: of all entries, along an axis with its places, or of two arrays."""
    entries = {"max": "maximum", "min": "minimum"}[name]

    def build(self: Any, dim: Any = None, keepdim: bool = False, other: Any = None, **_: Any) -> Any:
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


# shapes


def _shape(x: Any, size: Any) -> Shape:
    """Return a shape in which one size may be -1."""
    sizes = [s if isinstance(s, Traced) else int(s) for s in size]
    known = [as_dim(s) for s in sizes if isinstance(s, Traced) or s != -1]
    if len(known) == len(sizes):
        return tuple(known)
    from ...core.shapes import divided

    whole = divided(times(x.dims if isinstance(x, Labels) else x._array.dims), times(known))
    if whole is None:
        raise refuse("a size that is not known", 'declare a product: X="n, h*k"')
    return tuple(as_dim(s) if isinstance(s, Traced) or s != -1 else whole for s in sizes)


def _view(self: Any, size: Any = None, shape: Any = None, **_: Any) -> Any:
    dims = _shape(self, size if size is not None else shape)
    if isinstance(self, Labels):
        return self.reshaped(dims)
    if isinstance(self, Positions):
        axes = [k for k, d in enumerate(dims) if d != ONE]
        return Positions(dims, axes[0], self.shift)
    return _as_array(self).reshape(tuple(map(sized, dims)))


def _expand(self: Any, size: Any, **_: Any) -> Any:
    x = _as_array(self)
    given = [x.shape[k - len(size)] if type(s) is int and s == -1 else s for k, s in enumerate(size)]
    dims = tuple(map(as_dim, given))
    return x if dims == x._array.dims else FUNCTIONS[np.broadcast_to](x, tuple(map(sized, dims)))


def _unsqueeze(self: Any, dim: int, **_: Any) -> Any:
    if isinstance(self, Positions):
        k = dim % (len(self.dims) + 1)
        dims = (*self.dims[:k], ONE, *self.dims[k:])
        return Positions(dims, self.axis + (self.axis >= k), self.shift)
    if isinstance(self, Mask):
        return self
    if isinstance(self, Labels):
        if dim not in (-1, len(self.dims)):
            raise refuse("an axis in front of labels", "pick with labels as they are declared")
        return replace(self, tail=(*self.tail, ONE))
    return FUNCTIONS[np.expand_dims](self, dim)


def _squeeze(self: Any, dim: Any = None, **_: Any) -> Any:
    if isinstance(self, Labels):
        return replace(self, tail=self.tail[1:])
    axes = dim if isinstance(dim, list | tuple) else [dim]
    for axis in sorted((a if a is None else a % self.ndim for a in axes), reverse=True):
        self = FUNCTIONS[np.squeeze](self, axis)
    return self


def _flatten(self: Any, start_dim: int = 0, end_dim: int = -1, **_: Any) -> Any:
    dims = self.dims if isinstance(self, Labels) else self._array.dims
    first, last = start_dim % len(dims), end_dim % len(dims)
    new = (*dims[:first], times(dims[first : last + 1]), *dims[last + 1 :])
    return _view(self, tuple(map(sized, new)))


def _transposed(self: Any, dim0: int = 0, dim1: int = 1, **_: Any) -> Any:
    return FUNCTIONS[np.swapaxes](_as_array(self), dim0, dim1) if self.ndim > 1 else self


def _slice(self: Any, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Any:
    first = None if start is None or (type(start) is int and start == 0) else start
    last = None if end is None or (type(end) is int and end == _END) else end
    if first is last is None and step == 1:
        return self
    mask = mask_of(self) if isinstance(self, Traced) else None
    if mask is not None and first is None and step == 1:
        return _pattern(self, dim % self.ndim, last)
    places: list[Any] = [slice(None)] * (dim % self.ndim)
    return self[(*places, slice(first, last, None if step == 1 else step))]


def _pattern(x: Traced, axis: int, end: Any) -> Traced:
    """Return the first rows or columns of a triangle of ones, which is one again."""
    dims = list(x._array.dims)
    dims[axis] = as_dim(end)
    triangle = {"tril": np.tril, "triu": np.triu}[x._array.expr.op]
    found = FUNCTIONS[triangle](Traced(filled("ones", tuple(dims[-2:]))))
    return Traced(operations.reshape(found._array, tuple(dims)))


def _select(self: Any, dim: int, index: int, **_: Any) -> Any:
    return self[(*[slice(None)] * (dim % self.ndim), index)]


def _narrow(self: Any, dim: int, start: Any, length: Any, **_: Any) -> Any:
    return _slice(self, dim, start, start + length)


def _split(self: Any, split_size: Any = None, dim: int = 0, split_sizes: Any = None, **_: Any) -> Any:
    axis = dim % self.ndim
    whole = self._array.dims[axis]
    if split_sizes is None and split_size is not None:
        if isinstance(split_size, list | tuple):
            split_sizes = split_size
        else:
            from ...core.shapes import divided

            count = divided(whole, as_dim(split_size))
            if count is None or count.symbols:
                raise refuse(
                    f"parts of {as_dim(split_size)} of an axis of size {whole}",
                    "declare the size as a multiple, or as a number",
                )
            split_sizes = [split_size] * count.coefficient
    places, parts = 0, []
    for length in split_sizes or ():
        parts.append(_narrow(self, axis, places, length) if places is not None else None)
        places = places + length
    return parts


def _chunk(self: Any, chunks: int, dim: int = 0, **_: Any) -> Any:
    return FUNCTIONS[np.split](self, chunks, axis=dim)


# products and networks


def _linear(input: Any, weight: Any, bias: Any = None, **_: Any) -> Any:
    found = UFUNCS["matmul"](input, weight.T)
    return found if bias is None else UFUNCS["add"](found, bias)


def _addmm(self: Any, mat1: Any, mat2: Any, beta: Any = 1, alpha: Any = 1, **_: Any) -> Any:
    found = UFUNCS["matmul"](mat1, mat2)
    found = found if alpha == 1 else UFUNCS["multiply"](alpha, found)
    return UFUNCS["add"](self if beta == 1 else UFUNCS["multiply"](beta, self), found)


def _matmul(self: Any = None, other: Any = None, **names: Any) -> Any:
    second = next((names[k] for k in ("mat2", "vec", "tensor", "vec2") if k in names), other)
    return UFUNCS["matmul"](_as_array(self), _as_array(second))


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


def _rms_norm(input: Any, normalized_shape: Any, weight: Any = None, eps: Any = None, **_: Any) -> Any:
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
        scores = UFUNCS["divide"](product, UFUNCS["sqrt"](_as_array(query.shape[-1])))
    else:
        scores = UFUNCS["multiply"](product, scale)
    if is_causal:
        n, m = query._array.dims[-2], key._array.dims[-2]
        scores = masked(scores, Mask((n, m), 0, ">="), False)
    if attn_mask is not None:
        known = _condition(attn_mask) if not isinstance(attn_mask, Traced) else attn_mask
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
    return _of_language("gelu" if approximate == "none" else "gelu_tanh")(self)


def _softplus(self: Any, beta: Any = 1, threshold: Any = 20, **_: Any) -> Any:
    if beta == 1:
        return _of_language("softplus")(self)
    return UFUNCS["divide"](_of_language("softplus")(UFUNCS["multiply"](beta, self)), beta)


def _leaky_relu(self: Any, negative_slope: Any = 0.01, **_: Any) -> Any:
    return FUNCTIONS[np.where](self > 0, self, UFUNCS["multiply"](negative_slope, self))


def _elu(self: Any, alpha: Any = 1, scale: Any = 1, input_scale: Any = 1, **_: Any) -> Any:
    if (alpha, scale, input_scale) == (1, 1, 1):
        return _of_language("elu")(self)
    below = UFUNCS["multiply"](alpha, UFUNCS["expm1"](UFUNCS["multiply"](input_scale, self)))
    return UFUNCS["multiply"](scale, FUNCTIONS[np.where](self > 0, self, below))


def _clamp(self: Any, min: Any = None, max: Any = None, **_: Any) -> Any:
    if min is not None and max is None and min == 0:
        return _of_language("relu")(self)
    return FUNCTIONS[np.clip](self, min, max)


def _embedding(weight: Any, indices: Any, **_: Any) -> Any:
    if isinstance(indices, Labels):
        return picked_rows(weight, indices)
    if isinstance(indices, Positions) and indices.axis == len(indices.dims) - 1:
        start = indices.shift or None
        rows = weight._array.dims[0]
        count = indices.dims[-1]
        whole = start is None and rows == count
        found = weight if whole else weight[slice(start, sized(count))]
        return found
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
    losses = UFUNCS["subtract"](_of_language("softplus")(self), UFUNCS["multiply"](target, self))
    return _averaged(losses, reduction)


def _bce(self: Any, target: Any, weight: Any = None, reduction: int = 1, **_: Any) -> Any:
    if weight is not None:
        raise refuse("a weighted binary cross-entropy", "write it with log")
    yes = UFUNCS["multiply"](target, UFUNCS["log"](self))
    no = UFUNCS["multiply"](UFUNCS["subtract"](1, target), UFUNCS["log"](1 - self))
    return _averaged(UFUNCS["negative"](UFUNCS["add"](yes, no)), reduction)


# arrays that are made


def _made(word: str) -> Operation:
    maker = FUNCTIONS[getattr(np, word)]

    def build(self: Any = None, size: Any = None, **_: Any) -> Any:
        sizes = size if size is not None else self
        return maker(sizes if isinstance(sizes, Traced) else tuple(sizes))

    return build


_full, _eye = FUNCTIONS[np.full], FUNCTIONS[np.eye]


def _arange(end: Any = None, start: Any = 0, step: Any = 1, **_: Any) -> Any:
    if not isinstance(start, Traced) and start == 0 and step == 1:
        return Positions((as_dim(end),), 0)
    raise refuse("arange with a start or a step", "give the array as an argument")


def _triangle(name: str) -> Operation:
    numpy_function = getattr(np, name)

    def build(self: Any, diagonal: int = 0, **_: Any) -> Any:
        x = _as_array(self)
        if x._array.expr.op == "ones" and x.ndim == 2:  # a mask, of any diagonal
            mask = Mask(x._array.dims, diagonal, ">=" if name == "tril" else "<=")
            if diagonal not in (0, -1 if name == "tril" else 1):
                return mask
            return mask.ones() if diagonal == 0 else mask
        return FUNCTIONS[numpy_function](x, diagonal)

    return build


def _einsum(equation: str, tensors: Any, **_: Any) -> Any:
    return FUNCTIONS[np.einsum](equation.replace(" ", ""), *map(_as_array, tensors))


def _one_hot(self: Any, num_classes: Any = -1, **_: Any) -> Any:
    if not isinstance(self, Labels):
        raise refuse("one_hot of something else than labels", 'declare labels: y="n label(k)"')
    if self.rows is None and type(num_classes) is int and num_classes < 0:
        raise refuse("one_hot without the number of classes", "write F.one_hot(y, num_classes=k)")
    return self.one_hot(as_dim(num_classes))


def _gathered(self: Any, dim: int, index: Any, **_: Any) -> Any:
    if not isinstance(index, Labels) or dim % self.ndim != self.ndim - 1 or index.tail != (ONE,):
        raise refuse("gather with other indices than labels[:, None]", "pick with labels: P[i, y]")
    return FUNCTIONS[np.expand_dims](picked_entries(self, index), -1)


def _indexed(self: Any, indices: Any, **_: Any) -> Any:
    given = list(indices)
    if len(given) == 1 and isinstance(given[0], Labels):
        return picked_rows(self, given[0])
    if len(given) == 2 and isinstance(given[0], Positions) and isinstance(given[1], Labels):
        return picked_entries(self, given[1])
    raise refuse("an index that is an array of integers", 'declare labels: y="n label(k)"')


def _put(self: Any, indices: Any, values: Any, accumulate: bool = False, **_: Any) -> Any:
    if len(indices) != 1 or accumulate or isinstance(indices[0], Labels | Positions):
        raise refuse("an assignment to entries picked by integers", "build the array as a whole")
    return _chosen(indices[0], _number(values), self)


def _joined(tensors: Any, dim: int = 0, **_: Any) -> Any:
    return FUNCTIONS[np.concatenate]([_as_array(x) for x in tensors], axis=dim)


def _same(self: Any = None, input: Any = None, **_: Any) -> Any:
    return self if self is not None else input


def _fixed(self: Any, **_: Any) -> Any:
    return stopped(self) if isinstance(self, Traced) and self._array.expr.args else self


_SAME = (
    "contiguous clone alias to _to_copy type_as float double lift_fresh_copy lift_fresh detach_ "
    "positive view_as_real expand_as dropout_ _assert_tensor_metadata"
).split()
_ENTRIES = {
    **{n: n for n in "exp log log1p expm1 sqrt sin cos tan sinh cosh tanh erf sign exp2 log2 log10".split()},
    **{"abs": "absolute", "neg": "negative", "reciprocal": "reciprocal", "asin": "arcsin"},
    **{"acos": "arccos", "atan": "arctan", "sigmoid": "expit", "log_sigmoid": "log_expit"},
    **{"square": "square", "lgamma": "gammaln", "digamma": "psi", "logical_not": "logical_not"},
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
ATEN: dict[str, Operation] = {
    **{name: _same for name in _SAME},
    **{name: _unary(u) for name, u in _ENTRIES.items()},
    **{name: _binary(u) for name, u in _PAIRS.items()},
    **{name: _comparison(*pair) for name, pair in _SIGNS.items()},
    **{name: _of_language(name) for name in ("relu", "silu", "softplus")},
    **{name: _reduction(name) for name in ("sum", "mean", "prod", "amax", "amin")},
    **{name: _spread(name) for name in ("var", "std")},
    **{name: _extreme(name) for name in ("max", "min")},
    **{name: _matmul for name in ("matmul", "mm", "bmm", "mv", "dot", "inner")},
    **{name: _view for name in ("view", "reshape", "_unsafe_view")},
    **{name: _made(name) for name in ("ones", "zeros", "ones_like", "zeros_like")},
    **{name: _triangle(name) for name in ("tril", "triu")},
    "pow": lambda self, exponent, **_: UFUNCS["power"](self, exponent),
    "rsub": lambda self, other, **_: UFUNCS["subtract"](other, self),
    "rsqrt": lambda self, **_: 1 / UFUNCS["sqrt"](self),
    "erfc": lambda self, **_: 1 - UFUNCS["erf"](self),
    "softplus": _softplus,
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "gelu": _gelu,
    "clamp": _clamp,
    "clamp_min": lambda self, min, **_: _clamp(self, min),
    "clamp_max": lambda self, max, **_: _clamp(self, None, max),
    "where": _where,
    "masked_fill": lambda self, mask, value, **_: _chosen(mask, _number(value), self),
    "linalg_vector_norm": _vector_norm,
    "norm": _vector_norm,
    "linalg_norm": _vector_norm,
    "logsumexp": _logsumexp,
    "cumsum": lambda self, dim, **_: FUNCTIONS[np.cumsum](self, axis=dim),
    "expand": _expand,
    "broadcast_to": _expand,
    "broadcast_tensors": lambda tensors, **_: list(tensors),
    "unsqueeze": _unsqueeze,
    "squeeze": _squeeze,
    "flatten": _flatten,
    "unflatten": lambda self, dim, sizes, **_: _view(
        self, (*self.shape[: dim % self.ndim], *sizes, *self.shape[dim % self.ndim + 1 :])
    ),
    "transpose": _transposed,
    "t": _transposed,
    "numpy_T": lambda self, **_: self.T,
    "mT": lambda self, **_: self.mT,
    "permute": lambda self, dims, **_: FUNCTIONS[np.transpose](self, tuple(dims)),
    "movedim": lambda self, source, destination, **_: FUNCTIONS[np.moveaxis](
        self, tuple(source), tuple(destination)
    ),
    "slice": _slice,
    "select": _select,
    "narrow": _narrow,
    "split": _split,
    "split_with_sizes": _split,
    "chunk": _chunk,
    "unbind": lambda self, dim=0, **_: [
        _select(self, dim, k) for k in range(int(self.shape[dim % self.ndim]))
    ],
    "cat": _joined,
    "stack": lambda tensors, dim=0, **_: FUNCTIONS[np.stack](list(map(_as_array, tensors)), dim),
    "linear": _linear,
    "addmm": _addmm,
    "outer": lambda self, vec2, **_: FUNCTIONS[np.outer](self, vec2),
    "einsum": _einsum,
    "trace": lambda self, **_: FUNCTIONS[np.trace](self),
    "diag": lambda self, **_: FUNCTIONS[np.diag](self),
    "diagonal": lambda self, **_: FUNCTIONS[np.diagonal](self),
    "diag_embed": lambda self, **_: FUNCTIONS[np.diag](self),
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
    "one_hot": _one_hot,
    "gather": _gathered,
    "index": _indexed,
    "index_put": _put,
    "cross_entropy_loss": _cross_entropy,
    "nll_loss": _nll,
    "nll_loss_nd": _nll,
    "mse_loss": _mse,
    "l1_loss": _l1,
    "binary_cross_entropy": _bce,
    "binary_cross_entropy_with_logits": _bce_logits,
    "full": lambda size, fill_value, **_: _full(tuple(size), fill_value),
    "full_like": lambda self, fill_value, **_: _full(self.shape, fill_value),
    "scalar_tensor": lambda s, **_: s,
    "eye": lambda n, **_: _eye(n),
    "arange": _arange,
    "detach": _fixed,
    "sym_size": lambda self, dim, **_: self.shape[dim],
    "copy": lambda self, src, **_: _as_array(src),
}
