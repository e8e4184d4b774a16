"""The array libraries that code is written for, beside NumPy: what writes the module of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..core.errors import InputError
from .library_modules import LibraryModule
from .torch_module import torch_module_of
from .torch_testfile import source_of_torch_test


@dataclass(frozen=True, slots=True)
class LibraryCode:
    """What writes the module for one library, and the test that travels with it."""

    module_of: Callable[..., LibraryModule]
    source_of_test: Callable[..., str]


LIBRARIES = {"torch": LibraryCode(torch_module_of, source_of_torch_test)}
TARGETS = ("numpy", *LIBRARIES)


def checked_target(target: object, among: Sequence[str] = TARGETS) -> str:
    """Return the name of a target; raises InputError.

    >>> checked_target("torch")
    'torch'
    """
    if not isinstance(target, str) or target not in among:
        raise InputError(f"no target {str(target)[:40]!r}", remedy=f"there are: {', '.join(among)}")
    return target
