"""Documents of Jacobians: where entries stand, and which symbols are explained."""

import symderiv as sd


def _document(value: str, **shapes: str) -> str:
    by = next(iter(shapes))
    return sd.jacobian(value, by, variables=shapes).files(["md"])["derivation.md"].decode()


def test_a_jacobian_in_vec_order_says_where_an_entry_stands() -> None:
    said = _document("X @ A @ X.T", X="n, d", A="d, d")
    assert "stands in row $`i + (j - 1) n`$ and column $`p + (q - 1) n`$" in said
    assert r"where $`B \otimes C`$ has $`B_{jq} \, C_{ip}`$." in said  # A has a meaning
    assert "stands in row" not in _document("exp(x)", x="n")


def test_lemmas_of_a_jacobian_use_no_cotangent_and_automatic_names_are_explained() -> None:
    said = _document("softmax(x, axis=0) / sum(x**2)", x="n")
    assert "cotangent" not in said
    assert any(
        line.startswith(r"| $`s`$ | $`\mathrm{scalar}`$ | names") for line in said.splitlines()
    )
