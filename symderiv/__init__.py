"""Derivations of matrix calculus that people can read, trust and run.

    >>> import symderiv as sd
    >>> p = sd.problem("Z = X @ W + ones(n) @ b.T; L(Z)", X="n, d", W="d, m", b="m")
    >>> sd.derive(p)["W"]
    X.T @ G

The public names are loaded when they are first used, so that ``import symderiv`` is cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import check, derive, equal, hessian, jacobian, load, stack
    from .claims import Verdict
    from .core.errors import SymderivError
    from .evidence.certificate import Certificate
    from .problems import Problem, problem
    from .problems.tracing import trace
    from .results.derived import Derivation, Result
    from .results.second_order import Jacobian

_HOMES = {
    "Certificate": "evidence.certificate",
    "Derivation": "results.derived",
    "Jacobian": "results.second_order",
    "Problem": "problems",
    "Result": "results.derived",
    "SymderivError": "core.errors",
    "Verdict": "claims",
    "check": "api",
    "derive": "api",
    "equal": "api",
    "hessian": "api",
    "jacobian": "api",
    "load": "api",
    "problem": "problems",
    "stack": "api",
    "trace": "problems.tracing",
}

__all__ = [
    "Certificate",
    "Derivation",
    "Jacobian",
    "Problem",
    "Result",
    "SymderivError",
    "Verdict",
    "check",
    "derive",
    "equal",
    "hessian",
    "jacobian",
    "load",
    "problem",
    "stack",
    "trace",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
