"""Random numbers, found by running a function twice and comparing what it brought along."""

from __future__ import annotations

from collections.abc import Iterator

from .user_places import refuse


class _Drawn:
    """Numbers with many digits that a function brought along, to see whether they stay the same.

    A function that draws random numbers computes with others when it runs a second time.
    """

    def __init__(self) -> None:
        self.first: list[str] = []
        self.second: Iterator[str] | None = None

    def begin(self, *, again: bool) -> None:
        """Begin a run of the function: the first, or one that is compared with it."""
        self.second = iter(self.first) if again else None
        self.first = self.first if again else []

    def note(self, text: str) -> None:
        """Note a number in the first run; in the second, refuse one that is another."""
        if self.second is None:
            self.first.append(text)
        elif next(self.second, None) != text:
            raise refuse(
                "a number that is another one whenever the function runs",
                "draw random numbers outside of the function and give them as an argument",
            )


drawn = _Drawn()
