"""Functions and modules of PyTorch: its own export, a graph of aten, read as arrays of symbols.

The parameters of a module are variables by their names. ``torch.export`` finds out which sizes are
free: a size of an example stays a number where the module fixes it, and is a symbol elsewhere.
"""

from __future__ import annotations

import linecache
import logging
import math
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path as FilePath
from types import FrameType
from typing import Any

import numpy as np

from ...core.errors import (
    DeclarationError,
    InputError,
    LanguageError,
    ShapeError,
    UnsupportedError,
)
from ...core.shapes import Dim, Shape, size, symbol, times
from .. import Problem
from ..declarations import Declarations, fresh_dims
from .array import Traced, operand
from .array_expressions import SymbolArray
from .aten import computed
from .declared_arrays import UNKNOWN, Path, leaves, mapped, names_of
from .index_arrays import ClassesNeededError, Labels, no_number
from .patterns import pattern_of
from .programs import Locals, Program, TraceOptions, placed, posed
from .user_places import explain, is_users_file, without_places

_HINTS = (11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53)  # sizes that no function means


def traced(
    function: Any,
    declarations: Mapping[str, Any],
    asked: TraceOptions,
    output: Callable[[Any], Any],
) -> Problem:
    """Return the problem of a function or a module of PyTorch; raises LanguageError."""
    import torch

    is_module = isinstance(function, torch.nn.Module)
    arguments = _Arguments(torch, declarations, function if is_module else None)
    recorder = _Recorder(torch, function, declarations, arguments, output)
    exported = recorder.exported()
    shapes, results = _computed(exported, arguments, recorder.places)
    held = zip(recorder.held, results[1:], strict=True)
    program = Program(_array(results[0]), [(n, x) for n, x in held if isinstance(x, Traced)])
    if asked.wrt is None and is_module:
        asked = replace(asked, wrt=[n for n in shapes if n not in arguments.fixed])
    picks = tuple(n for n, x in arguments.found.items() if isinstance(x, Labels))
    if asked.wrt is None and picks:
        asked = replace(asked, wrt=[n for n in shapes if n not in picks])
    name = type(function).__name__ if is_module else getattr(function, "__name__", "")
    return replace(posed(program, shapes, asked, name), labels=picks)


def _computed(
    exported: Any, arguments: _Arguments, places: Mapping[str, Any]
) -> tuple[dict[str, str], list[Any]]:
    """Return the variables, and what is computed; labels get their classes where they are used."""
    classes: dict[str, Dim] = {}
    while True:
        shapes, given = arguments.symbols(exported, classes)
        try:
            with without_places():
                return shapes, _values(exported.graph, given, places)
        except ClassesNeededError as needed:
            classes[needed.name] = needed.classes
        except ShapeError:
            if arguments.alike or not arguments.has_examples:
                raise
            arguments.alike, arguments.sizes = True, None  # equal numbers are one size
            classes.clear()


def _array(x: Any) -> Traced:
    return Traced(operand(no_number(x)))


# the arguments


