"""Functions of JAX: its own trace, a jaxpr with symbolic sizes, read as arrays of symbols."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import InputError, LanguageError, UnsupportedError
from .array import FUNCTIONS, Traced, operand
from .declared_arrays import mapped
from .index_arrays import Labels, Mask, no_number
from .jax_primitives import ENTRYWISE, PRIMITIVES, WHOLE, Filled, is_constant
from .programs import Given, Locals, Program, placed
from .user_places import explain, is_users_file, without_places

_INNER = ("jaxpr", "call_jaxpr", "fun_jaxpr")  # where an equation holds a program of its own
_MASK = -1e30  # what is less than this stands for minus infinity


def read(
    function: Callable[..., Any],
    tree: Mapping[str, Any],
    given: Given,
    output: Callable[[Any], Any],
) -> Program:
    """Return the program of a function of JAX; raises UnsupportedError with the line.

    ``tree`` is the declaration of its arguments, ``given`` their arrays by path, ``output`` picks
    what is differentiated from what the function returns.
    """
    import jax

    if not given:
        raise InputError("no array is declared", remedy='trace(f, X="n, d")')
    local = Locals(lambda x: isinstance(x, jax.core.Tracer) and isinstance(x, jax.Array))
    place = {path: k for k, path in enumerate(given)}
    held: list[str] = []

    def followed(arrays: list[Any]) -> Any:
        arguments = mapped(lambda path, leaf: arrays[place[path]] if path in place else leaf, tree)
        with local.watching():
            value = output(function(**arguments))
        level = getattr(arrays[0], "_trace", None)  # what vmap and scan trace lies deeper
        same = [(n, x) for n, x in local.found if getattr(x, "_trace", None) is level]
        held[:] = [n for n, _ in same]
        return value, [x for _, x in same]

    with jax.enable_x64(True):
        try:
            closed = jax.make_jaxpr(followed)(_shapes(jax, given))
        except LanguageError:
            raise
        except Exception as failure:
            raise _of_jax(failure) from failure
        with without_places():
            results = _values(closed.jaxpr, closed.consts, list(given.values()))
    names = zip(held, map(_alone, results[1:]), strict=True)
    return Program(_array(results[0]), [(name, x) for name, x in names if isinstance(x, Traced)])


def _array(x: Any) -> Traced:
    return Traced(operand(no_number(_alone(x))))


def _shapes(jax: Any, given: Given) -> list[Any]:
    """Return what JAX is to trace with: arrays without numbers, of symbolic sizes."""
    names = sorted({n for x in given.values() for d in _dims(x) for n in d.names})
    sizes = (
        dict(zip(names, jax.export.symbolic_shape(", ".join(names)), strict=True)) if names else {}
    )
    return [
        jax.ShapeDtypeStruct(
            tuple(d.at(sizes) for d in _dims(x)),
            np.int64 if isinstance(x, Labels) else np.float64,
        )
        for x in given.values()
    ]


def _dims(x: Traced | Labels) -> Any:
    return x.dims if isinstance(x, Labels) else x._array.dims


def _of_jax(failure: Exception) -> LanguageError:
    """Return what JAX refused, with the line of the user's file."""
    message = str(failure).strip().split("\n\n")[0].replace("\n", " ")
    found = explain(type(failure)(message) if type(failure) is TypeError else failure)
    return UnsupportedError(
        f"{found.subject.split(chr(10))[0]}"[:600], span=found.span, remedy=found.remedy
    )


# the interpreter


def _values(jaxpr: Any, constants: Any, arguments: list[Any]) -> list[Any]:
    """Return what a program computes."""
    known: dict[Any, Any] = dict(zip(jaxpr.constvars, map(_constant, constants), strict=True))
    known.update(zip(jaxpr.invars, arguments, strict=True))

    def value(atom: Any) -> Any:
        return _constant(atom.val) if hasattr(atom, "val") else known[atom]

    for equation in jaxpr.eqns:
        try:
            found = _computed(equation, [value(a) for a in equation.invars])
        except LanguageError as error:
            raise placed(error, *_place(equation)) from None
        known.update(zip(equation.outvars, found, strict=True))
    return [value(a) for a in jaxpr.outvars]


