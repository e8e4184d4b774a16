"""Jacobians and Hessians as results: with values on arrays, and a check."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from ..codegen import evaluate
from ..core.errors import InputError
from ..core.shapes import ONE
from ..derivation import jacobians as engine
from ..entries.to_sympy import to_sympy
from ..evidence import Certificate, shown_sizes, verify_at_numbers, verify_jacobian
from ..problems import Problem
from ..problems.number_sizes import with_symbols
from .outputs import jacobian_files
from .writing import check_formats, write_files

_FORMATS = ("md", "tex", "pdf")


class Jacobian(engine.Jacobian):
    """A Jacobian or a Hessian, with its forms, its steps, and its value on arrays."""

    def __reduce__(self) -> tuple[Any, ...]:
        kind, *asked = self._asked
        return (hessian_by if kind == "hessian" else jacobian_by), tuple(asked)

    def evaluate(self, /, **values: Any) -> Any:
        """Return the matrix on arrays, with two axes; by a scalar, in the value's shape.

        Arguments are those of ``Result.evaluate``. Raises InputError.

        >>> import numpy as np
        >>> from symderiv import jacobian
        >>> jacobian("A @ x", "x").evaluate(A=np.array([[1.0, 2.0]]), x=np.array([1.0, 1.0]))
        array([[1., 2.]])
        """
        value = evaluate(self.expr, shown_sizes(self.problem, values))
        if self.variable.kind == "scalar":
            return value
        rows, cols = (d == ONE for d in self.shape)
        return value.reshape((1 if rows else -1, 1 if cols else -1)) if rows or cols else value

    def to_sympy(self) -> Any:
        """Return the matrix as an expression of SymPy; raises MissingRuleError.

        >>> from symderiv import jacobian
        >>> jacobian("A @ x", "x").to_sympy()
        A
        """
        return to_sympy(self.expr, self.problem.symbols)

    def sympy(self) -> Any:
        """Return ``to_sympy()``."""
        return self.to_sympy()

    def verify(self) -> Certificate:
        """Check it and return the certificate; raises DisagreementError or CheckError.

        Every column at sizes 1, 2, 3 against dual numbers; then the generated code against
        differences, and against JAX where it is installed.

        >>> from symderiv import hessian
        >>> hessian("norm(X @ w) ** 2", "w").verify().gradients
        {'d2L/dw2': '2 * X.T @ X'}
        """
        return self.certificate

    @cached_property
    def certificate(self) -> Certificate:
        """The certificate; made, and everything checked, when it is first asked for."""
        model = with_symbols(self.problem)
        if model is None:
            return verify_jacobian(self, self.evaluate)
        by = hessian_by if self.kind == "hessian" else jacobian_by
        of_symbols = by(model[0], self.name, self.layout).certificate
        return verify_at_numbers(self, self.evaluate, of_symbols, model[1])

    def write(
        self,
        folder: str | Path,
        formats: Sequence[str] = ("md", "tex", "pdf"),
        *,
        engine: str = "typst",
    ) -> list[Path]:
        """Write documents and the certificate into a folder and return their paths.

        Formats: md, tex, pdf. Everything is checked first. Raises InputError.
        """
        formats = check_formats(formats, _FORMATS, f" for a {self.kind}")
        return write_files(folder, jacobian_files(self, self.certificate, formats, engine))


def jacobian_by(problem: Problem, wrt: str | None, layout: str) -> Jacobian:
    """Return the Jacobian of an objective of any shape."""
    return Jacobian(**engine.jacobian_of(problem, _only(problem, wrt), layout))


def hessian_by(problem: Problem, wrt: str | None, layout: str) -> Jacobian:
    """Return the Hessian of a scalar objective."""
    return Jacobian(**engine.hessian_of(problem, _only(problem, wrt), layout))


def _only(problem: Problem, wrt: str | None) -> str:
    """Return the variable that is meant: the one there is, where none is named."""
    if wrt is None and len(problem.wrt) != 1:
        raise InputError(
            "a Jacobian is by one variable", remedy=f"name it: wrt= one of {', '.join(problem.wrt)}"
        )
    return problem.wrt[0] if wrt is None else wrt