class _Arguments:
    """The arrays that a program is given: declared ones, and the parameters of a module."""

    def __init__(self, torch: Any, declarations: Mapping[str, Any], module: Any) -> None:
        self.torch = torch
        self.sizes: Callable[[Any], Dim] | None = None
        self.found: dict[str, Any] = {}  # arrays by the name of the variable
        self.alike = False  # whether sizes of examples that are equal are one size
        found = dict(leaves(dict(declarations)))
        self.declared = {p: x for p, x in found.items() if _is_array(x)}
        self.module = {} if module is None else _tensors(module)
        self.values = {p: self._value(x) for p, x in self.declared.items()}
        paths: list[Path] = [*self.declared, *((name,) for name in self.module)]
        if not paths:
            raise InputError("no array is declared", remedy='trace(f, X="n, d")')
        self.names = names_of(paths)
        parameters = {} if module is None else dict(module.named_parameters())
        self.constants = {self.names[(n,)] for n in self.module if n not in parameters}

    def _value(self, x: Any) -> Any:
        """Return a tensor to trace with: an example as it is, a declaration with sizes of ours."""
        if not isinstance(x, str):
            return self.torch.as_tensor(x).clone()  # one tensor for two arguments is two
        shape, classes = _dims(x)
        symbols = sorted({n for y, _ in map(_dims, self._texts()) for d in y for n in d.names})
        at = dict(zip(symbols, _HINTS, strict=False))
        kind = self.torch.float64 if classes is None else self.torch.int64
        return self.torch.zeros([d.at(at) for d in shape], dtype=kind)

    @property
    def fixed(self) -> set[str]:
        """Return the variables by which nobody differentiates: buffers, labels."""
        return self.constants | {n for n, x in self.found.items() if isinstance(x, Labels)}

    @property
    def has_examples(self) -> bool:
        """Whether an argument is given by an example."""
        return len(self._texts()) < len(self.declared)

    def _texts(self) -> list[str]:
        return [x for x in self.declared.values() if isinstance(x, str)]

    def dynamic(self, path: Path, value: Any) -> dict[int, Any]:
        """Return which axes of an array are to have symbols for sizes."""
        auto, static = self.torch.export.Dim.AUTO, self.torch.export.Dim.STATIC
        text = self.declared.get(path)
        if isinstance(text, str):
            free = [bool(d.symbols) for d in _dims(text)[0]]
        else:  # parameters too: their sizes are free where those of the inputs are examples
            free = [path in self.declared or not self._texts()] * value.ndim
        return {k: auto if free[k] and n > 1 else static for k, n in enumerate(value.shape)}

    def symbols(
        self, exported: Any, classes: Mapping[str, Dim]
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """Return the declarations of the variables, and the arrays by placeholder."""
        inputs = dict(zip(self._order(), _placeholders(exported), strict=True))
        sizes = self.sizes = self.sizes or self._sizes(inputs)
        shapes: dict[str, str] = {}
        given = _constants(exported)
        for path, node in inputs.items():
            name = self.names[path]
            tensor = self.module.get(str(path[0])) if path not in self.declared else None
            if name in self.constants and tensor is not None:
                pattern = pattern_of(tensor)
                if pattern is not None:
                    given[node.name] = pattern
                    continue
            text = self.declared.get(path)
            dims = tuple(sizes(n) for n in node.meta["val"].shape)
            of = _classes(text, self.values.get(path), classes.get(name))
            shapes[name], given[node.name] = _variable(name, dims, text, of)
            self.found[name] = given[node.name]
        return shapes, given

    def _order(self) -> list[Path]:
        return [*((name,) for name in self.module), *self.declared]

    def _sizes(self, inputs: Mapping[Path, Any]) -> Callable[[Any], Dim]:
        """Return what reads a size of the program with the writer's symbols, or with new ones."""
        known: dict[str, Dim] = {}
        for path, node in inputs.items():
            text = self.declared.get(path)
            if not isinstance(text, str):
                continue
            for declared, found in zip(_dims(text)[0], node.meta["val"].shape, strict=True):
                if len(declared.symbols) == 1 and declared.coefficient == 1:
                    if _number(found) is not None:
                        raise _fixed(self.names[path], declared)
                    known.setdefault(str(found), declared)
        taken = {n for d in known.values() for n in d.names} | {*self.names.values()}
        fresh = iter(fresh_dims({*taken, *_RESERVED}))

        def sized(x: Any) -> Dim:
            value = _number(x)
            if value is not None:
                return size(value)
            hints = {str(x.node.expr): x.node.hint}
            return _product(x.node.expr, lambda name: named(name, hints.get(name)))

        def named(name: str, hint: int | None) -> Dim:
            key = f"={hint}" if self.alike and hint is not None else name
            if name not in known:
                known[name] = known[key] if key in known else symbol(next(fresh))
                known[key] = known[name]
            return known[name]

        return sized


_RESERVED = ("e", "pi", "L", "G")


def _is_array(x: Any) -> bool:
    return isinstance(x, str) or (hasattr(x, "shape") and hasattr(x, "dtype"))


def _tensors(module: Any) -> dict[str, Any]:
    """Return the parameters and the buffers of a module by name, a shared one once."""
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}


def _dims(text: str) -> tuple[Shape, Dim | bool | None]:
    """Return the axes that are declared, and the number of classes of labels."""
    body, label, classes = text.partition(" label(")
    declared = Declarations()
    declared.declare("x", body)
    variable = declared.variables["x"]
    if not label:
        return variable.written, None
    if classes == UNKNOWN:
        return variable.written, True
    of = Declarations()
    of.declare("x", classes.rstrip(") "))
    return variable.written, of.variables["x"].written[0]


def _classes(text: Any, value: Any, known: Dim | None) -> Dim | bool | None:
    """Return how many labels an array has, True where that is not known, None for no labels."""
    if isinstance(text, str):
        declared = _dims(text)[1]
        return known or True if declared is True else declared
    if value is None or value.is_floating_point():
        return None
    return known or True


