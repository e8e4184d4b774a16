"""A traced function takes the branch that arrays take, or is refused with its line."""

from __future__ import annotations

import collections.abc
import contextlib
import copy
import functools
import math
import numbers
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from traced_values import compare

import symderiv as sd
from symderiv.codegen.evaluation import evaluate
from symderiv.core.errors import UnsupportedError

# What is asked of an array, a number made of it, a size, and a comparison: x is "n, d".
ASKED: dict[str, Callable[[Any], Any]] = {
    "isinstance of an array": lambda x: isinstance(x, np.ndarray),
    "isinstance of several": lambda x: isinstance(x, (list, np.ndarray, float)),
    "isinstance of a float": lambda x: isinstance(x, float),
    "isinstance of a list": lambda x: isinstance(x, list),
    "its type": lambda x: type(x) is np.ndarray,
    "its type is equal": lambda x: type(x) == np.ndarray,  # noqa: E721
    "the name of its type": lambda x: type(x).__name__ == "ndarray",
    "its class": lambda x: x.__class__ is np.ndarray,
    "a class made beside it": lambda x: isinstance(type("C", (), {}), type),
    "a subclass": lambda x: issubclass(type(x), np.ndarray),
    "a number's type": lambda x: type(x.sum()) is float,
    "a number is a float": lambda x: isinstance(x.sum(), float),
    "a number is no array": lambda x: isinstance(x.sum(), np.ndarray),
    "a number is a number": lambda x: isinstance(x.sum(), numbers.Number),
    "a number of NumPy": lambda x: isinstance(np.sum(x), np.floating),
    "an array is no number": lambda x: isinstance(x, numbers.Number),
    "a size is an integer": lambda x: isinstance(x.shape[0], int),
    "a size's type": lambda x: type(x.shape[1]) is int,
    "a size is no float": lambda x: isinstance(x.shape[0], float),
    "a size is not zero": lambda x: bool(x.shape[0]),
    "a size or another": lambda x: (x.shape[0] or 3) == x.shape[0],
    "a comparison is an array": lambda x: isinstance(x > 0, np.ndarray),
    "a comparison is no float": lambda x: isinstance(x.sum() > 0, float),
    "the type of a comparison": lambda x: (x > 0).dtype == bool,
    "a loop is possible": lambda x: isinstance(x, collections.abc.Iterable),
    "a number has no rows": lambda x: isinstance(x.sum(), collections.abc.Iterable),
    "it has a length": lambda x: hasattr(x, "__len__"),
    "a number has no length": lambda x: hasattr(x.sum(), "__len__"),
    "sized": lambda x: isinstance(x.sum(), collections.abc.Sized),
    "a sequence": lambda x: isinstance(x, collections.abc.Sequence),
    "callable": callable,
    "it has axes": lambda x: hasattr(x, "ndim"),
    "it is no tensor": lambda x: hasattr(x, "detach") or hasattr(x, "numpy"),
    "names of the tracer": lambda x: hasattr(x, "node") or hasattr(x, "shared"),
    "the node of it": lambda x: getattr(x, "node", None) is None,
    "assigned": lambda x: hasattr(x, "assigned") or hasattr(x, "args"),
    "bytes": lambda x: x.nbytes > 0,
    "flags": lambda x: x.flags["C_CONTIGUOUS"],
    "flags, if it has any": lambda x: hasattr(x, "flags"),
    "strides": lambda x: x.strides[0] > 0,
    "base": lambda x: x.base is None,
    "data": lambda x: hasattr(x, "data"),
    "the interface": lambda x: hasattr(x, "__array_interface__"),
    "dtype": lambda x: x.dtype == np.float64,
    "kind of entries": lambda x: x.dtype.kind == "f",
    "a float type": lambda x: np.issubdtype(x.dtype, np.floating),
    "none": lambda x: x is None,
    "equal to none": lambda x: x == None,  # noqa: E711
    "not none": lambda x: x is not None,
    "in a list": lambda x: x in [1, 2],
    "in itself": lambda x: x in [x],
    "contains": lambda x: 0 in x,
    "equal to a word": lambda x: isinstance(x == "sum", bool),
    "equal arrays": lambda x: np.array_equal(x, x),
    "close arrays": lambda x: np.allclose(x, 0),
    "any": lambda x: (x > 0).any(),
    "all": lambda x: np.all(x > -100),
    "a condition": lambda x: x.sum() > 0,
    "a truth value": lambda x: not x,
    "a larger one": lambda x: max(x.sum(), 1.0) == 1.0,
    "float": lambda x: float(x.sum()) > 0,
    "int": lambda x: int(x.sum()) > 0,
    "round": lambda x: round(x.sum()) > 0,
    "floor": lambda x: math.floor(x.sum()) > 0,
    "isfinite": lambda x: math.isfinite(x.sum()),
    "item": lambda x: x.sum().item() > 0,
    "tolist": lambda x: x.tolist()[0][0] > 0,
    "len": lambda x: len(x) == x.shape[0],
    "len of len": lambda x: len(x.shape) == 2,
    "ndim": lambda x: np.ndim(x) == 2,
    "ndim of a number": lambda x: np.ndim(x.sum()) == 0,
    "shape": lambda x: np.shape(x) == x.shape,
    "size": lambda x: np.size(x) == x.size,
    "scalar": np.isscalar,
    "a number is scalar": lambda x: np.isscalar(x.sum()),
    "iterable": np.iterable,
    "the same array": lambda x: np.asarray(x) is x,
    "the same two axes": lambda x: np.atleast_2d(x) is x,
    "a copy is another": lambda x: copy.deepcopy(x) is x,
    "hash": lambda x: isinstance(x, collections.abc.Hashable),
    "more rows than one": lambda x: x.shape[0] > 1,
    "three rows": lambda x: x.shape[0] == 3,
    "an even size": lambda x: x.shape[0] % 2 == 0,
    "attribute that it lacks": lambda x: getattr(x, "requires_grad", False),
    "an integer's attribute": lambda x: x.shape[0].bit_length() > 1,
    "dispatched": lambda x: _dispatched(x) == "array",
    "a pattern": lambda x: _matched(x) == "array",
    "a size has no shape": lambda x: hasattr(x.shape[0], "shape"),
    "a size has no type of entries": lambda x: hasattr(x.shape[0], "dtype"),
    "a size is a number of Python": lambda x: hasattr(x.shape[0], "item"),
    "a number has no dot": lambda x: hasattr(x.sum(), "dot"),
    "a number is no index": lambda x: hasattr(x.sum(), "__index__"),
    "a number asks no ufunc": lambda x: hasattr(x.sum(), "__array_ufunc__"),
    "a number is its transpose": lambda x: x.sum().T is x.sum().T.T,
    "names behind a line": lambda x: hasattr(x, "_node") or hasattr(x, "_shared"),
    "a number is hashable": lambda x: isinstance(x.sum(), collections.abc.Hashable),
    "a comparison is not hashable": lambda x: isinstance(x > 0, collections.abc.Hashable),
    "a number as a key": lambda x: {x.sum(): 1}.get(x.sum()) == 1,
    "its words": lambda x: type(x).__module__ == "numpy",
}


