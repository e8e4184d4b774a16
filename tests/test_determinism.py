"""The same input gives the same bytes, whatever the hash seed.

One process for each seed, side by side: random problems, whole derivations in every format, and
patterns that are found in entries.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import hashlib
import symderiv as sd
from generator import random_problem
from symderiv.entries import generalise
from symderiv.documents.render import latex, markdown, typst
from symderiv.ops.text import text
from test_documents import document, full
def show(*parts):
    print(*(hashlib.sha256(p).hexdigest() if isinstance(p, bytes) else p for p in parts))
for k in range({count}):
    p = random_problem(20_000 + 7 * k, 4)
    show(p.text)
    for name, r in sd.derive(p).items():
        show(name, r.text, r.latex)
linear = dict(X="n, d", W="d, m", b="m")
network = dict(X="n, d", W1="d, h", W2="h, m")
problems = [
    sd.load("linear-layer"),
    sd.problem("H = relu(X @ W1); Y = H @ W2; L(Y) + sum(W1 * W1)", variables=network),
    sd.problem("(x.T @ A @ x) ** 2 / norm(B @ x)"),
]
for p in problems[:{count}]:
    for file, content in sd.derive(p).files(["md", "tex", "pdf", "py"]).items():
        show("file", file, content)
for x in (full(), document("network"), document("nasty")):
    show("whole", (markdown(x) + latex(x) + typst(x)).encode())
residual = "X @ W + ones(n) @ b.T - Y"
p = sd.problem(f"mean(({{residual}}) ** 2) + norm(tanh(X @ W))", Y="n, m", **linear)
for name in p.wrt[:{count}]:
    found = generalise(p, name)
    show(text(found.expr), text(found.entry))
"""
ROOT = Path(__file__).parents[1]


def started(seed: str, count: int) -> "subprocess.Popen[str]":
    """Start what prints digests of all outputs under a hash seed."""
    return subprocess.Popen(
        [sys.executable, "-c", CODE.format(count=count)],
        env={
            **os.environ,
            "PYTHONHASHSEED": seed,
            "PYTHONIOENCODING": "utf-8",
            "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path]),
        },
        cwd=Path(__file__).parent,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


@pytest.mark.parametrize("count", [1, pytest.param(6, marks=pytest.mark.slow)])
def test_output_does_not_depend_on_the_hash_seed(count: int) -> None:
    first, second = (p.communicate()[0] for p in [started("0", count), started("1", count)])
    assert first == second
    lines = first.splitlines()
    files = [line for line in lines if line.startswith("file ")]
    assert len(files) >= 5 * min(count, 3)
    assert len(lines) >= 2 * count + len(files) + 3
