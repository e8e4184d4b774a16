"""What is returned about a backward function: a verdict for each gradient, and all together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import Counterexample, Verdict
from ..verdict import RIGHT, RIGHT_IF, TRANSPOSED, UNDECIDED, WRONG


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class BackwardVerdict(Verdict):
    """The answer to one gradient that a function computes: a verdict by numbers, no proof."""

    code: str = ""  # the right gradient as a line of NumPy
    binding: str = ""  # what the parameters of the function were read as

    @property
    def read_as(self) -> str:
        """Return what every parameter of the function was read as, and a tuple of results."""
        return self.binding

    def __str__(self) -> str:
        lines = [f"{self.claim.about}: {self.verdict}. {self.diagnosis}"]
        if self.binding:
            lines.append(f"  {self.claim.says[0].removesuffix('(..)')} takes {self.binding}")
        if self.counterexample is not None:
            lines += _example(self.counterexample)
        if self.verdict != RIGHT and self.correction:
            lines += [f"  right: {self.correction}"]
            lines += [f"  NumPy: {line}" for line in self.code.splitlines()]
        return "\n".join([*lines, *(f"  {x}" for x in self.checked)])

    def __repr__(self) -> str:
        return str(self)


class BackwardVerdicts(Mapping[str, BackwardVerdict]):
    """The verdicts on the gradients of one function, by the name of the variable.

    True where there are some and every one is right.
    """

    def __init__(
        self, verdicts: Mapping[str, BackwardVerdict], missing: Sequence[str] = ()
    ) -> None:
        self._verdicts = dict(verdicts)
        self.missing = tuple(missing)  # variables of which it gives no gradient

    def __getitem__(self, name: str) -> BackwardVerdict:
        return self._verdicts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._verdicts)

    def __len__(self) -> int:
        return len(self._verdicts)

    def __bool__(self) -> bool:
        return bool(self._verdicts) and all(self.values())

    @property
    def verdict(self) -> str:
        """Return "right" where all gradients are; "wrong" where one is, or is transposed."""
        found = {v.verdict for v in self.values()}
        if found & {WRONG, TRANSPOSED}:
            return WRONG
        return next((v for v in (RIGHT_IF, UNDECIDED) if v in found), RIGHT)

    @property
    def wrong(self) -> list[str]:
        """Return the variables whose gradient is not right."""
        return [n for n, v in self.items() if v.verdict != RIGHT]

    def __str__(self) -> str:
        missing = f"It gives no gradient with respect to {', '.join(self.missing)}."
        return "\n".join([*map(str, self.values()), *([missing] if self.missing else [])])

    def __repr__(self) -> str:
        return str(self)


def _example(c: Counterexample) -> list[str]:
    at = [f"{n} = {k}" for n, k in c.sizes.items()]
    values = [f"{n} = {_cells(x)}" for n, x in c.values.items()]
    return [
        f"  at {', '.join([*at, *values])}:",
        f"    claimed {_cells(c.claimed_cells)}",
        f"    right   {_cells(c.right_cells)}",
    ]


def _cells(cells: Any) -> str:
    if isinstance(cells, list):
        return "[" + ", ".join(map(_cells, cells)) + "]"
    return f"{cells:.5g}"