def _variable(name: str, dims: Shape, text: Any, classes: Dim | bool | None) -> tuple[str, Any]:
    """Return the declaration of a variable, and its array."""
    if classes is True:
        return ", ".join(map(str, dims)), Labels(name, dims)
    shape = ", ".join(map(str, dims)) or "scalar"
    if classes is not None:
        shape = f"{shape}, {classes} onehot"
    elif isinstance(text, str):
        shape = text
    declared = Declarations()
    declared.declare(name, shape)
    variable = declared.variables[name]
    array = Traced(SymbolArray(variable.written, variable.expr), shared=True)
    return shape, array if classes is None else Labels(name, dims, array)


def _number(x: Any) -> int | None:
    """Return the number that a size of a program is, None for a symbol."""
    if type(x) is int:
        return x
    return int(x.node.expr) if x.node.expr.is_Integer else None


def _product(expression: Any, known: Callable[[str], Dim]) -> Dim:
    """Return a size that is a product of symbols of the program."""
    factors = []
    for base, exponent in expression.as_powers_dict().items():
        if not exponent.is_Integer or not (base.is_Integer or base.is_Symbol):
            raise UnsupportedError(
                f"an axis of size {expression}", remedy="declare the sizes as numbers"
            )
        of = size(int(base)) if base.is_Integer else known(str(base))
        factors += [of] * int(exponent)
    return times(factors)


def _fixed(name: str, dim: Dim) -> DeclarationError:
    return DeclarationError(
        f"the function fixes the size {dim} of {name} to a number",
        remedy=f"declare that number, or give an example: {name}=torch.randn(..)",
    )


def _placeholders(exported: Any) -> list[Any]:
    """Return the placeholders of the arguments: constants of the program stand in front."""
    signature = exported.graph_signature
    users = [spec.arg.name for spec in signature.input_specs if spec.kind.name == "USER_INPUT"]
    by_name = {n.name: n for n in exported.graph.nodes if _kind(n) == "placeholder"}
    return [by_name[name] for name in users]


def _constants(exported: Any) -> dict[str, Any]:
    """Return the tensors that a program makes or finds, by placeholder."""
    found: dict[str, Any] = {}
    for spec in exported.graph_signature.input_specs:
        if spec.kind.name != "USER_INPUT":
            tensor = exported.constants.get(spec.target, exported.state_dict.get(spec.target))
            pattern = pattern_of(tensor)
            found[spec.arg.name] = np.asarray(tensor.detach()) if pattern is None else pattern
    return found


# the program


class _Recorder:
    """Lets PyTorch export a function, and notes its local variables and where it calls what."""

    def __init__(
        self, torch: Any, function: Any, tree: Mapping[str, Any], arguments: _Arguments, output: Any
    ) -> None:
        self.torch, self.function, self.tree = torch, function, tree
        self.arguments, self.output = arguments, output
        self.held: list[str] = []
        self.places: dict[str, tuple[str, str]] = {}

    def exported(self) -> Any:
        """Return the exported program; raises UnsupportedError."""
        torch, arguments = self.torch, self.arguments
        recorder = self

        class _Recorded(torch.nn.Module):  # type: ignore[misc, name-defined]
            def forward(self, module: Any, declared: Any) -> Any:
                return recorder._run(module, declared)

        module = {n.replace(".", "/"): t.detach() for n, t in arguments.module.items()}
        declared = {str(k): v for k, v in enumerate(arguments.values.values())}
        free = {
            "module": {k: arguments.dynamic((), t) for k, t in module.items()},
            "declared": {
                str(k): arguments.dynamic(p, v) for k, (p, v) in enumerate(arguments.values.items())
            },
        }
        logging.disable(logging.CRITICAL)  # what the library says of an error is in the error
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of the library, about itself
                found = torch.export.export(
                    _Recorded(), (module, declared), dynamic_shapes=free, strict=False
                )
                if any(_writes(n) for n in found.graph.nodes):
                    found = found.run_decompositions({})
                return found
        except LanguageError:
            raise
        except Exception as failure:
            raise _of_torch(failure) from failure
        finally:
            logging.disable(logging.NOTSET)

    def _run(self, module: dict[str, Any], declared: dict[str, Any]) -> Any:
        """Run the function as its own library traces it."""
        torch, arguments = self.torch, self.arguments
        place = {p: declared[str(k)] for k, p in enumerate(arguments.values)}
        given = mapped(lambda path, leaf: place.get(path, leaf), self.tree)
        local = Locals(lambda x: isinstance(x, torch.Tensor))
        self.places.clear()
        with local.watching(), self._calls(), _noting_modules(torch, self.function, local):
            if arguments.module:
                state = {name.replace("/", "."): t for name, t in module.items()}
                value = torch.func.functional_call(self.function, state, (), given)
            else:
                value = self.function(**given)
        self.held = [n for n, _ in local.found]
        return self.output(value), [x for _, x in local.found]

    @contextmanager
    def _calls(self) -> Iterator[None]:
        """Note the line of the user's file for every function of PyTorch that is called."""
        from torch.overrides import TorchFunctionMode

        torch = self.torch
        places = self.places
        counts: dict[Any, int] = {}

        class _Places(TorchFunctionMode):  # type: ignore[misc]
            def __torch_function__(
                self, function: Any, types: Any, args: Any = (), kwargs: Any = None
            ) -> Any:
                counts[function] = counts.get(function, 0) + 1
                name = getattr(function, "__name__", "")
                places.setdefault(f"{name}_{counts[function]}", _line(sys._getframe(1)))
                if function is torch.nn.functional.one_hot:
                    return _one_hot(torch, *args, **(kwargs or {}))
                return function(*args, **(kwargs or {}))

        root = math.sqrt
        math.sqrt = lambda x: torch.sym_sqrt(x) if isinstance(x, torch.SymInt) else root(x)
        try:
            with _Places():
                yield
        finally:
            math.sqrt = root


