"""The array libraries that code is written for, beside NumPy: what writes the module of each."""

from __future__ import annotations

from collections.abc import Callable

from ..core.errors import InputError
from .jax_module import jax_module_of
from .library_modules import LibraryModule
from .torch_module import torch_module_of

LIBRARIES: dict[str, Callable[..., LibraryModule]] = {
    "torch": torch_module_of,
    "jax": jax_module_of,
}
TARGETS = ("numpy", *LIBRARIES)


def checked_target(target: object) -> str:
    """Return the name of what code is written for; raises InputError.

    >>> checked_target("torch")
    'torch'
    """
    if not isinstance(target, str) or target not in TARGETS:
        raise InputError(
            f"no target {str(target)[:40]!r}", remedy=f"there are: {', '.join(TARGETS)}"
        )
    return target
