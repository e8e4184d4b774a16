"""Sizes that arrays show in products alone: an axis of h*d entries shows d where h is known.

Contract: where only the product itself is asked for, any factors of it will do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import prod

from ..core.shapes import Dim, Shape
from ..problems.numpy_axes import array_shape


class ProductSizes:
    """The axes of arrays that are products of several sizes, with their lengths."""

    def __init__(self) -> None:
        self._axes: dict[Dim, int] = {}

    def see(self, shape: Shape, found: Sequence[int]) -> None:
        """Take note of the axes of an array with a declared shape."""
        for dim, size in zip(array_shape(shape), found, strict=True):
            if len(dim.symbols) > 1 and set(dim.symbols) <= set(dim.names):
                self._axes[dim] = size

    def solved(self, known: Mapping[str, int], used: Iterable[Dim]) -> dict[str, int]:
        """Return the sizes that follow from ``known`` ones, where only ``used`` ones are needed.

        >>> from symderiv.core.shapes import symbol
        >>> products = ProductSizes()
        >>> products.see((symbol("h") * symbol("d"), symbol("n")), (6, 5))
        >>> products.solved({"h": 2}, [])
        {'d': 3}
        """
        found: dict[str, int] = {}
        for _ in self._axes:
            for dim, size in self._axes.items():
                found.update(_one_left(dim, size, {**known, **found}))
        for dim, size in self._axes.items():
            unknown = _unknown(dim, {**known, **found})
            whole = Counter(unknown)
            parts = [Counter(s for s in d.symbols if s in whole) for d in used]
            if (
                unknown
                and all(p in (whole, Counter()) for p in parts)
                and set(whole.values()) == {1}
            ):
                rest, left = _divided(dim, size, {**known, **found})
                if not left:
                    found.update({**dict.fromkeys(unknown, 1), unknown[0]: rest})
        return found


def _unknown(dim: Dim, known: Mapping[str, int]) -> list[str]:
    return [s for s in dim.symbols if s not in known]


def _divided(dim: Dim, size: int, known: Mapping[str, int]) -> tuple[int, int]:
    return divmod(size, dim.coefficient * prod(known[s] for s in dim.symbols if s in known))


def _one_left(dim: Dim, size: int, known: Mapping[str, int]) -> dict[str, int]:
    """Return the only size of a product that is not known, if it follows."""
    unknown = _unknown(dim, known)
    rest, left = _divided(dim, size, known)
    return {unknown[0]: rest} if len(unknown) == 1 and not left else {}