def _one_hot(torch: Any, labels: Any, num_classes: int = -1) -> Any:
    """Return one-hot rows by a comparison, which leaves the number of classes a symbol."""
    if type(num_classes) is int:
        return torch.ops.aten.one_hot(labels, num_classes)
    return (labels.unsqueeze(-1) == torch.arange(num_classes)).to(torch.int64)


@contextmanager
def _noting_modules(torch: Any, function: Any, local: Locals) -> Iterator[None]:
    """Note what the modules inside a module return, by their names there."""
    if not isinstance(function, torch.nn.Module):
        yield
        return
    handles = []
    for path, module in function.named_modules():
        name = path.rpartition(".")[2]
        if name and not name.isdecimal():
            handles.append(module.register_forward_hook(_noting(name, local, torch)))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _noting(name: str, local: Locals, torch: Any) -> Callable[..., None]:
    def note(module: Any, inputs: Any, result: Any) -> None:
        if isinstance(result, torch.Tensor):
            local.note(name, result)

    return note


def _line(frame: FrameType | None) -> tuple[str, str]:
    """Return the line of the user's file that runs, and its text."""
    while frame is not None and not is_users_file(frame.f_code.co_filename):
        frame = frame.f_back
    if frame is None:
        return "", ""
    file, line, name = frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name
    inside = "" if name.startswith("<") else f", in {name}"
    return f"{FilePath(file).name}, line {line}{inside}", linecache.getline(file, line)


def _kind(node: Any) -> str:
    """Return what a node of a graph is: an argument, a call, the output."""
    return str(node.op)


def _writes(node: Any) -> bool:
    """Whether a node of a graph writes into an array."""
    name = str(getattr(node.target, "_opname", ""))
    return _kind(node) == "call_function" and name.endswith("_") and not name.startswith("__")


def _of_torch(failure: Exception) -> LanguageError:
    """Return what PyTorch refused, with the line of the user's file."""
    message = str(failure).strip().split("\n\n")[0].replace("\n", " ")[:400]
    found = explain(failure)
    where, colon, _ = found.subject.partition(": ")
    subject = f"{where}: {message}" if colon and ", line " in where else message
    return UnsupportedError(
        subject,
        span=found.span,
        remedy="give an example of every argument (X=torch.randn(4, 3)), and leave out branches on "
        "values",
    )


def _values(graph: Any, given: Mapping[str, Any], places: Mapping[str, Any]) -> list[Any]:
    """Return what a graph computes."""
    from torch.fx.node import map_arg

    known: dict[Any, Any] = {}
    for node in graph.nodes:
        kind = _kind(node)
        if kind == "placeholder":
            known[node] = given.get(node.name)
        elif kind == "output":
            flat = node.args[0]
            return [map_arg(x, known.__getitem__) for x in flat]
        elif kind == "call_function":
            args = map_arg(node.args, known.__getitem__)
            options = map_arg(node.kwargs, known.__getitem__)
            try:
                known[node] = computed(node.target, args, dict(options))
            except LanguageError as error:
                called = (node.meta.get("torch_fn") or ("",))[0]
                raise placed(error, *places.get(called, ("", ""))) from None
        else:
            raise UnsupportedError(f"{kind} in a program of PyTorch", remedy="write a function")
    raise AssertionError("a graph ends with its output")
