"""Tensors: shapes, batched results, einsum, heads; refusals with their place; round trips."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symderiv as sd
from symderiv.calculus import lower
from symderiv.codegen.assignments import array_shape
from symderiv.core.cells import batched, broadcast, depth, flat, sizes_of
from symderiv.core.errors import DeclarationError, LanguageError
from symderiv.core.shapes import ONE, Unifier, describe, divided, size, symbol, trimmed
from symderiv.ops.einsum import read_spec
from symderiv.ops.text import text as written
from symderiv.problems.problem import problem

try:
    import jax
except ImportError:
    jax = None
else:
    jnp = jax.numpy
    jax.config.update("jax_enable_x64", True)
needs_jax = pytest.mark.skipif(jax is None, reason="JAX is not installed")

T = {"T": "t, n, d", "X": "n, d", "A": "n, n", "x": "n", "H": "n, h*k", "s": "scalar"}
SIZES = {"t": 2, "n": 3, "d": 4, "m": 5, "h": 2, "k": 3, "q": 2, "b": 2}

HEADS = (
    "Q = split_heads(X @ Wq, h); K = split_heads(X @ Wk, h); V = split_heads(X @ Wv, h); "
    "S = exp(Q @ K.mT / sqrt(k)); L(merge_heads(S / sum(S, axis=-1) @ V) @ Wo)"
)
ATTENTION = (
    "Q = X @ Wq; K = X @ Wk; S = exp(Q @ K.mT / sqrt(d)); L((S / sum(S, axis=-1)) @ X + b.T)"
)


def arrays(p: Any, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    shapes = {v.name: v.shape for v in p.variables.values()}
    shapes.update((g, x.shape) for g, x in p.upstream.items())
    return {
        n: rng.uniform(0.2, 1.2, [d.at(SIZES) for d in array_shape(s)]) for n, s in shapes.items()
    }


def compared(p: Any, forward: Any) -> None:
    """Compare every gradient with the one that JAX finds of a forward pass written by hand."""
    values = arrays(p)
    derivation = sd.derive(p)
    names = list(derivation)
    given = {n: v for n, v in values.items() if n not in p.upstream}

    def loss(chosen: dict[str, Any]) -> Any:
        value = forward(**{**given, **chosen})
        return jnp.sum(value * values["G"]) if "G" in values else value

    expected = jax.grad(loss)({n: values[n] for n in names})
    compiled = derivation.compile()
    hidden = {d: SIZES[d] for d in compiled.module.sizes}
    found = compiled.backward(*values.values(), **hidden)
    for n in names:
        alone = derivation[n].evaluate(**{**SIZES, **values})
        assert alone.shape == values[n].shape
        np.testing.assert_allclose(alone, expected[n], rtol=1e-9, err_msg=n)
        np.testing.assert_allclose(found[n], expected[n], rtol=1e-9, err_msg=n)


def split(x: Any) -> Any:
    return jnp.reshape(x, (*x.shape[:-1], SIZES["h"], SIZES["k"])).swapaxes(-3, -2)


def merge(x: Any) -> Any:
    y = x.swapaxes(-3, -2)
    return jnp.reshape(y, (*y.shape[:-2], SIZES["h"] * SIZES["k"]))


def softmax(x: Any) -> Any:
    return jnp.exp(x) / jnp.exp(x).sum(axis=-1, keepdims=True)


# Gradients against JAX --------------------------------------------------------------------------


@needs_jax
def test_multi_head_attention_equals_jax() -> None:
    weights = dict.fromkeys(("Wq", "Wk", "Wv"), "d, h*k")
    p = problem(HEADS, X="n, d", **weights, Wo="h*k, m")

    def forward(X: Any, Wq: Any, Wk: Any, Wv: Any, Wo: Any) -> Any:
        q, k, v = (split(X @ w) for w in (Wq, Wk, Wv))
        return merge(softmax(q @ k.swapaxes(-1, -2) / np.sqrt(SIZES["k"])) @ v) @ Wo

    compared(p, forward)


@needs_jax
def test_multi_head_attention_of_a_batch_equals_jax() -> None:
    weights = dict.fromkeys(("Wq", "Wk", "Wv"), "d, h*k")
    p = problem(HEADS, X="b, n, d", **weights, Wo="h*k, m")

    def forward(X: Any, Wq: Any, Wk: Any, Wv: Any, Wo: Any) -> Any:
        q, k, v = (split(X @ w) for w in (Wq, Wk, Wv))
        return merge(softmax(q @ k.swapaxes(-1, -2) / np.sqrt(SIZES["k"])) @ v) @ Wo

    compared(p, forward)


@needs_jax
def test_batched_attention_equals_jax() -> None:
    p = problem(ATTENTION, X="t, n, d", Wq="d, m", Wk="d, m", b="d")

    def forward(X: Any, Wq: Any, Wk: Any, b: Any) -> Any:
        scores = (X @ Wq) @ (X @ Wk).swapaxes(-1, -2) / np.sqrt(SIZES["d"])
        return softmax(scores) @ X + b

    compared(p, forward)


@needs_jax
def test_einsums_of_the_literature_equal_jax() -> None:
    scores = 'sum(C * einsum("nd,hdk,me,hek->hnm", X, Wq, X, Wk))'
    p = problem(scores, X="n, d", Wq="h, d, k", Wk="h, d, k", C="h, n, n")
    compared(
        p,
        lambda X, Wq, Wk, C: jnp.sum(C * jnp.einsum("nd,hdk,me,hek->hnm", X, Wq, X, Wk)),
    )
    basis = problem('trace(A @ einsum("q,qij->ij", w, B))', A="n, n", w="q", B="q, n, n")
    compared(basis, lambda A, w, B: jnp.trace(A @ jnp.einsum("q,qij->ij", w, B)))


@needs_jax
def test_joined_heads_equal_jax() -> None:
    p = problem("L(tanh(concat(X @ W, X @ V, axis=1)))", X="n, d", W="d, m", V="d, q")

    def forward(X: Any, W: Any, V: Any) -> Any:
        return jnp.tanh(jnp.concatenate((X @ W, X @ V), axis=1))

    compared(p, forward)


@needs_jax
def test_position_and_class_rows_are_joined_in_a_batch() -> None:
    p = problem("L(softmax(concat(T, T @ A, axis=1) @ A, axis=-1))", T="t, n, d", A="d, d")

    def forward(T: Any, A: Any) -> Any:
        return softmax(jnp.concatenate((T, T @ A), axis=1) @ A)

    compared(p, forward)


# Results that people would write ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "declared", "gradients"),
    [
        (
            "L(X @ W + b.T)",
            {"X": "t, n, d", "W": "d, m", "b": "m"},
            {"X": "G @ W.T", "W": "sum(X.mT @ G, axis=0)", "b": "sum(sum(G, axis=0), axis=0).T"},
        ),
        ("L(X.mT @ A)", {"X": "t, n, d", "A": "n, m"}, {"A": "sum(X @ G, axis=0)"}),
        ("L(X @ Y)", {"X": "t, n, d", "Y": "t, d, m"}, {"X": "G @ Y.mT", "Y": "X.mT @ G"}),
        ("L(merge_heads(T))", {"T": "h, n, k"}, {"T": "split_heads(G, h)"}),
        ("L(split_heads(X, h))", {"X": "n, h*k"}, {"X": "merge_heads(G)"}),
        ("L(transpose(T, 1, 2, 0))", {"T": "t, n, d"}, {"T": "transpose(G, 2, 0, 1)"}),
        ("L(reshape(T, t*n, d))", {"T": "t, n, d"}, {"T": "reshape(G, t, n, d)"}),
        (
            "L(concat(X, Y, axis=0))",
            {"X": "n, d", "Y": "m, d"},
            {"X": "G[1:n, :]", "Y": "G[1 + n:m + n, :]"},
        ),
        ("sum(T ** 2)", {"T": "t, n, d"}, {"T": "2 * T"}),
        ("sum(T)", {"T": "t, n, d"}, {"T": "ones(t, n, d)"}),
    ],
)
def test_gradient_reads_as_people_write_it(
    text: str, declared: dict[str, str], gradients: dict[str, str]
) -> None:
    d = sd.derive(text, **declared)
    assert {n: d[n].text for n in gradients} == gradients


def test_moving_there_and_back_is_nothing() -> None:
    p = problem("L(merge_heads(split_heads(H, h)))", **T)
    assert lower(p.objective.args[0]).term is lower(p.variables["H"].expr).term
    p = problem("L(reshape(reshape(T, n, d, t), t, n, d))", **T)
    assert lower(p.objective.args[0]).term is lower(p.variables["T"].expr).term


def test_steps_with_tensors_hold() -> None:
    assert sd.derive("L(tanh(T @ A))", wrt="A", T="t, n, d", A="d, m").recheck() > 0
    assert sd.derive("L(split_heads(X @ W, h))", wrt="W", X="n, d", W="d, h*k").recheck() > 0


@needs_jax
def test_a_derivation_with_tensors_is_verified_and_written(tmp_path: Any) -> None:
    d = sd.derive("L(X @ W)", X="t, n, d", W="d, m")
    assert d.verify().roads[0]["choices"] > 0
    names = {p.name for p in d.write(tmp_path, formats=("md", "tex", "py"))}
    assert {"derivation.md", "derivation.tex", "certificate.json"} <= names


def test_claims_about_tensors_are_judged() -> None:
    shapes = {"X": "t, n, d", "W": "d, m"}
    assert sd.check("L(X @ W)", "W", "sum(X.mT @ G, axis=0)", **shapes).verdict == "right"
    assert sd.check("L(X @ W)", "X", "2 * G @ W.T", **shapes).verdict == "wrong"


# Shapes -----------------------------------------------------------------------------------------


def test_shapes_align_from_the_right() -> None:
    t, n, d = map(symbol, "tnd")
    assert Unifier().broadcast((t, n, d), (n, d)) == (t, n, d)
    assert Unifier().broadcast((t, ONE, d), (n, ONE)) == (t, n, d)
    assert describe(trimmed((ONE, ONE, n, d))) == "n x d"
    assert divided(n * d, n) == d
    assert divided(n, d) is None
    assert divided(size(6), size(4)) is None


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("T @ X.T", "t x n x n"),
        ("X @ T.mT", "t x n x n"),
        ("T + X", "t x n x d"),
        ("T * x", "t x n x d"),
        ("sum(T, axis=-1)", "t x n x 1"),
        ("sum(T, axis=1)", "t x 1 x d"),
        ("sum(T, axis=0)", "n x d"),
        ("sum(T, axis=-3)", "n x d"),
        ("mean(T)", "1 x 1"),
        ("transpose(T, (2, 0, 1))", "d x t x n"),
        ("transpose(T)", "d x n x t"),
        ("split_heads(H, h)", "h x n x k"),
        ("split_heads(T @ X.T @ H, h)", "t x h x n x k"),
        ("merge_heads(split_heads(H, h))", "n x h*k"),
        ('einsum("tnd,tmd->tnm", T, T)', "t x n x n"),
        ('einsum("tnd,nd->t", T, X)', "t x 1"),
        ('einsum("tnd,tnd", T, T)', "1 x 1"),
        ("concat(X, A, axis=1)", "n x (d + n)"),
        ("concat(X, X, axis=0)", "2*n x d"),
        ("concat(T, X, axis=0)", "(1 + t) x n x d"),
        ("part(concat(x, x, axis=0), n, n, axis=0)", "n x 1"),
        ("reshape(T, t*n*d)", "d*n*t x 1"),
    ],
)
def test_shape_of_an_expression(text: str, shape: str) -> None:
    assert describe(problem(f"L({text})", **T).objective.args[0].shape) == shape


@pytest.mark.parametrize(
    "text",
    [
        "T @ X.T",
        "T.mT @ A",
        "T[1, 2, 1] * T",
        "sum(T, axis=1)",
        "transpose(T, 1, 0, 2)",
        "reshape(T, t*n, d)",
        "merge_heads(split_heads(H, h))",
        'einsum("tnd,nm->tmd", T, A)',
        'einsum("i,j->ij", x, x)',
        "ones(t, n, d) + T",
        "Sum(i, T[i, 1, 2] * X)",
    ],
)
def test_text_parses_back(text: str) -> None:
    p = problem(f"L({text})", **T)
    x = p.objective.args[0]
    assert p.read(written(x)) is x


# Refusals ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "says", "remedy"),
    [
        ("T.T", "swaps the axes of a matrix", "T.mT"),
        ("T @ T", "do not meet", ".mT"),
        ("T @ ones(q, d, n)", "batch axes are different", "aligned from the right"),
        ("T[1, 2]", "has 2 indexes", "T[i, j, k]"),
        ("sum(T, axis=3)", "is not an axis", "write sum"),
        ("split_heads(X, h)", "no multiple of h", "X: n, h*k"),
        ("reshape(T, n, d)", "differ", "same shape"),
        ("transpose(T, 0, 0, 1)", "each once", "transpose(X, 2, 1, 0)"),
        ('einsum("ij,jk->ik", A)', "arguments", "einsum("),
        ('einsum("ijk->i", A)', "3 letters for 2 axes", "einsum("),
        ('einsum("ij,ji->", X, X)', "letter", "einsum("),
        ('einsum("ij->ii", A)', "no pattern", "einsum("),
        ("concat(X, A, axis=0)", "axis 1 is d and n", "write concat"),
        ("concat(X, A)", "which axis", "write concat"),
        ("part(X, n, n, axis=0)", "is no part of n", "known to fit"),
        ("T + ones(t, d, n)", "cannot be combined", "equal"),
    ],
)
def test_refusal_has_a_place_and_a_remedy(text: str, says: str, remedy: str) -> None:
    with pytest.raises(LanguageError) as caught:
        problem(f"L({text})", **T)
    error = caught.value
    assert says in error.subject
    assert error.span is not None
    assert "^" in error.span.render()
    assert remedy in (error.remedy or "")


def test_a_first_axis_of_size_one_is_refused() -> None:
    with pytest.raises(DeclarationError, match="leave it out: T: n, d"):
        problem("L(T)", T="1, n, d")


# Cells ------------------------------------------------------------------------------------------


def test_cells_broadcast_over_batches() -> None:
    tensor = [[[1, 2]], [[3, 4]]]
    assert broadcast([tensor, [[10]]], lambda x, y: x + y) == [[[11, 12]], [[13, 14]]]
    assert sizes_of(tensor) == (2, 1, 2)
    assert flat(tensor) == [1, 2, 3, 4]
    assert depth(batched([tensor], lambda parts: parts[0])) == 3


def test_einsum_pattern_is_read_as_numpy_does() -> None:
    assert read_spec("ij,jk") == (("ij", "jk"), "ik")
    assert read_spec("ba") == (("ba",), "ab")
    assert read_spec("ii") == (("ii",), "")
    assert read_spec("i...->i") is None
