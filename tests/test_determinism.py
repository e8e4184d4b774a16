"""The same input gives the same bytes, whatever the hash seed."""

import os
import subprocess
import sys

CODE = """
import hashlib
import symderiv as sd
texts = {
    "linear": ("Z = X @ W + ones(n) @ b.T; L(Z)", dict(X="n, d", W="d, m", b="m")),
    "network": ("H = relu(X @ W1); Y = H @ W2; L(Y) + sum(W1 * W1)",
                dict(X="n, d", W1="d, h", W2="h, m")),
    "quadratic": ("(x.T @ A @ x) ** 2 / norm(B @ x)", {}),
}
for name, (text, variables) in texts.items():
    d = sd.derive(text, **variables)
    files = d.files(["md", "tex", "pdf", "py"])
    for file, content in files.items():
        print(name, file, hashlib.sha256(content).hexdigest())
p = sd.load("linear-layer")
d = sd.derive(p)
for file, content in d.files(["md", "tex", "py"]).items():
    print(file, hashlib.sha256(content).hexdigest())
"""


def run(seed: str) -> str:
    """Return the digests of all outputs under a hash seed."""
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_output_does_not_depend_on_the_hash_seed() -> None:
    first, second = run("0"), run("1")
    assert first == second
    assert len(first.splitlines()) == 3 * 6 + 5
