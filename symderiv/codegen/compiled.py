"""Generated modules as callables."""

from __future__ import annotations

import linecache
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .guard import run
from .module import Module


@dataclass(frozen=True)
class Compiled:
    """The callables of a generated module.

    ``forward(X, W, b)`` returns the argument of the unspecified loss, or the objective;
    ``backward(X, W, b, G)`` returns the gradients by name. Both take ``cache=``.
    """

    module: Module
    forward: Callable[..., Any]
    backward: Callable[..., Mapping[str, Any]]

    def __reduce__(self) -> tuple[Callable[..., Compiled], tuple[Module]]:
        return compile_module, (self.module,)

    @property
    def source(self) -> str:
        """Return the NumPy source."""
        return self.module.source


def compile_module(module: Module) -> Compiled:
    """Return the callables of a generated module."""
    file = f"<symderiv {module.name}>"
    namespace = run(module.source, {"__name__": module.name}, file)
    # With its lines in the cache, a traceback shows the generated code.
    linecache.cache[file] = (len(module.source), None, module.source.splitlines(True), file)
    return Compiled(module, namespace["forward"], namespace["backward"])
