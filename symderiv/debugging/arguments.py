"""What a backward function is called with: arrays by the names of its parameters.

Contract: a function is called in one way at all points, settled from its signature before the
first call; where its parameters cannot be told, InputError says which names there are.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import InputError

Space = Mapping[str, Any]
_UPSTREAM = ("dout", "grad_output", "grad_out", "upstream", "grad", "delta", "gy", "dy")
_EVERYTHING = ("cache", "ctx", "values", "inputs", "saved")
_CALL = "__call__"
_BY_NAME, _IN_ORDER, _AS_DICT = "by name", "in order", "as one dict"


@dataclass(frozen=True, slots=True)
class Names:
    """The names that a function may ask for."""

    ordered: Sequence[str]  # variables and given gradients, as they are declared
    others: Sequence[str]  # definitions, their gradients, functions, sizes
    aliases: Mapping[str, str]  # other words for a given gradient

    def find(self, parameter: str) -> str | None:
        """Return what a parameter stands for, or None."""
        every = [*self.ordered, *self.others]
        if parameter in every:
            return parameter
        if parameter in self.aliases:
            return self.aliases[parameter]
        bare = parameter.rstrip("_")
        alike = [n for n in every if n.lower() == bare.lower()]
        if len(alike) == 1:
            return alike[0]
        return self.aliases.get(bare.lower())


@dataclass(frozen=True, slots=True)
class Call:
    """How a function is called."""

    function: Callable[..., Any]
    way: str
    parameters: tuple[tuple[str, str], ...] = ()  # the parameter, and what it is given
    positional: tuple[str, ...] = ()
    rest: bool = False  # whether **kwargs takes what is left

    @property
    def takes_all(self) -> bool:
        """Whether it is given every value there is, in a dict or by name."""
        return self.way == _AS_DICT or self.rest or "" in self.needed

    @property
    def needed(self) -> list[str]:
        """Return the names it is given; "" stands for a dict of all."""
        return [*self.positional, *(n for _, n in self.parameters)]

    def __call__(self, space: Space) -> Any:
        """Call the function on values by name."""
        if self.way == _AS_DICT:
            return self.function(dict(space))
        full = {**space, "": dict(space)}
        named = {p: full[n] for p, n in self.parameters}
        if self.rest:
            taken = {*self.positional, *(n for _, n in self.parameters)}
            named.update({n: x for n, x in space.items() if n not in taken})
        return self.function(*(full[n] for n in self.positional), **named)


def upstream_aliases(given: Sequence[str], output: str | None) -> dict[str, str]:
    """Return other words for the given gradient, where there is one."""
    if len(given) != 1:
        return {}
    words = dict.fromkeys(_UPSTREAM, given[0])
    if output is not None:
        words.update(
            {f"d{output}": given[0], f"grad_{output}": given[0], f"{output}_grad": given[0]}
        )
    return words


def call_of(function: Callable[..., Any], names: Names) -> Call:
    """Return how a function is called; raises InputError where that cannot be told."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return Call(function, _IN_ORDER, positional=tuple(names.ordered))
    kinds = inspect.Parameter
    if any(p.kind == kinds.VAR_POSITIONAL for p in parameters):
        return Call(function, _IN_ORDER, positional=tuple(names.ordered))
    rest = any(p.kind == kinds.VAR_KEYWORD for p in parameters)
    plain = [p for p in parameters if p.kind != kinds.VAR_KEYWORD]
    required = [p for p in plain if p.default is kinds.empty]
    unknown = [p.name for p in required if _meaning(p.name, names) is None]
    if not unknown:
        return _by_name(function, plain, names, rest)
    if len(required) == len(names.ordered) == len(unknown):
        return Call(function, _IN_ORDER, positional=tuple(names.ordered))
    if len(required) == 1 and not rest:
        return Call(function, _AS_DICT)
    raise _unclear(function, unknown, names)


def _meaning(parameter: str, names: Names) -> str | None:
    found = names.find(parameter)
    return "" if found is None and parameter in _EVERYTHING else found


def _by_name(
    function: Callable[..., Any],
    parameters: Sequence[inspect.Parameter],
    names: Names,
    rest: bool,
) -> Call:
    meanings = [(p, _meaning(p.name, names)) for p in parameters]
    # A dict of saved values is given to a function that cannot do without.
    met = [
        (p, n) for p, n in meanings if n is not None and (n or p.default is inspect.Parameter.empty)
    ]
    twice = [n for k, (_, n) in enumerate(met) if n and n in [m for _, m in met[:k]]]
    if twice:
        raise InputError(f"two parameters of {name_of(function)} stand for {twice[0]}")
    only = inspect.Parameter.POSITIONAL_ONLY
    return Call(
        function,
        _BY_NAME,
        tuple((p.name, n) for p, n in met if p.kind != only),
        tuple(n for p, n in met if p.kind == only),
        rest,
    )


def _unclear(function: Callable[..., Any], unknown: Sequence[str], names: Names) -> InputError:
    order = ", ".join(names.ordered)
    return InputError(
        f"it cannot be told what {name_of(function)} takes as {', '.join(map(repr, unknown))}",
        remedy=f"name its parameters among {', '.join([*names.ordered, *names.others])}; "
        f"or take all of {order} in this order, or one dict",
    )


def name_of(function: Callable[..., Any]) -> str:
    """Return how a function is called in words."""
    return str(getattr(function, "__name__", type(function).__name__))


# arrays of the library that a function is written for


def library_of(function: Callable[..., Any]) -> str:
    """Return "torch" or "jax" where a function uses that library, else "numpy"."""
    inner = inspect.unwrap(getattr(function, "__func__", function))
    code = getattr(inner, "__code__", None)
    if code is None:
        inner = getattr(type(function), _CALL, None)
        code = getattr(inner, "__code__", None)
    spaces = {**getattr(inner, "__globals__", {}), **_closure(inner)}
    written = [spaces.get(n) for n in getattr(code, "co_names", ()) if n in spaces]
    written += [*getattr(inner, "__annotations__", {}).values(), *_closure(inner).values()]
    written += getattr(code, "co_names", ())
    for library in ("torch", "jax"):
        if any(_home(x) == library for x in written):
            return library
    return "numpy"


def _closure(function: Any) -> dict[str, Any]:
    cells = getattr(function, "__closure__", None) or ()
    names = getattr(getattr(function, "__code__", None), "co_freevars", ())
    return {n: c.cell_contents for n, c in zip(names, cells, strict=True)}


def _home(x: Any) -> str:
    if isinstance(x, str):
        return x.partition(".")[0]
    name = getattr(x, "__name__", "") if inspect.ismodule(x) else getattr(x, "__module__", "")
    return str(name or "").partition(".")[0]


def arrays_for(library: str, value: Any) -> Any:
    """Return a value as an array of a library; numbers, functions and sizes as they are."""
    if isinstance(value, dict):
        return {n: arrays_for(library, x) for n, x in value.items()}
    if not isinstance(value, np.ndarray):
        return value
    if library == "torch" and "torch" in sys.modules:
        return sys.modules["torch"].tensor(value)
    if library == "jax" and "jax" in sys.modules:
        return sys.modules["jax"].numpy.asarray(value)
    return value.copy()
