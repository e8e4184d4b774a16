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
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.errors import InputError

_SPELLINGS = ("{}", "d{}", "grad_{}", "{}_grad", "dL/d{}", "dL_d{}", "d_{}", "grad{}", "g{}")


@dataclass(frozen=True, slots=True)
class Expected:
    """The gradients that a function may return, and in which order a tuple may hold them."""

    wrt: Sequence[str]
    variables: Sequence[str]
    written: Sequence[str] = ()  # the order in which its source names them
    taken: Sequence[str] = ()  # the order of its parameters
    asked: bool = False  # whether all of ``wrt`` must be there

    def orders(self) -> list[Sequence[str]]:
        """Return the orders that a tuple may have, likeliest first."""
        return [o for o in (self.written, self.wrt, self.variables, self.taken) if o]


Fits = Callable[[str, Any], bool]


def by_name(result: Any, expected: Expected, fits: Fits) -> tuple[dict[str, Any], str]:
    """Return the gradients that a function returned, and in words how a tuple was read.

    Raises InputError where they cannot be told. ``fits`` says whether an array has the shape of a
    gradient, for a tuple whose order its source does not name.
    """
    if result is None:
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
    wrt = expected.wrt
    if isinstance(result, Mapping):
        return _named(result, wrt), ""
    if dataclasses.is_dataclass(result) and not isinstance(result, type):
        fields = {f.name: getattr(result, f.name) for f in dataclasses.fields(result)}
        return _named(fields, wrt), ""
    if hasattr(result, "_asdict"):
        named = _named(result._asdict(), wrt)
        if named:
            return named, ""
    if not _is_sequence(result):
        if len(wrt) > 1:
            raise InputError(
                f"the callable returned one array, for {len(wrt)} gradients",
                remedy=f"return them all, or say which it is: wrt={wrt[0]!r}",
            )
        return {wrt[0]: result}, ""
    orders = [o for o in expected.orders() if len(o) == len(result)]
    if not orders:
        raise InputError(
            f"the callable returned {len(result)} arrays, for {len(wrt)} gradients",
            remedy=f"return them in the order {', '.join(wrt)}, or as a dict",
        )
    written = orders[0] is expected.written
    fitting = [o for o in orders if all(x is None or fits(n, x) for n, x in zip(o, result))]
    order = orders[0] if written or not fitting else fitting[0]
    pairs = zip(order, result, strict=True)
    return {n: x for n, x in pairs if x is not None}, f"({', '.join(f'd{n}' for n in order)})"


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
        alike = [n for n in names if any(w(s.format(n)) == w(word) for s in _SPELLINGS[1:])]
        if len(alike) == 1:
            return alike[0]
    return None


def _is_sequence(result: Any) -> bool:
    """Whether a result is several arrays; a list of numbers is one."""
    if isinstance(result, tuple):
        return True
    return isinstance(result, list) and any(hasattr(x, "shape") or x is None for x in result)


def _named(result: Mapping[str, Any], wrt: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for n in wrt:
        for spelling in _SPELLINGS:
            if found.get(n) is None and result.get(spelling.format(n)) is not None:
                found[n] = result[spelling.format(n)]
    for key, x in result.items():
        called = _called(key, wrt) if isinstance(key, str) else None
        if called is not None and x is not None:
            found.setdefault(called, x)
    return found


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
