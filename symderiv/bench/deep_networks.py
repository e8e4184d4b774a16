"""A network of k tanh layers and a product of k matrices, for us, for SymPy and for JAX."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from typing import Any

import sympy

from ..api import derive, load, stack
from ..problems import problem


def network_text(depth: int) -> tuple[str, dict[str, Any]]:
    """Return the problem of a network and its declarations.

    >>> network_text(1)[0]
    'H1 = tanh(X @ W1 + b1.T); L(H1)'
    """
    shapes: dict[str, Any] = {"X": "n, d"}
    lines, before = [], "X"
    for k in range(1, depth + 1):
        shapes |= {f"W{k}": "d, d", f"b{k}": "d"}
        lines.append(f"H{k} = tanh({before} @ W{k} + b{k}.T)")
        before = f"H{k}"
    return "; ".join([*lines, f"L({before})"]), shapes


def network_read(depth: int) -> Callable[[], Any]:
    """Return what reads the text of a network."""
    text, shapes = network_text(depth)
    return lambda: problem(text, **shapes)


def network_derived(depth: int) -> Callable[[], Any]:
    """Return what reads a network and derives all its gradients, each in matrix form."""
    text, shapes = network_text(depth)
    names = [n for n in shapes if n != "X"]

    def run() -> Any:
        found = derive(problem(text, **shapes), wrt=names)
        return found, [r.expr for r in found.values()]

    return run


def network_traced(depth: int, width: int = 8, rows: int = 16) -> Callable[[], Any] | None:
    """Return what traces the same gradients in JAX, or None where it is not installed."""
    if importlib.util.find_spec("jax") is None:
        return None
    jax = importlib.import_module("jax")
    numpy = importlib.import_module("jax.numpy")
    layers = [(numpy.ones((width, width)), numpy.ones(width)) for _ in range(depth)]
    data = numpy.ones((rows, width))

    def run() -> Any:
        def loss(parameters: Any, x: Any) -> Any:
            for weight, bias in parameters:
                x = numpy.tanh(x @ weight + bias)
            return numpy.sum(x * x)

        return jax.make_jaxpr(jax.grad(loss))(layers, data)

    return run


def stack_derived(count: int) -> Callable[[], Any]:
    """Return what stacks encoder blocks and derives all gradients, each in matrix form."""
    block = load("encoder-block")

    def run() -> Any:
        found = derive(stack(block, count))
        return found, [r.expr for r in found.values()]

    return run


def stack_read(count: int) -> Callable[[], Any]:
    """Return what stacks encoder blocks."""
    block = load("encoder-block")
    return lambda: stack(block, count)


def stack_traced(count: int, width: int = 8, rows: int = 16) -> Callable[[], Any] | None:
    """Return what traces the gradients of stacked encoder blocks in JAX, or None without it."""
    if importlib.util.find_spec("jax") is None:
        return None
    jax = importlib.import_module("jax")
    np = importlib.import_module("jax.numpy")
    square, bias = np.ones((width, width)), np.ones(width)
    block = ([square] * 6, [bias] * 10)

    def norm(x: Any, gain: Any, shift: Any) -> Any:
        centred = x - x.mean(axis=1, keepdims=True)
        return centred / np.sqrt(x.var(axis=1, keepdims=True) + 0.1) * gain + shift

    def heads(x: Any) -> Any:
        return x.reshape(rows, 2, width // 2).transpose(1, 0, 2)

    def encoder(weights: Any, biases: Any, x: Any) -> Any:
        q, k, v = (heads(x @ w + b) for w, b in zip(weights[:3], biases[:3], strict=True))
        shares = jax.nn.softmax(q @ k.transpose(0, 2, 1) / np.sqrt(width / 2))
        joined = (shares @ v).transpose(1, 0, 2).reshape(rows, width)
        y = norm(x + joined @ weights[3] + biases[3], *biases[4:6])
        inner = jax.nn.relu(y @ weights[4] + biases[6])
        return norm(y + inner @ weights[5] + biases[7], *biases[8:])

    def loss(parameters: Any, x: Any) -> Any:
        for weights, biases in parameters:
            x = encoder(weights, biases, x)
        return np.sum(x * x)

    data = np.ones((rows, width))
    return lambda: jax.make_jaxpr(jax.grad(loss, (0, 1)))([block] * count, data)


def product_derived(count: int) -> Callable[[], Any]:
    """Return what derives the trace of a product by each of its matrices."""
    names = [f"A{k}" for k in range(1, count + 1)]
    text = f"trace({' @ '.join(names)})"
    shapes: dict[str, Any] = dict.fromkeys(names, "n, n")

    def run() -> Any:
        found = derive(problem(text, **shapes), wrt=names)
        return [r.expr for r in found.values()]

    return run


def product_in_sympy(count: int) -> Callable[[], Any]:
    """Return what derives the same in SymPy, its cache emptied."""

    def run() -> Any:
        sympy.core.cache.clear_cache()
        n = sympy.Symbol("n", integer=True, positive=True)
        matrices = [sympy.MatrixSymbol(f"A{k}", n, n) for k in range(1, count + 1)]
        whole = sympy.Trace(sympy.MatMul(*matrices))
        return [whole.diff(a) for a in matrices]

    return run
