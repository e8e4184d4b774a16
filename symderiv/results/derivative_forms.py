"""Takes a derivative; gives its forms: text, LaTeX, Unicode, SymPy, and how a prompt shows it."""

from __future__ import annotations

from typing import Any

from ..core.expr import Expr
from ..derivation.derivations import Gradient
from ..derivation.jacobians import DerivativeMatrix
from ..derivation.narration import cotangent_names
from ..documents.outputs_shown import gradient_html, jacobian_html
from ..entries.to_sympy import to_sympy
from ..notation.latex import latex
from ..notation.unicode import unicode
from ..ops.written import Writer
from ..problems import Problem
from .shown_steps import Steps


class DerivativeForms:
    """A derivative as it reads, with its steps; what makes a result more is its class's own."""

    data: Gradient | DerivativeMatrix

    @property
    def problem(self) -> Problem:
        """Return the problem that was derived."""
        return self.data.problem

    @property
    def name(self) -> str:
        """Return the name of the variable."""
        return self.data.name

    @property
    def expr(self) -> Expr:
        """Return it as a matrix expression; raises MissingRuleError without one."""
        return self.data.expr

    @property
    def text(self) -> str:
        """Return it in the expression language; it parses back.

        What is repeated in it is named before it: ``S = softmax(Z, axis=1); S * (G - ..)``.
        """
        return self.data.text

    @property
    def latex(self) -> str:
        """Return it as LaTeX mathematics, which needs amsmath."""
        return latex(self._writer(self.expr), dialect="amsmath")

    @property
    def unicode(self) -> str:
        """Return it as one line of Unicode mathematics."""
        return unicode(self._writer(self.expr))

    @property
    def _writer(self) -> Writer:
        return Writer(names=self.problem.taken)

    @property
    def index_form(self) -> str:
        """Return one entry in the language, over named indices."""
        return self.data.index_form

    @property
    def steps(self) -> Steps:
        """Return the steps of the derivation; each ``before = after`` can be evaluated.

        A step has ``.text``, ``.latex``, ``.unicode``, ``.reason`` and ``.law``.
        """
        made: frozenset[str] = frozenset()
        if isinstance(self.data, Gradient):
            made = cotangent_names(self.data.derivation.sections)
        return Steps.of(self.data.steps, Writer(differentials=made, names=self.problem.taken))

    def __repr__(self) -> str:
        return self.text

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex}$"

    _repr_markdown_ = _repr_latex_

    def _repr_html_(self) -> str:
        if isinstance(self.data, DerivativeMatrix):
            return jacobian_html(self.data)
        return gradient_html(self.data)

    def to_sympy(self) -> Any:
        """Return it as an expression of SymPy; raises MissingRuleError.

        Names are those objects that the problem was written with, where it was written in SymPy.

        >>> from symderiv import derive, jacobian
        >>> derive("x.T @ A @ x", wrt="x")["x"].to_sympy(), jacobian("A @ x", "x").to_sympy()
        ((A + A.T)*x, A)
        """
        return to_sympy(self.expr, self.problem.symbols)

    def sympy(self) -> Any:
        """Return ``to_sympy()``."""
        return self.to_sympy()
