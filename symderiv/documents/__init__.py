"""Documents: a derivation arranged for reading, in Markdown, LaTeX, Typst and PDF."""

from .build import STYLES, build
from .examples import ExplicitExample, NumericExample, Slice, explicit_example
from .model import Document
from .render import latex, markdown, pdf, pictures, typst

__all__ = [
    "STYLES",
    "Document",
    "ExplicitExample",
    "NumericExample",
    "Slice",
    "build",
    "explicit_example",
    "latex",
    "markdown",
    "pdf",
    "pictures",
    "typst",
]
