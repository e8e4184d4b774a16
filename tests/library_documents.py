"""Documents of library problems, and what stands in them: for the laws that hold for all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

import symderiv as sd
from symderiv.core.errors import NoEntriesError
from symderiv.derivation.derivations import DerivedGradients
from symderiv.documents.arrange import build
from symderiv.documents.model import Document
from symderiv.evidence.example import NumericExample, worked_example
from symderiv.results.outputs import Manner, entries_example


@cache
def derived(name: str) -> DerivedGradients:
    """Return the derivation of a library problem."""
    d = sd.derive(name)
    return DerivedGradients(d.problem, list(d))


@cache
def example_of(name: str) -> NumericExample | None:
    """Return the worked example of a library problem."""
    return worked_example(derived(name))


@cache
def document_of(name: str, style: str = "index") -> Document:
    """Return the document of a library problem, without what is computed with NumPy."""
    d = derived(name)
    try:
        explicit = entries_example(d)
    except NoEntriesError:
        explicit = None
    return build(
        d,
        explicit=explicit,
        example=example_of(name),
        meanings=d.problem.meanings,
        manner=Manner(style),
    )


def walked(x: Any) -> Iterator[Any]:
    """Yield every part of a document, in reading order."""
    yield x
    if isinstance(x, tuple):
        for part in x:
            yield from walked(part)
    elif is_dataclass(x):
        for f in fields(x):
            yield from walked(getattr(x, f.name))
