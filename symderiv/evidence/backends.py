"""Takes generated code; compares its gradients with those of JAX and PyTorch, where installed.

The generated ``forward`` itself is run over their arrays and differentiated by them, so that only
the backward pass is ours. A backend that is not installed is left out, never assumed.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..codegen.guard import run
from ..codegen.module import Compiled
from ..codegen.structured_arrays import projected
from ..codegen.testfile import checked_sizes
from ..core.errors import CheckError
from ..derivation.derivations import DerivedGradients
from .differences import (
    SEEDS,
    PointBox,
    backward,
    box,
    callables,
    draw,
    has_kink,
    hidden_sizes,
    relative_error,
    stand_ins,
)

TOLERANCE = 1e-8


def installed() -> list[str]:
    """Return the names of the backends that are installed and can be imported."""
    found = []
    for name in ("jax", "torch"):
        if importlib.util.find_spec(name) is None:
            continue
        try:
            importlib.import_module(name)
        except (ImportError, OSError):
            continue  # installed without the libraries it needs
        found.append(name)
    return found


def check_backends(
    derivation: DerivedGradients, compiled: Compiled, where: PointBox | None = None
) -> list[dict[str, Any]]:
    """Compare the gradients with those of every installed backend; raises CheckError.

    A backend that lacks one of the functions is skipped, and the reason recorded; ``where`` is
    the box in which differences were compared.
    """
    found: list[dict[str, Any]] = []
    for name in installed():
        gradient = {"jax": _jax_gradients, "torch": _torch_gradients}[name]
        worst = 0.0
        missing = ""
        drawn = box(derivation, compiled) if where is None else where
        for sizes in checked_sizes(derivation):
            keywords = {**callables(compiled), **hidden_sizes(compiled, sizes)}
            if any(callable(v) for v in keywords.values()):
                return found  # stand-ins for unspecified functions are NumPy's
            inputs, given = draw(derivation, sizes, SEEDS[0], drawn.positive, drawn.scale)
            with np.errstate(all="ignore"):
                ours = backward(compiled, inputs, given, keywords)
            if not all(np.all(np.isfinite(g)) for g in ours.values()):
                continue  # outside the domain at these sizes
            try:
                theirs = gradient(compiled, inputs, given, keywords, list(derivation), sizes)
            except (AttributeError, NotImplementedError) as error:
                missing = str(error).split("\n")[0]
                break
            for n in derivation:
                slopes = projected(inputs[n], theirs[n], derivation.conventions.get(n))
                if not np.all(np.isfinite(slopes)):
                    continue  # theirs is undefined there, as that of a norm is at 0
                gap = relative_error(ours[n], slopes)
                if not gap <= TOLERANCE and has_kink(compiled, inputs, given, keywords, n):
                    continue
                if not gap <= TOLERANCE:
                    raise CheckError(f"the gradient by {n} differs from {name}'s by {gap:.1e}")
                worst = max(worst, gap)
        if missing:
            found.append({"name": name, "skipped": missing})
        else:
            found.append({"name": name, "error": worst, "sizes": len(checked_sizes(derivation))})
    return found


def _namespace(compiled: Compiled, module: Any, scipy: Any, read: Any) -> dict[str, Any]:
    name = compiled.module.name
    space = run(compiled.source, {"__name__": name}, f"<symderiv {name}>")
    space["np"], space["scipy"], space["_read"] = module, scipy, read
    return space


def _objective(
    forward: Any, compiled: Compiled, inputs: Mapping[str, Any], given: dict[str, Any], sizes: Any
) -> Any:
    losses = stand_ins(compiled, given)
    value = forward(*inputs.values(), **losses, **sizes)
    if losses or not given:
        return value
    (gradient,) = given.values()
    return (gradient * value).sum()


def _in_jax(compiled: Compiled, sizes: Mapping[str, int]) -> tuple[Any, Any, Any]:
    """Return JAX, its NumPy, and the generated forward pass over its arrays."""
    import jax
    import jax.numpy as jnp
    import jax.scipy.special

    jax.config.update("jax_enable_x64", True)

    def read(**arrays: Any) -> Any:
        return list(arrays.values()), sizes, jnp.float64

    return jax, jnp, _namespace(compiled, _JaxNumpy(jnp), jax.scipy, read)["forward"]


def _jax_gradients(
    compiled: Compiled,
    inputs: Mapping[str, Any],
    given: Mapping[str, Any],
    keywords: Mapping[str, Any],
    wrt: list[str],
    sizes: Mapping[str, int],
) -> dict[str, Any]:
    jax, jnp, forward = _in_jax(compiled, sizes)

    def loss(chosen: dict[str, Any]) -> Any:
        value = _objective(forward, compiled, {**inputs, **chosen}, dict(given), keywords)
        return jnp.asarray(value, dtype=float)

    slopes, at = jax.grad(loss), {n: jnp.asarray(inputs[n]) for n in wrt}
    try:
        gradients = jax.jit(slopes)(at)  # op by op, every operation is compiled on its own
    except (jax.errors.JAXTypeError, jax.errors.JAXIndexError):
        gradients = slopes(at)  # the code looks at values
    return {n: np.asarray(g) for n, g in gradients.items()}


def jax_forward(
    compiled: Compiled, inputs: Mapping[str, Any], sizes: Mapping[str, int], by: str, twice: bool
) -> Any:
    """Return JAX's Jacobian of the generated forward pass, or of its gradient, as an array."""
    jax, jnp, forward = _in_jax(compiled, sizes)
    keywords = hidden_sizes(compiled, sizes)

    def value(x: Any) -> Any:
        found = forward(*{**inputs, by: x}.values(), **keywords)
        return jnp.asarray(found, dtype=float)

    whole = jax.hessian(value) if twice else jax.jacobian(value)
    return np.asarray(whole(jnp.asarray(inputs[by])))