def _computed(equation: Any, operands: list[Any]) -> list[Any]:
    """Return the values of an equation."""
    name, params = equation.primitive.name, equation.params
    inner = next((params[k] for k in _INNER if k in params), None)
    if name == "scan":
        return _unrolled(params, operands)
    if inner is not None and name not in ("while", "cond"):
        body, constants = getattr(inner, "jaxpr", inner), getattr(inner, "consts", ())
        whole = WHOLE.get(params.get("name", "")) if _is_of_jax(body) else None
        if whole is None:
            return _values(body, constants, operands)
        found = whole(*map(_alone, operands))
        return list(found) if isinstance(found, tuple) else [found]
    if operands and name not in _SPREADS and all(map(is_constant, operands)):
        found = equation.primitive.bind(*map(np.asarray, operands), **params)
        return [_constant(x) for x in (found if equation.primitive.multiple_results else [found])]
    if name not in PRIMITIVES:
        raise UnsupportedError(
            f"jax.lax.{name} has no counterpart in the language",
            remedy="write it with functions of the language: symderiv docs language",
        )
    return [_of_primitive(name, operands, params)]


def _of_primitive(name: str, operands: list[Any], params: dict[str, Any]) -> Any:
    """Return the value of a primitive; a number that fills an array stays a number beside one."""
    filled = [x for x in operands if isinstance(x, Filled)]
    if name in ENTRYWISE and filled:
        values = [x.value if isinstance(x, Filled) else x for x in operands]
        found = PRIMITIVES[name](*values, **params)
        alone = not any(isinstance(x, Mask) or getattr(x, "ndim", 0) for x in values)
        return Filled(found, filled[0].dims) if alone else found
    return PRIMITIVES[name](*(x if name in _SPREADS else _alone(x) for x in operands), **params)


_SPREADS = ("broadcast_in_dim", "convert_element_type", "reshape")


def _alone(x: Any) -> Any:
    return x.array() if isinstance(x, Filled) else x


def _constant(x: Any) -> Any:
    """Return a constant of a program as a number or an array of numbers."""
    array = np.asarray(x)
    return array.item() if array.ndim == 0 else array


def _is_of_jax(body: Any) -> bool:
    """Whether an inner program is a function of JAX itself."""
    import jax

    file = getattr(body.debug_info, "func_filename", None) or ""
    return Path(jax.__file__).parent in Path(file).parents


def _unrolled(params: dict[str, Any], operands: list[Any]) -> list[Any]:
    """Return what a scan of so many steps computes, step by step."""
    length, fixed, carried = params["length"], params["num_consts"], params["num_carry"]
    if not isinstance(length, int):
        raise UnsupportedError(
            f"a loop over {length} steps",
            remedy='declare the number of steps: X="5, d"',
        )
    constants, state, rows = (
        operands[:fixed],
        operands[fixed:][:carried],
        operands[fixed + carried :],
    )
    body, steps = params["jaxpr"], []
    order = range(length - 1, -1, -1) if params["reverse"] else range(length)
    for t in order:
        now = [_alone(x)[t] for x in rows]
        found = _values(body.jaxpr, body.consts, [*constants, *state, *now])
        state = found[:carried]
        steps.append([_alone(x) for x in found[carried:]])
    steps = steps[::-1] if params["reverse"] else steps
    stacked = [FUNCTIONS[np.stack](list(column)) for column in zip(*steps, strict=True)]
    return [*state, *stacked]


def _place(equation: Any) -> tuple[str, str]:
    """Return the line of the user's file that an equation comes from."""
    traceback = getattr(equation.source_info, "traceback", None)
    for frame in getattr(traceback, "frames", ()):
        if is_users_file(frame.file_name):
            name = frame.function_name.rpartition(".")[2]
            inside = "" if name.startswith("<") else f", in {name}"
            line = linecache.getline(frame.file_name, frame.line_num)
            return f"{Path(frame.file_name).name}, line {frame.line_num}{inside}", line
    return "", ""
