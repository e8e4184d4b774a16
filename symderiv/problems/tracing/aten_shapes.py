"""The shapes of PyTorch's arrays: views, parts, masks, labels, and arrays that are made.

Contract: ``SHAPES`` has an operation of aten for every name; they take the arguments of its schema.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from ...core.shapes import ONE, Shape, divided, times
from . import array_operations as operations
from .array import FUNCTIONS, Traced, as_dim, operand, sized
from .array_expressions import filled
from .index_arrays import Labels, Mask, Positions, mask_of, no_number, picked_entries, picked_rows
from .markers import stopped
from .masks import chosen
from .user_places import refuse

Operation = Callable[..., Any]
_END = 9223372036854775807  # how aten writes the end of an axis


def as_array(x: Any) -> Traced:
    """Return an operand as an array of symbols, a mask as its ones and zeros."""
    x = x.ones() if isinstance(x, Mask) else x
    return x if isinstance(x, Traced) else Traced(operand(no_number(x)))


def number_of(x: Any) -> Any:
    """Return the number that a scalar tensor of a program is."""
    if isinstance(x, Traced) and not x.ndim and x._array.expr.is_number:
        return float(x._array.expr.data)  # type: ignore[arg-type]
    return x


def _shape(x: Any, size: Any) -> Shape:
    """Return a shape in which one size may be -1."""
    sizes = [s if isinstance(s, Traced) else int(s) for s in size]
    known = [as_dim(s) for s in sizes if isinstance(s, Traced) or s != -1]
    if len(known) == len(sizes):
        return tuple(known)
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
    return as_array(self).reshape(tuple(map(sized, dims)))


def _expand(self: Any, size: Any, **_: Any) -> Any:
    x = as_array(self)
    given = [
        x.shape[k - len(size)] if type(s) is int and s == -1 else s for k, s in enumerate(size)
    ]
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
    if dim is None:
        return FUNCTIONS[np.squeeze](self)
    axes = dim if isinstance(dim, list | tuple) else [dim]
    for axis in sorted((a % self.ndim for a in axes), reverse=True):
        self = FUNCTIONS[np.squeeze](self, axis)
    return self


def _flatten(self: Any, start_dim: int = 0, end_dim: int = -1, **_: Any) -> Any:
    dims = self.dims if isinstance(self, Labels) else self._array.dims
    first, last = start_dim % len(dims), end_dim % len(dims)
    new = (*dims[:first], times(dims[first : last + 1]), *dims[last + 1 :])
    return _view(self, tuple(map(sized, new)))


def _transposed(self: Any, dim0: int = 0, dim1: int = 1, **_: Any) -> Any:
    return FUNCTIONS[np.swapaxes](as_array(self), dim0, dim1) if self.ndim > 1 else self


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


def _split(
    self: Any, split_size: Any = None, dim: int = 0, split_sizes: Any = None, **_: Any
) -> Any:
    axis = dim % self.ndim
    sizes = split_size if split_sizes is None else split_sizes
    if not isinstance(sizes, list | tuple):
        whole = self._array.dims[axis]
        count = divided(whole, as_dim(sizes))
        if count is None or count.symbols:
            raise refuse(
                f"parts of {as_dim(sizes)} of an axis of size {whole}",
                "declare the size as a multiple, or as a number",
            )
        sizes = [sizes] * count.coefficient
    start, parts = 0, []
    for length in sizes:
        parts.append(_narrow(self, axis, start, length))
        start = start + length
    return parts


def _chunk(self: Any, chunks: int, dim: int = 0, **_: Any) -> Any:
    return FUNCTIONS[np.split](self, chunks, axis=dim)


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
        x = as_array(self)
        if x._array.expr.op == "ones" and x.ndim == 2:  # a mask, of any diagonal
            mask = Mask(x._array.dims, diagonal, ">=" if name == "tril" else "<=")
            if diagonal not in (0, -1 if name == "tril" else 1):
                return mask
            return mask.ones() if diagonal == 0 else mask
        return FUNCTIONS[numpy_function](x, diagonal)

    return build


def _einsum(equation: str, tensors: Any, **_: Any) -> Any:
    return FUNCTIONS[np.einsum](equation.replace(" ", ""), *map(as_array, tensors))


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
    return chosen(indices[0], number_of(values), self)


def _joined(tensors: Any, dim: int = 0, **_: Any) -> Any:
    return FUNCTIONS[np.concatenate]([as_array(x) for x in tensors], axis=dim)


def _same(self: Any = None, input: Any = None, **_: Any) -> Any:
    return self if self is not None else input


def _fixed(self: Any, **_: Any) -> Any:
    return stopped(self) if isinstance(self, Traced) else self


_SAME = (
    "contiguous clone alias to _to_copy type_as float double lift_fresh_copy lift_fresh "
    "positive view_as_real expand_as dropout_ _assert_tensor_metadata"
).split()
# By the name of the operation in aten.
SHAPES: dict[str, Operation] = {
    **dict.fromkeys(_SAME, _same),
    **dict.fromkeys(("view", "reshape", "_unsafe_view"), _view),
    **{name: _made(name) for name in ("ones", "zeros", "ones_like", "zeros_like")},
    **{name: _triangle(name) for name in ("tril", "triu")},
    "masked_fill": lambda self, mask, value, **_: chosen(mask, number_of(value), self),
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
    "stack": lambda tensors, dim=0, **_: FUNCTIONS[np.stack](list(map(as_array, tensors)), dim),
    "einsum": _einsum,
    "diag": lambda self, **_: FUNCTIONS[np.diag](self),
    "diagonal": lambda self, **_: FUNCTIONS[np.diagonal](self),
    "diag_embed": lambda self, **_: FUNCTIONS[np.diag](self),
    "one_hot": _one_hot,
    "gather": _gathered,
    "index": _indexed,
    "index_put": _put,
    "full": lambda size, fill_value, **_: _full(tuple(size), fill_value),
    "full_like": lambda self, fill_value, **_: _full(self.shape, fill_value),
    "scalar_tensor": lambda s, **_: s,
    "eye": lambda n, **_: _eye(n),
    "arange": _arange,
    "detach": _fixed,
    "detach_": _fixed,
    "sym_size": lambda self, dim, **_: self.shape[dim],
    "copy": lambda self, src, **_: as_array(src),
}
