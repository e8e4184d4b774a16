"""One expression evaluated on arrays, through the code generator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from math import prod
from numbers import Integral
from typing import Any

import numpy as np

from ..core.errors import InputError
from ..core.expr import Expr, dims_of, free_ranges, rebuild, walk, with_args
from ..core.shapes import ONE, Dim, Shape
from ..ops.functions import loss_parts, spelled
from ..problems.numpy_axes import array_shape
from ..values.sampling import least_sizes
from .assignments import Assignment, plan, shape_text
from .computed import Computed
from .guard import run
from .helpers import SOURCES, imports, with_needs
from .numpy_code import Coder, python_name


class ProductSizes:
    """The axes of arrays that are products of several sizes, with their lengths."""

    def __init__(self) -> None:
        self._axes: dict[Dim, int] = {}

    def see(self, shape: Shape, found: Sequence[int]) -> None:
        """Take note of the axes of an array with a declared shape."""
        for dim, size in zip(array_shape(shape), found, strict=True):
            if len(dim.symbols) > 1 and set(dim.symbols) <= set(dim.names):
                self._axes[dim] = size

    def solved(self, known: Mapping[str, int], used: Iterable[Dim]) -> dict[str, int]:
        """Return the sizes that follow from ``known`` ones, where only ``used`` ones are needed.

        >>> from symderiv.core.shapes import symbol
        >>> products = ProductSizes()
        >>> products.see((symbol("h") * symbol("d"), symbol("n")), (6, 5))
        >>> products.solved({"h": 2}, [])
        {'d': 3}
        """
        found: dict[str, int] = {}
        for _ in self._axes:
            for dim, size in self._axes.items():
                found.update(_one_left(dim, size, {**known, **found}))
        for dim, size in self._axes.items():
            unknown = _unknown(dim, {**known, **found})
            whole = Counter(unknown)
            parts = [Counter(s for s in d.symbols if s in whole) for d in used]
            if (
                unknown
                and all(p in (whole, Counter()) for p in parts)
                and set(whole.values()) == {1}
            ):
                rest, left = _divided(dim, size, {**known, **found})
                if not left:
                    found.update({**dict.fromkeys(unknown, 1), unknown[0]: rest})
        return found


def _unknown(dim: Dim, known: Mapping[str, int]) -> list[str]:
    return [s for s in dim.symbols if s not in known]


def _divided(dim: Dim, size: int, known: Mapping[str, int]) -> tuple[int, int]:
    return divmod(size, dim.coefficient * prod(known[s] for s in dim.symbols if s in known))


def _one_left(dim: Dim, size: int, known: Mapping[str, int]) -> dict[str, int]:
    """Return the only size of a product that is not known, if it follows."""
    unknown = _unknown(dim, known)
    rest, left = _divided(dim, size, known)
    return {unknown[0]: rest} if len(unknown) == 1 and not left else {}


_VALUE = "_value"  # no name of a user: those that start with _ end with it in code


def evaluate(x: Expr, given: Mapping[str, Any], slopes: Collection[str] | None = None) -> Any:
    """Return the value of an expression as an array: vectors are 1-D, scalars 0-D.

    Of a gradient, ``slopes`` holds the names that stand for gradients in it.

    ``given`` holds an array for every variable that occurs (others are ignored), callables for
    unspecified functions, and sizes that no array shows. Raises InputError.
    """
    sizes: dict[str, int] = {}
    space: dict[str, Any] = {"np": np}
    kinds: list[Any] = []
    products = ProductSizes()
    for name, shape in _needed(x).items():
        if name not in given:
            raise InputError(
                f"no value for {name}, {shape_text(array_shape(shape))}",
                remedy=f"pass it by name: evaluate({name}=...)",
            )
        space[python_name(name)] = array = _read(name, given[name], shape, sizes)
        products.see(shape, array.shape)
        if np.asarray(given[name]).dtype.kind in "fc" and not isinstance(given[name], float):
            kinds.append(array.dtype)  # integers and plain numbers take the dtype of the others
    others = [a.dtype for a in given.values() if isinstance(a, np.ndarray) and a.dtype.kind in "fc"]
    kinds = kinds or others  # a constant has the dtype of what it does not depend on
    dtype = space["dtype"] = np.result_type(*kinds) if kinds else np.dtype(float)
    for name in map(python_name, _needed(x)):
        space[name] = space[name].astype(space[name].dtype if space[name].dtype in kinds else dtype)
    coder, source = _program(x, None if slopes is None else frozenset(slopes))
    sizes.update(products.solved({**_ints(given), **sizes}, [*coder.dims, *x.shape]))
    needed = {*coder.sizes, *(s for d in x.shape for s in d.names)}
    known = {name: _size(name, sizes, given) for name in needed}
    space |= {name: known[name] for name in coder.sizes}  # others may be called as modules are
    _check_parts(x, known)
    for function in _functions(x):
        if not callable(given.get(function)):
            raise InputError(f"no callable for {function}", remedy=f"pass it: {function}=...")
        space[python_name(function)] = given[function]
    value = run(source, space, "<symderiv expression>")[_VALUE]
    expected = tuple(d.at({**sizes, **_ints(given)}) for d in array_shape(x.shape))
    found = value if hasattr(value, "dtype") else np.asarray(value, dtype=dtype)
    return np.asarray(found).reshape(expected)


@lru_cache(maxsize=16)
def _program(x: Expr, slopes: frozenset[str] | None) -> tuple[Coder, str]:
    """Return the code of an expression, which differences evaluate at many points."""
    coder = Coder()
    parts = _coded(x, coder, slopes)
    return coder, _source(parts, coder)


def _check_parts(x: Expr, sizes: Mapping[str, int]) -> None:
    """Refuse sizes at which a part of an axis has less than no entries."""
    for dim in least_sizes([x]).differences:
        if set(dim.names) <= set(sizes) and dim.at(sizes) < 0:
            raise InputError(
                f"{str(dim)[1:-1]} is {dim.at(sizes)}: no size",
                remedy="pass sizes for which every part of an axis is one",
            )


def _source(parts: Sequence[tuple[str, str]], coder: Coder) -> str:
    """Return assignments to the names of parts, after the helpers and imports that they need."""
    sources = [SOURCES[helper] for helper in with_needs(coder.helpers)]
    whole = "\n".join(f"{name} = {source}" for name, source in parts)
    return "\n".join([*imports("\n".join([whole, *sources])), *sources, whole])


def _ints(given: Mapping[str, Any]) -> dict[str, int]:
    whole = {k: v for k, v in given.items() if isinstance(v, Integral)}
    return {k: int(v) for k, v in whole.items() if not isinstance(v, bool)}


def _needed(x: Expr) -> dict[str, Shape]:
    return {str(e.data): e.shape for e in walk(x) if e.is_variable}


def _functions(x: Expr) -> list[str]:
    found: dict[str, None] = {}
    for e in walk(x):
        if e.op == "apply":
            found[spelled(e)] = None
        if e.is_loss:
            found[loss_parts(e)[0]] = None
    return list(found)


def _coded(x: Expr, coder: Coder, slopes: Collection[str] | None) -> list[tuple[str, str]]:
    """Return the code of each named intermediate, under a name of its own, and of the whole."""
    computed = Computed()

    def form(e: Expr, is_slope: bool) -> Expr:
        plain = _unnamed(e)
        return computed.gradient(plain) if is_slope else computed.value(plain)

    root = form(x, slopes is not None)
    named = [e for e in walk(x) if e.is_name and not free_ranges(e)]
    needed = _names_in(root)
    values: dict[Expr, Expr] = {}
    for e in reversed(named):
        if e in needed:
            values[e] = form(e.args[0], str(e.data) in (slopes or ()))
            needed |= _names_in(values[e])
    lines: list[Assignment] = []
    for k, e in enumerate(reversed(values)):
        name = f"_part{k}"
        lines += _shared(name, values[e], coder, lines)
        coder.names[e] = name
    lines += _shared(_VALUE, root, coder, lines)
    return [(line.name, line.code) for line in lines]


def _shared(name: str, x: Expr, coder: Coder, above: Sequence[Assignment]) -> list[Assignment]:
    """Return the lines that compute an expression; what it uses twice is computed once."""
    taken = {line.name for line in above}
    taken |= {*map(python_name, (*_needed(x), *_functions(x))), *dims_of(x)}
    return plan([(name, x)], coder, taken)


def _names_in(x: Expr) -> set[Expr]:
    return {e for e in walk(x, Expr.is_name) if e.is_name}


def _unnamed(x: Expr) -> Expr:
    """Return an expression with its named intermediates that have free indices written out."""

    def is_kept(e: Expr) -> bool:
        return e.is_name and not free_ranges(e)

    def change(e: Expr, args: tuple[Expr, ...]) -> Expr:
        return args[0] if e.is_name else with_args(e, args)

    return rebuild(x, change, is_kept)


def _read(name: str, value: Any, shape: Shape, sizes: dict[str, int]) -> Any:
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "fc":
            array = array.astype(float)
    except (TypeError, ValueError):
        raise InputError(f"{name} is not an array of numbers") from None
    dims = array_shape(shape)
    if array.ndim == len(shape) == 2 and ONE in shape and _fits(array.shape, shape):
        array = array.reshape(tuple(k for k, d in zip(array.shape, shape, strict=True) if d != ONE))
    if array.ndim != len(dims):
        raise _wrong(name, array, dims, sizes)
    for dim, size in zip(dims, array.shape, strict=True):
        if dim.symbols == dim.names and len(dim.names) == 1:
            found, rest = divmod(size, dim.coefficient)
            if rest or sizes.setdefault(dim.symbols[0], found) != found:
                raise _wrong(name, array, dims, sizes)
        elif all(s in sizes for s in dim.names) and dim.at(sizes) != size:
            raise _wrong(name, array, dims, sizes)
    return array


def _fits(found: tuple[int, ...], shape: Shape) -> bool:
    return all(k == 1 for k, d in zip(found, shape, strict=True) if d == ONE)


def _wrong(name: str, array: Any, dims: tuple[Dim, ...], sizes: Mapping[str, int]) -> InputError:
    known = ", ".join(f"{s} = {sizes[s]}" for d in dims for s in d.names if s in sizes)
    return InputError(
        f"{name} has shape {array.shape}; expected {shape_text(dims)}"
        + (f" with {known}" if known else "")
    )


def _size(name: str, sizes: Mapping[str, int], given: Mapping[str, Any]) -> int:
    if name in sizes:
        return sizes[name]
    value = given.get(name)
    if isinstance(value, Integral) and not isinstance(value, bool) and int(value) > 0:
        return int(value)
    raise InputError(f"the size {name} is not shown by any array", remedy=f"pass it: {name}=4")
