"""Problems of more than four definitions, whose gradients are named on the way, end to end."""

from __future__ import annotations

import numpy as np
import pytest

from symderiv import derive, problem
from symderiv.errors import UnsupportedError

CASES = {
    "loss": ("H1 = X @ W; H2 = relu(H1); H3 = H2 @ W; H4 = H3 * 2; H5 = H4 ** 2; L(H5)", {}),
    "the name of a gradient is taken": (
        "H = X @ W; K = tanh(H) * dH; M = K @ W; N = exp(M / 9); P = N + H; sum(P * P) + sum(dH_)",
        {"dH": "n, d", "dH_": "n, d"},
    ),
    "no loss, and a gradient that two intermediates share": (
        "B = S @ W; C = B @ S; D = inv(C + 9 * eye(d)); E = D @ B; F = E.T @ E; H = F * S;"
        "trace(H @ Q) + sum(X)",
        {"S": "d, d symmetric", "Q": "d, d orthogonal"},
    ),
    "names of Python": (
        "np = X @ W; len_ = np ** 2; len = len_ * 2; _read = len + 1; forward = softmax(_read);"
        "sum(forward * forward)",
        {},
    ),
    "scalars": (
        "a = sum(X @ W); b = a ** 2; c = exp(b / 1000); s = log(c + a ** 2); t = s * c; t + a * s",
        {},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_deep_problems_are_verified(name: str) -> None:
    text, more = CASES[name]
    assert derive(problem(text, X="n, d", W="d, d", **more)).verify()


def test_a_size_that_hides_what_the_code_uses_is_refused() -> None:
    d = derive(problem("mean(X)", X="np, d"))
    with pytest.raises(UnsupportedError, match="a size named np"):
        d.compile()


def test_constant_gradients_of_scalars_have_the_common_dtype() -> None:
    f = derive(problem("sum(x) + a + n * b", x="n", a="scalar", b="scalar")).compile()
    ones = [np.ones(shape, dtype=np.float32) for shape in (3, (), ())]
    assert all(np.asarray(g).dtype == np.float32 for g in f.backward(*ones).values())
