"""What a document is given besides the derivation: entries written out.

Contract: plain data, computed elsewhere; a document only arranges it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from .sympy_notation import Matrix

Cells = Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Slice:
    """The derivative of a whole matrix by one entry of a variable: dZ/dW_pq."""

    of: str
    by: str
    place: tuple[int, ...]
    matrix: Matrix


@dataclass(frozen=True, slots=True)
class ExplicitExample:
    """Every entry at one choice of sizes, as SymPy expressions."""

    sizes: Mapping[str, int]
    symbols: Mapping[str, Matrix]  # of every name
    forward: tuple[tuple[str, Matrix], ...]  # of every definition
    slices: tuple[Slice, ...]
    gradients: tuple[tuple[str, Matrix], ...]


class Entries(Protocol):
    """What the entry road returns; see ``symderiv.entries``."""

    @property
    def sizes(self) -> Mapping[str, int]: ...
    @property
    def names(self) -> Mapping[str, Any]: ...
    @property
    def values(self) -> Mapping[str, Any]: ...
    @property
    def partials(self) -> Mapping[tuple[str, str], Mapping[tuple[int, int], Any]]: ...
    @property
    def gradients(self) -> Mapping[str, Any]: ...


def explicit_example(entries: Entries, given: Sequence[str] = ()) -> ExplicitExample:
    """Return the entries of a problem as a document takes them; ``given`` names G and its like."""
    return ExplicitExample(
        sizes=dict(entries.sizes),
        symbols={n: _rows(m) for n, m in entries.names.items()},
        forward=tuple((n, _rows(m)) for n, m in entries.values.items() if n not in given),
        slices=tuple(
            Slice(of, by, place, _rows(matrix))
            for (of, by), found in entries.partials.items()
            if of not in given
            for place, matrix in found.items()
        ),
        gradients=tuple((n, _rows(m)) for n, m in entries.gradients.items()),
    )


def _rows(matrix: Any) -> list[list[Any]]:
    return [list(line) for line in matrix.tolist()]
