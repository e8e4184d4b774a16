"""Unicode mathematics in ASCII, for terminals and pipes that have no more.

Contract: total; every character that is not ASCII becomes what is typed for it, or its code point.
"""

from __future__ import annotations

import re
import unicodedata

from .identifiers import GREEK_NAMES
from .unicode import ACCENT_MARKS, LOWERED, RAISED

_SIGNS = {
    "∂": "d",
    "∇": "grad ",
    "⊙": ".*",
    "⊗": "(x)",
    "·": "*",
    "×": "x",
    "−": "-",
    "‖": "||",
    "√": "sqrt",
    "∑": "sum",
    "∏": "prod",
    "∈": "in",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "≔": ":=",
    "→": "->",
    "⟹": "=>",
    "⟨": "<",
    "⟩": ">",
    "⊤": "T",
    "′": "'",
    "∗": "*",
    "⋆": "*",
    "∞": "inf",
    "±": "+-",
    "…": "..",
    "–": "-",
    "—": "-",
    "‘": "'",
    "’": "'",
    "“": '"',
    "”": '"',
}
_RUNS = (
    (re.compile(f"[{''.join(map(re.escape, RAISED))}]+"), RAISED, "^"),
    (re.compile(f"[{''.join(map(re.escape, LOWERED))}]+"), LOWERED, "_"),
)
_MARKED = re.compile(rf"(?<!\w)(\w)([{''.join(ACCENT_MARKS)}])(?![^\W_])")


def ascii_mathematics(text: str) -> str:
    """Return a line of Unicode mathematics in ASCII.

    >>> ascii_mathematics("∂L/∂W = Xᵀ (G ⊙ A⁻¹), x̂₁ ≤ α")
    'dL/dW = X^T (G .* A^(-1)), x_hat_1 <= alpha'
    """
    if text.isascii():
        return text
    for run, plain, mark in _RUNS:
        text = run.sub(lambda m, p=plain, s=mark: _script(m[0], p, s), text)  # type: ignore[misc]
    text = _MARKED.sub(lambda m: f"{m[1]}_{ACCENT_MARKS[m[2]]}", unicodedata.normalize("NFD", text))
    return "".join(map(_plain, text))


def _script(run: str, plain: dict[str, str], mark: str) -> str:
    body = "".join(plain[c] for c in run)
    return f"{mark}{body}" if body.isalnum() else f"{mark}({body})"


def _plain(char: str) -> str:
    if char.isascii():
        return char
    known = _SIGNS.get(char) or GREEK_NAMES.get(char)
    if known is not None:
        return known
    if unicodedata.combining(char):
        return ""
    base = "".join(c for c in unicodedata.normalize("NFKD", char) if c.isascii())
    return base or f"U+{ord(char):04X}"
