"""Every verified problem has a document, whatever functions it holds."""

from __future__ import annotations

from pathlib import Path

import pytest

import symderiv as sd

PROBLEMS = [
    ("L(softmax(f(X), axis=0))", {"X": "n, d", "f": "entrywise"}),
    ("logsumexp(f(x))", {"x": "n", "f": "entrywise"}),
    ("sum(T * T)", {"T": "b, n, d"}),
    ("norm(X, 2)", {"X": "n, d"}),
    ("sum(eigvalsh(A) ** 2)", {"A": "n, n"}),
    ("sum(where(minimum(x, 1) > 0, x, 1 - x))", {"x": "n"}),
    ("sum(clip(x, 0, 1) * lgamma(y))", {"x": "n", "y": "n positive"}),
]


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("text", "declared"), PROBLEMS)
def test_verified_problem_has_a_document(
    text: str, declared: dict[str, str], tmp_path: Path
) -> None:
    found = sd.derive(text, **declared)
    assert found.verify()
    for path in found.write(tmp_path, formats=["md", "tex"]):
        written = path.read_text(encoding="utf-8")
        assert "nan" not in written.lower().split()