class _JaxNumpy:
    """NumPy's names over JAX's arrays; functions of plain numbers stay plain while traced."""

    ndarray = np.ndarray  # what a helper asks for, to go its own way with arrays of NumPy

    def __init__(self, module: Any) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        found, plain = getattr(self._module, name), getattr(np, name, None)
        if not isinstance(plain, np.ufunc):
            return found
        return lambda *args, **options: (
            plain if all(isinstance(a, int | float) for a in args) else found
        )(*args, **options)


class _Lifted:
    """The functions of a module, of plain numbers too."""

    def __init__(self, module: Any, lift: Any) -> None:
        self._module, self._number = module, lift

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._module, name)
        return lambda *args, **options: found(*map(self._number, args), **options)


class _TorchNumpy:
    """The few names of NumPy and SciPy that generated code uses, over torch tensors."""

    ndarray = np.ndarray

    def __init__(self, torch: Any) -> None:
        self._torch = torch
        self.linalg, self.special = torch.linalg, _Lifted(torch.special, self._lift)
        self.pi, self.e = float(np.pi), float(np.e)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._torch, name)
        if not callable(found) or name in ("ones", "zeros", "full"):
            return found
        # Functions of plain numbers (the root of a size) want a tensor too.
        return lambda *args, **options: found(*map(self._lift, args), **options)

    def _lift(self, x: Any) -> Any:
        return self._torch.tensor(x, dtype=self._torch.float64) if isinstance(x, int | float) else x

    def eye(self, rows: int, cols: int | None = None, k: int = 0, dtype: Any = None) -> Any:
        wide = rows if cols is None else cols
        return self._torch.eye(max(rows + k, wide), dtype=dtype)[k : k + rows, :wide]

    def max(self, x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
        return self._torch.amax(x, () if axis is None else axis, keepdims)

    def min(self, x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
        return self._torch.amin(x, () if axis is None else axis, keepdims)

    def triu(self, x: Any, k: int = 0) -> Any:
        return self._torch.triu(x, k)

    def broadcast_arrays(self, *arrays: Any) -> Any:
        return self._torch.broadcast_tensors(*arrays)

    def prod(self, x: Any, axis: int | None = None) -> Any:
        return self._torch.prod(x) if axis is None else self._torch.prod(x, axis)

    def where(self, test: Any, yes: Any, no: Any) -> Any:
        return self._torch.where(self._torch.as_tensor(test), self._lift(yes), self._lift(no))

    def einsum(self, spec: str, *args: Any, optimize: bool = False) -> Any:
        return self._torch.einsum(spec, *map(self._lift, args))

    def transpose(self, x: Any, axes: tuple[int, ...]) -> Any:
        return x.permute(axes)

    def vdot(self, x: Any, y: Any) -> Any:
        return (x * y).sum()


def _torch_gradients(
    compiled: Compiled,
    inputs: Mapping[str, Any],
    given: Mapping[str, Any],
    keywords: Mapping[str, Any],
    wrt: list[str],
    sizes: Mapping[str, int],
) -> dict[str, Any]:
    import torch

    def read(**arrays: Any) -> Any:
        return list(arrays.values()), sizes, torch.float64

    module = _TorchNumpy(torch)
    forward = _namespace(compiled, module, module, read)["forward"]
    tensors = {n: torch.tensor(a, requires_grad=n in wrt) for n, a in inputs.items()}
    fixed = {g: torch.tensor(a) for g, a in given.items()}
    value = _objective(forward, compiled, tensors, fixed, keywords)
    if isinstance(value, torch.Tensor) and value.requires_grad:  # else it is constant
        value.backward()
    # PyTorch leaves the gradient of what the loss does not depend on unset.
    zeros = {n: np.zeros(np.shape(inputs[n])) for n in wrt}
    grads = {n: tensors[n].grad for n in wrt}
    return {n: zeros[n] if g is None else g.numpy() for n, g in grads.items()}