@functools.singledispatch
def _dispatched(x: Any) -> str:
    return "anything"


@_dispatched.register
def _(x: np.ndarray) -> str:
    return "array"


def _matched(x: Any) -> str:
    match x:
        case [_, *_]:
            return "list"
        case np.ndarray():
            return "array"
        case _:
            return "anything"


@pytest.mark.parametrize("name", ASKED)
def test_a_branch_is_that_of_arrays_or_refused_with_its_line(name: str) -> None:
    asked = ASKED[name]

    def forward(x: Any) -> Any:
        if asked(x):
            return np.sum(x**2)
        return np.sum(np.tanh(x))

    refusal, found = "", None
    try:
        found = sd.trace(forward, x="n, d")
    except UnsupportedError as error:
        refusal = str(error)
    if found is None:
        assert "test_tracing_branches.py, line" in refusal
        return
    x = np.random.default_rng(3).normal(size=(4, 3))
    assert np.isclose(evaluate(found.objective, {"x": x}), forward(x))


# a refusal that the function catches


def caught_by_all(x: Any) -> Any:
    try:
        return np.sum(np.sort(x))
    except Exception:
        return np.sum(x**2)


def caught_bare(x: Any) -> Any:
    try:
        scale = int(np.max(x))
    except:  # noqa: E722
        scale = 1.0
    return scale * np.sum(x**2)


def caught_finally(x: Any) -> Any:
    try:
        np.sort(x)
    finally:
        return np.sum(x**2)  # noqa: B012


def suppressed(x: Any) -> Any:
    scale = 1.0
    with contextlib.suppress(Exception):
        scale = x.max().item()
    return scale * np.sum(x**2)


def raised_again(x: Any) -> Any:
    try:
        return np.sum(np.sort(x))
    except Exception as error:
        raise RuntimeError("no sort") from error


def read_by_default(x: Any) -> Any:
    return np.sum(x**2) if getattr(x, "nbytes", 0) else np.sum(x)


def assigned_to(x: Any) -> Any:
    try:
        x.shape = (-1,)
    except AttributeError:
        return np.sum(x**2)
    return np.sum(x)


@pytest.mark.parametrize(
    "f",
    [
        caught_by_all,
        caught_bare,
        caught_finally,
        suppressed,
        raised_again,
        read_by_default,
        assigned_to,
    ],
    ids=lambda f: f.__name__,
)
def test_a_refusal_that_is_caught_is_a_refusal(f: Callable[..., Any]) -> None:
    with pytest.raises(UnsupportedError) as caught:
        sd.trace(f, x="n, d")
    assert f"in {f.__name__}" in str(caught.value)


def test_type_answers_as_before_when_the_function_has_run() -> None:
    def forward(x: Any) -> Any:
        return np.sum(x) if type(x) is np.ndarray else np.sum(x**2)

    before = globals().get("type")
    sd.trace(forward, x="n")
    assert globals().get("type") is before


def test_views_share_the_memory_of_an_array() -> None:
    def forward(x: Any) -> Any:
        y = x.view(np.ndarray)
        return np.sum(y.real * x.conj())

    compare(forward, {"x": "n, d"})

    def changed(x: Any) -> Any:
        y = x.view()
        y += 1
        return np.sum(x)

    with pytest.raises(UnsupportedError, match="changes other arrays"):
        sd.trace(changed, x="n, d")
    with pytest.raises(UnsupportedError, match="view of entries as"):
        sd.trace(lambda x: np.sum(x.view(np.int64)), x="n, d")


def test_truth_values_as_floats_are_numbers() -> None:
    def forward(x: Any) -> Any:
        return np.sum(x * ((x > 0).astype(float) + 1) - (x < 1).copy().astype(float))

    compare(forward, {"x": "n, d"})
