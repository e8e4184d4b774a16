"""Takes what a backward function returned; returns arrays by the name of the variable.

A result is one array, a mapping (keys W, dW, grad_W, W_grad, dL/dW), an object with such fields,
or a tuple in the order of the variables. Arrays may be NumPy's, PyTorch's or JAX's.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...core.errors import InputError
from ...problems.given_gradients import GRADIENT_SPELLINGS
from ...problems.tracing.declared_arrays import Path
from ...problems.tracing.held_arrays import flat, gradient_homes, home_of

_SPELLINGS = ("{}", *GRADIENT_SPELLINGS)
_OTHERS = {"loss", "cost", "value", "cache", "out", "output", "L", "J"}  # beside gradients


@dataclass(frozen=True, slots=True)
class Expected:
    """The gradients that a function may return, and in which order a tuple may hold them."""

    wrt: Sequence[str]
    variables: Sequence[str]
    written: Sequence[str] = ()  # the order in which its source names them
    taken: Sequence[str] = ()  # the order of its parameters
    asked: bool = False  # whether all of ``wrt`` must be there
    homes: Mapping[str, Path] = field(default_factory=dict)  # where they stand in trees
    left: Mapping[str, Any] = field(default_factory=dict)  # gradients that lie in objects

    def beside(self) -> Expected:
        """Return what is expected beside the gradients that lie in objects."""
        mine = [n for n in self.wrt if n not in self.left]
        others = [n for n in self.variables if n not in self.left]
        return replace(self, wrt=mine, variables=others, left={})

    def orders(self) -> list[Sequence[str]]:
        """Return the orders that a tuple may have, likeliest first."""
        return [o for o in (self.written, self.wrt, self.variables, self.taken) if o]


Fits = Callable[[str, Any], bool]


def by_name(result: Any, expected: Expected, fits: Fits) -> tuple[dict[str, Any], str]:
    """Return the gradients that a function returned, and in words how a tuple was read.

    Raises InputError where they cannot be told. ``fits`` says whether an array has the shape of a
    gradient, for a tuple whose order its source does not name.
    """
    if result is None and not expected.left:
        raise InputError(
            "the callable returned None",
            remedy="return the gradient, or a dict or a tuple of gradients",
        )
    wrt = expected.wrt
    found, words = pairs_of(result, expected, fits)
    missing = [n for n in wrt if n not in found]
    if missing and (expected.asked or not found):
        raise InputError(
            f"the callable returned no gradient with respect to {missing[0]}",
            remedy=f"return a dict with {missing[0]!r}, or a tuple in the order {', '.join(wrt)}",
        )
    return {n: array_of(found[n], n) for n in wrt if n in found}, words


def pairs_of(result: Any, expected: Expected, fits: Fits) -> tuple[dict[str, Any], str]:
    """Return the arrays of a result by variable, and in words how a tuple was read."""
    if expected.left:
        inner = expected.beside()
        if result is None or not inner.wrt:
            return dict(expected.left), ""
        if not isinstance(result, tuple) and _tree(result) is None and len(inner.wrt) > 1:
            # One array beside gradients in objects is that of the one argument.
            arguments = [n for n in inner.wrt if n in inner.taken or n in inner.variables]
            inner = replace(inner, wrt=arguments[:1] if len(arguments) == 1 else inner.wrt)
        found, words = pairs_of(result, inner, fits)
        return {**expected.left, **found}, words
    wrt = expected.wrt
    tree = _tree(result)
    named = {} if tree is None else _named(tree, expected)
    if named or (tree is not None and not isinstance(result, tuple)):
        return named, ""
    if not _is_sequence(result):
        if len(wrt) > 1:
            raise InputError(
                f"the callable returned one array, for {len(wrt)} gradients",
                remedy=f"return them all, or say which it is: wrt={wrt[0]!r}",
            )
        return {wrt[0]: result}, ""
    trees = [t for x in result if (t := _tree(x)) is not None]
    if not trees:
        return _in_order(result, expected, fits)
    found = {n: x for t in trees for n, x in _named(t, expected).items()}
    arrays = tuple(x for x in result if _tree(x) is None and np.ndim(x))
    if not arrays and found:
        return found, ""
    one = arrays[0] if len(arrays) == 1 else arrays
    rest, words = pairs_of(one, replace(expected, left=found).beside(), fits)
    return {**found, **rest}, words


def _in_order(result: Sequence[Any], expected: Expected, fits: Fits) -> tuple[dict[str, Any], str]:
    """Return the arrays of a tuple by variable, and the order in words.

    A number in front of as many as there are gradients is the value of the function.
    """
    wrt = expected.wrt
    is_led = len(result) > 1 and result[0] is not None and np.ndim(result[0]) == 0
    for arrays in (result, result[1:]) if is_led else (result,):
        orders = [o for o in expected.orders() if len(o) == len(arrays)]
        written = bool(orders) and orders[0] is expected.written
        fitting = [o for o in orders if all(x is None or fits(n, x) for n, x in zip(o, arrays))]
        if fitting or written or (orders and not is_led):
            order = orders[0] if written or not fitting else fitting[0]
            break
    else:
        order = _by_shape(arrays, wrt, fits)
    if not order:
        raise InputError(
            f"the callable returned {len(result)} arrays, for {len(wrt)} gradients",
            remedy=f"return them in the order {', '.join(wrt)}, or as a dict",
        )
    pairs = zip(order, arrays, strict=True)
    return {n: x for n, x in pairs if x is not None}, f"({', '.join(f'd{n}' for n in order)})"


def _by_shape(arrays: Sequence[Any], wrt: Sequence[str], fits: Fits) -> Sequence[str]:
    """Return the variables of which some of the gradients have the shapes, where one order does."""
    order = []
    for x in arrays:
        names = [n for n in wrt if x is not None and fits(n, x)]
        order += names if len(names) == 1 else []
    return order if len({*order}) == len(arrays) else ()


def unread_keys(result: Any, expected: Expected) -> list[str]:
    """Return the keys of a result that claim to be of a gradient, and name no variable.

    A key that is spelled as those that were read are is a claim: ``bias`` beside ``w``, ``dB``
    beside ``dw``.
    """
    tree = _tree(result)
    if tree is None:
        several = result if isinstance(result, tuple) else ()
        return [k for x in several if _tree(x) is not None for k in unread_keys(x, expected)]
    leaves = {path: x for path, x in flat(tree) if x is not None}
    read = {path for path in leaves if _read(path, expected) is not None}
    spelled = {_is_spelled(path) for path in read}
    return [
        ".".join(map(str, path))
        for path, x in leaves.items()
        if path not in read
        and path[-1] not in _OTHERS
        and (_is_spelled(path) or _is_spelled(path) in spelled)
        and (hasattr(x, "shape") or isinstance(x, float | int))
    ]


def _is_spelled(path: Path) -> bool:
    """Whether the words of a path say that a gradient stands there."""
    return bool(gradient_homes(path))


def _tree(result: Any) -> Mapping[Any, Any] | None:
    """Return a dict, an object with fields or a list of such as a mapping; None for arrays."""
    if isinstance(result, Mapping):
        return result
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        return {f.name: getattr(result, f.name) for f in dataclasses.fields(result)}
    if hasattr(result, "_asdict"):
        return dict(result._asdict())
    if isinstance(result, list) and any(isinstance(x, dict | tuple | list) for x in result):
        parts = [x for x in result if isinstance(x, dict | tuple | list)]
        if any(hasattr(x, "shape") for part in parts for _, x in flat({0: part})):
            return dict(enumerate(result))
    return None


def written_order(function: Callable[..., Any], names: Sequence[str]) -> tuple[str, ...]:
    """Return the variables that the returned tuple is named after in the source: dW, db.

    Empty where the source is not there, or names them otherwise.
    """
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError, ValueError):
        return ()
    found = {_order(r.value, names) for r in _returns(tree.body)}
    return found.pop() if len(found) == 1 else ()


def _returns(body: Sequence[ast.stmt]) -> Iterator[ast.Return]:
    """Yield the return statements of the one function of a source, not those inside it."""
    outer = [s for s in body if isinstance(s, ast.FunctionDef)]
    todo: list[ast.AST] = list(outer[0].body) if len(outer) == 1 else []
    while todo:
        at = todo.pop()
        if isinstance(at, ast.Return):
            yield at
        if not isinstance(at, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            todo += ast.iter_child_nodes(at)


def _order(value: ast.expr | None, names: Sequence[str]) -> tuple[str, ...]:
    if not isinstance(value, ast.Tuple):
        return ()
    met = [_called(e.id, names) if isinstance(e, ast.Name) else None for e in value.elts]
    known = [n for n in met if n is not None]
    return tuple(known) if len({*known}) == len(met) else ()


def _called(word: str, names: Sequence[str]) -> str | None:
    """Return the variable of which a word says the gradient, whatever its case."""
    for w in (str, str.lower):
        alike = [n for n in names if any(w(s.format(n)) == w(word) for s in GRADIENT_SPELLINGS)]
        if len(alike) == 1:
            return alike[0]
    return None


def named_homes(result: Any, homes: Mapping[str, Path]) -> list[str]:
    """Return of which places, by name, the keys of a result say that they are the gradient."""
    trees = [t for x in (result if isinstance(result, tuple) else [result]) if (t := _tree(x))]
    expected = Expected([*homes], [], homes=homes)
    return [n for t in trees for n in _named(t, expected)]


def unread_words(keys: Sequence[str], missing: Sequence[str]) -> dict[str, str]:
    """Return, of keys that name no variable, what is said of them, by a variable or by the key."""
    found = {}
    for key in keys:
        near = [
            n for n in missing if n not in found and n[:1].lower() == key.lstrip("d")[:1].lower()
        ]
        meant = f": is it meant for {near[0]}?" if near else "."
        found[near[0] if near else key] = f"It gives {key!r}, which names no variable{meant}"
    return found


def _is_sequence(result: Any) -> bool:
    """Whether a result is several arrays; a list of numbers is one."""
    if isinstance(result, tuple):
        return True
    return isinstance(result, list) and any(hasattr(x, "shape") or x is None for x in result)


def _named(result: Mapping[Any, Any], expected: Expected) -> dict[str, Any]:
    """Return the arrays of a tree by the variable that the way to each names."""
    found: dict[str, Any] = {}
    for n in expected.wrt:
        for spelling in _SPELLINGS:
            if found.get(n) is None and result.get(spelling.format(n)) is not None:
                found[n] = result[spelling.format(n)]
    for path, x in flat(result):
        name = _read(path, expected) if x is not None else None
        if name is not None:
            found.setdefault(name, x)
    return found


def _read(path: Path, expected: Expected) -> str | None:
    """Return the variable whose gradient stands at the end of a path, by its words."""
    if len(path) == 1 and isinstance(path[0], str):
        if path[0] in expected.wrt:
            return path[0]
        called = _called(path[0], expected.wrt)
        alike = [n for n in expected.wrt if n.lower() == path[0].lower()]
        if called is not None or len(alike) == 1:
            return called or alike[0]
    for home in (*gradient_homes(path), home_of(path)):
        ends = [n for n in expected.wrt if expected.homes.get(n, ())[-len(home) :] == home]
        if len(ends) == 1:
            return ends[0]
    return None


def array_of(x: Any, name: str) -> Any:
    """Return a NumPy array of what may be another library's."""
    try:
        if hasattr(x, "detach"):
            x = x.detach().cpu().resolve_conj().resolve_neg().numpy()
        array = np.asarray(x)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"the gradient with respect to {name} is not an array of numbers: {error}"
        ) from None
    if array.dtype.kind not in "fciub":
        raise InputError(
            f"the gradient with respect to {name} is not an array of numbers: "
            f"it is {type(x).__name__}"
        )
    return np.array(array, dtype=float if array.dtype.kind in "biu" else array.dtype)
