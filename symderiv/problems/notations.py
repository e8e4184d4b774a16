"""Signs and words of written mathematics that the expression language spells otherwise."""

from __future__ import annotations

import re

# Words for functions, by the name that they have here.
ALIASES = {
    "tr": "trace",
    "Tr": "trace",
    "Trace": "trace",
    "ln": "log",
    "Det": "det",
    "sgn": "sign",
    "asin": "arcsin",
    "acos": "arccos",
    "atan": "arctan",
    "inverse": "inv",
    "otimes": "kron",
    "ReLU": "relu",
    "Softmax": "softmax",
    "SoftMax": "softmax",
    "Diag": "diag",
    "Exp": "exp",
    "Log": "log",
    "lse": "logsumexp",
    "LogSumExp": "logsumexp",
}

# Functions whose value is a number whatever they are given.
SCALAR_VALUED = ("trace", "det", "logdet", "norm", "norm1", "norminf", "dot", "sum", "mean")

MINUS = ("-", "−", "–", "—")
PRODUCTS = ("@", "×", "⊗", ".")  # the sign of a matrix product, and what is written for it
INNER = ("·", "⋅", "∙", "•")  # an inner product of columns, a product otherwise
ENTRYWISE = ("⊙", "∘", "⊛", ".*")

# Bars come in pairs of one sign.
BARS = ("|", "||", "‖", "∥")

# Raised signs and what they say as exponents.
EXPONENTS = {
    "ᵀ": "T",
    "⊤": "T",
    "†": "T",
    "⁻¹": "-1",
    "⁻ᵀ": "-T",
    "⁰": "0",
    "¹": "1",
    "²": "2",
    "³": "3",
    "⁴": "4",
    "⁻²": "-2",
}

# Signs that have another spelling in tokens.
SPELLED = {"½": "0.5", "¼": "0.25", "〈": "⟨", "〉": "⟩", "⟪": "⟨", "⟫": "⟩", "’": "'", "′": "'"}

LOWERED = str.maketrans({low: f"_{k}" for k, low in enumerate("₀₁₂₃₄₅₆₇₈₉")})

# Middle dots and raised digits are signs here, although Unicode lets them stand in names.
TOKEN = re.compile(
    r"\s+|[0-9.]+[jJ](?!\w)|[0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+|\.[A-Za-z]\w*(?![\w(])"
    r"|(?:(?![·•½¼⁰¹²³⁴ᵀ])\w)+"
    r"|\"[^\"]*\"|'[A-Za-z]+'(?=\s*[,)])|\*\*|\|\||\.\*|⁻[¹ᵀ²]|."
)
