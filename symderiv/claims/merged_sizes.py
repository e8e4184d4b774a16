"""Takes sizes and pairs that are to be equal; returns sizes at which a claim can be evaluated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..core.shapes import Dim


@dataclass(slots=True)
class Merged:
    """Dimensions that are taken as equal while a claim is evaluated."""

    pairs: Sequence[tuple[Dim, Dim]] = ()

    @property
    def of_one(self) -> bool:
        """Whether a dimension is taken as a number, such as 1, where too much is equal."""
        return any(not d.symbols for pair in self.pairs for d in pair)

    def apply(self, sizes: Mapping[str, int]) -> dict[str, int]:
        """Return sizes under which the merged dimensions are equal."""
        found = dict(sizes)
        for left, right in (*self.pairs, *self.pairs):  # again, as one may change another
            products = [d for d in (left, right) if len(d.symbols) > 1]
            names = [s for d in (left, right) if len(d.symbols) == 1 for s in d.symbols]
            if len(products) == 1 and names:
                if names[0] in products[0].symbols:
                    continue  # n = n*n says nothing of n
                found[names[0]] = products[0].at(found)
                continue
            names = [*left.symbols, *right.symbols]
            fixed = [d.coefficient for d in (left, right) if not d.symbols]
            value = fixed[0] if fixed else min(found[n] for n in names)
            found.update(dict.fromkeys(names, value))
        return found
