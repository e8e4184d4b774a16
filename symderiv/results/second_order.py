"""Jacobians and Hessians as results: with values on arrays, and a check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ..codegen.evaluation import evaluate
from ..codegen.libraries import LIBRARIES
from ..codegen.module import Compiled, compile_module, module_of
from ..core.errors import InputError
from ..core.shapes import ONE, Shape
from ..derivation.derivations import DerivedGradients
from ..derivation.jacobians import LAYOUTS as LAYOUTS
from ..derivation.jacobians import DerivativeMatrix, DirectionProduct, hessian_of, jacobian_of
from ..evidence.certificate import Certificate
from ..evidence.second_derivatives import (
    gather_matrix,
    shown_sizes,
    verify_at_numbers,
    verify_jacobian,
)
from ..evidence.verification import Evidence
from ..problems import Problem
from ..problems.number_sizes import with_symbols
from .derivative_forms import DerivativeForms
from .outputs import FORMATS, PAGES, Manner, Printing, matrix_files
from .writing import check_formats, write_files


@dataclass(frozen=True, eq=False, repr=False)
class Jacobian(DerivativeForms):
    """A Jacobian or a Hessian, with its forms, its steps, and its value on arrays.

    Equal to that of an equal problem by the same variable, in the same layout.
    """

    data: DerivativeMatrix

    @property
    def _asked(self) -> tuple[Any, ...]:
        of = (self.data.of, self.name) if self.data.is_mixed else (self.name,)
        return self.problem, of[0], self.layout, *of[1:]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Jacobian):
            return NotImplemented
        return self.kind == other.kind and self._asked == other._asked

    def __hash__(self) -> int:
        return hash((self.kind, *self._asked))

    def __reduce__(self) -> tuple[Any, ...]:
        return (hessian_by if self.data.is_hessian else jacobian_by), self._asked

    @property
    def kind(self) -> str:
        """Return ``jacobian`` or ``hessian``."""
        return self.data.kind

    @property
    def layout(self) -> str:
        """Return ``numerator`` or ``denominator``."""
        return self.data.layout

    @property
    def shape(self) -> Shape:
        """Return the shape of the matrix, or of the value where the variable is a scalar."""
        return self.data.shape

    def product(self, name: str = "v") -> DirectionProduct:
        """Return the product with a direction, a matrix called ``name``; J itself is not formed.

        For a Hessian the direction has the shape of the variable, for a Jacobian that of the
        value: the transposed Jacobian times it, a pullback. Raises InputError for a name in use.
        """
        return self.data.product(name)

    def recheck(self) -> int:
        """Evaluate every step; return how many equations were checked. Raises CheckError."""
        return self.data.recheck()

    def evaluate(self, /, **values: Any) -> Any:
        """Return the matrix on arrays, with two axes; by a scalar, in the value's shape.

        Arguments are those of ``Result.evaluate``. Raises InputError.

        >>> import numpy as np
        >>> from symderiv import jacobian
        >>> jacobian("A @ x", "x").evaluate(A=np.array([[1.0, 2.0]]), x=np.array([1.0, 1.0]))
        array([[1., 2.]])
        """
        value = evaluate(self.expr, shown_sizes(self.problem, values))
        if not self.data.variable.written:
            return value
        rows, cols = (d == ONE for d in self.shape)
        return value.reshape((1 if rows else -1, 1 if cols else -1)) if rows or cols else value

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
    def derivation(self) -> DerivedGradients:
        """The gradients in the module: for a Jacobian, that of the product with a direction."""
        posed = self.problem if self.data.is_hessian else self.data.posed
        return DerivedGradients(posed, [self.data.of or self.name])

    def compile(self) -> Compiled:
        """Return the callables of the generated code.

        Of a Jacobian these are ``forward``, ``jacobian``, and ``backward``, its transpose times a
        vector; of a Hessian ``forward``, ``backward``, ``hessian`` and ``hessian_product``.

        >>> import numpy as np
        >>> from symderiv import hessian, jacobian
        >>> x = np.array([1.0, 2.0])
        >>> jacobian("x * x", "x").compile().jacobian(x)
        array([[2., 0.],
               [0., 4.]])
        >>> hessian("sum(x ** 3)", "x").compile().hessian_product(x, np.array([1.0, 1.0]))
        array([ 6., 12.])
        """
        return compile_module(module_of(self.derivation, matrices=[self.data]))

    @property
    def code(self) -> str:
        """Return the generated NumPy module as source."""
        return self.compile().source

    @property
    def certificate(self) -> Certificate:
        """The certificate; made, and everything checked, when it is first asked for."""
        return self.evidence.certificate

    @cached_property
    def evidence(self) -> Evidence:
        """The certificate with the code that was checked; raises where a check fails."""
        compiled = self.compile()
        model = self._model
        if model is None:
            return gather_matrix(self.data, self.derivation, compiled)
        certificate = verify_at_numbers(self.data, compiled, model[0].certificate, model[1])
        return Evidence(certificate, compiled, model[0].evidence.box)

    def checked_in(self, compiled: Compiled) -> Certificate:
        """Return the certificate of its functions in a module that was made for more."""
        model = self._model
        if model is None:
            return verify_jacobian(self.data, compiled)
        return verify_at_numbers(self.data, compiled, model[0].certificate, model[1])

    @cached_property
    def _model(self) -> tuple[Jacobian, Mapping[str, int]] | None:
        """The same with symbols for sizes that are numbers too large to check, and these."""
        model = with_symbols(self.problem)
        if model is None:
            return None
        by: Any = hessian_by if self.data.is_hessian else jacobian_by
        return by(model[0], *self._asked[1:]), model[1]

    def write(
        self,
        folder: str | Path,
        formats: Sequence[str] = FORMATS,
        *,
        style: str = "index",
        lemmas: str = "short",
        engine: str = "typst",
        markdown: str = "github",
        section: int = 1,
        color: bool = False,
        force: bool = False,
    ) -> list[Path]:
        """Write documents, code and the certificate into a folder and return their paths.

        Formats: md, tex, html, pdf, py (module and test), ipynb, torch and jax (modules for those
        libraries, with tests). The style is index, differential, entries or all; ``lemmas``, the
        derivatives of the functions used, are none, short or full. Everything is checked first.
        Raises InputError.
        """
        formats = check_formats(formats, (*PAGES, "py", "ipynb", *LIBRARIES), f" for a {self.kind}")
        printing = Printing(engine, markdown, section, color)
        files = self._files(formats, printing, Manner(style, lemmas))
        return write_files(folder, files, force=force)

    def files(
        self,
        formats: Sequence[str] = FORMATS,
        *,
        style: str = "index",
        lemmas: str = "short",
        engine: str = "typst",
        markdown: str = "github",
        section: int = 1,
        color: bool = False,
    ) -> dict[str, bytes]:
        """Return what `write` writes, by name."""
        printing = Printing(engine, markdown, section, color)
        return self._files(formats, printing, Manner(style, lemmas))

    def _files(
        self, formats: Sequence[str], printing: Printing, manner: Manner
    ) -> dict[str, bytes]:
        known = (self.data, self.derivation, self.evidence)
        return matrix_files(*known, formats, printing, manner)


def jacobian_by(problem: Problem, wrt: str | None, layout: str) -> Jacobian:
    """Return the Jacobian of an objective of any shape."""
    return Jacobian(jacobian_of(problem, _only(problem, wrt), layout))


def hessian_by(
    problem: Problem, wrt: str | None, layout: str, columns: str | None = None
) -> Jacobian:
    """Return the Hessian of a scalar objective; with ``columns``, the mixed one."""
    return Jacobian(hessian_of(problem, _only(problem, wrt), layout, columns))


def _only(problem: Problem, wrt: str | None) -> str:
    """Return the variable that is meant: the one there is, where none is named."""
    if wrt is None and len(problem.wrt) != 1:
        raise InputError(
            "a Jacobian is by one variable", remedy=f"name it: wrt= one of {', '.join(problem.wrt)}"
        )
    return problem.wrt[0] if wrt is None else wrt
