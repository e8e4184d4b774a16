"""Ready-made problems: TOML files that ship with the package."""

from __future__ import annotations

from importlib.resources import files

from ...core.errors import UnknownNameError
from .. import Problem, load_text

# Every problem stands in one group, in the order in which a reader would go.
GROUPS = {
    "Layers": (
        "linear-layer lora ffn-relu ffn-gelu ffn-silu swiglu embedding-lookup tied-embedding "
        "convolution-1d convolution-2d lstm-cell gru-cell"
    ).split(),
    "Norms and residuals": (
        "batch-norm layer-norm rms-norm residual-post-norm residual-pre-norm"
    ).split(),
    "Attention": (
        "attention causal-attention multi-head-attention encoder-block decoder-block"
    ).split(),
    "Losses": "softmax-cross-entropy label-smoothing info-nce vae-loss".split(),
    "Regression, with Hessians": (
        "ridge-regression logistic-regression multinomial-regression poisson-regression"
    ).split(),
    "Statistics": (
        "gaussian-log-likelihood gaussian-process principal-components reconstruction-error "
        "canonical-correlation matrix-factorisation"
    ).split(),
    "Mechanics": "neo-hooke saint-venant-kirchhoff".split(),
}


def names() -> list[str]:
    """Return the names of the ready-made problems.

    >>> "linear-layer" in names()
    True
    """
    return sorted(
        f.name.removesuffix(".toml") for f in files(__name__).iterdir() if f.name.endswith(".toml")
    )


def load_named(name: str) -> Problem:
    """Return a ready-made problem by its name; raises UnknownNameError."""
    if name not in names():
        raise UnknownNameError(
            f"there is no ready-made problem {name!r}", remedy=f"there are: {', '.join(names())}"
        )
    source = (files(__name__) / f"{name}.toml").read_text(encoding="utf-8")
    return load_text(source, name)
