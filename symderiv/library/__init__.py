"""Ready-made problems: TOML files that ship with the package."""

from __future__ import annotations

from importlib.resources import files

from ..errors import UnknownNameError
from ..language import Problem, load_text


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
