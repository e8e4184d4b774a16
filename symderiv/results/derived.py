"""What deriving returns: gradients by variable, with values, code, evidence and documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ..claims import Checker, Verdict
from ..claims.latex_claims import stated
from ..codegen import Compiled, compile_module, evaluate, module_of
from ..core.errors import MissingRuleError, UnknownNameError
from ..core.shapes import ONE
from ..derivation import derivations as engine
from ..derivation.costs import Costs, costs_of
from ..derivation.narration import Section
from ..derivation.structured import (
    AMBIENT,
    StructuredResult,
    check_convention,
    structure_of,
    structured_result,
)
from ..documents import GraphPicture, graph_of, pictures
from ..entries.to_sympy import to_sympy
from ..evidence import Certificate, Evidence, check_structured, gather, joined, shown_sizes
from ..evidence.recorded import read_certificate
from ..problems import Problem
from .outputs import CHOICES, build_files, differing, document, jacobian_files
from .second_order import Jacobian, hessian_by, jacobian_by
from .writing import check_formats, write_files


class Result(engine.Result):
    """A gradient, with its forms, its steps, and its value on arrays."""

    def evaluate(self, /, **values: Any) -> Any:
        """Return the gradient on arrays, in the variable's shape (vectors 1-D, scalars 0-D).

        Sizes come from the arrays; one that no array shows is passed as ``n=4``, an unspecified
        function as callables ``f=.., fp=..``. Names that are not needed are ignored. Raises
        InputError.

        >>> from symderiv import derive
        >>> import numpy as np
        >>> d = derive("x.T @ A @ x", wrt="x")
        >>> d["x"].evaluate(x=np.array([1.0, 2.0]), A=np.array([[1.0, 0.0], [1.0, 1.0]]))
        array([4., 5.])
        """
        slopes = self.derivation.adjoint_names.values()
        value = evaluate(self.expr, shown_sizes(self.derivation.problem, values), slopes)
        written = self.variable.written
        if value.ndim == len(written):
            return value
        ones = [1 if d == ONE else None for d in written]
        left = iter(value.shape)
        return value.reshape([next(left) if k is None else k for k in ones])

    def to_sympy(self) -> Any:
        """Return the gradient as an expression of SymPy; raises MissingRuleError.

        Names are those objects that the problem was written with, where it was written in SymPy.

        >>> from symderiv import derive
        >>> derive("x.T @ A @ x", wrt="x")["x"].to_sympy()
        (A + A.T)*x
        """
        return to_sympy(self.expr, self.derivation.problem.symbols)

    def sympy(self) -> Any:
        """Return ``to_sympy()``."""
        return self.to_sympy()


class StructuredGradient(Result, StructuredResult):
    """A gradient by a structured variable, with its value on arrays."""


class Derivation(engine.Derivation):
    """The gradients of a problem by variable, with everything that can be made of them."""

    result_type = Result

    def __init__(
        self,
        problem: Problem,
        wrt: Sequence[str] | None = None,
        *,
        structured: str = AMBIENT,
        order: int | None = None,
    ) -> None:
        check_convention(structured)
        order = problem.order if order is None else order
        if order not in (1, 2):
            raise MissingRuleError(
                f"no rule for derivatives of order {order}: gradients are order 1, Hessians 2"
            )
        super().__init__(problem, wrt)
        self.structured, self.order = structured, order
        if structured != AMBIENT and any(structure_of(r.variable) for r in self.values()):
            self._take_structures(wrt)
        if not self.wrt:
            raise UnknownNameError(
                "there is nothing to differentiate by: the objective has no variable",
                remedy='write one, and declare it: --var "x: n"',
            )

    @property
    def _asked(self) -> tuple[Any, ...]:
        return self.problem, self.wrt, self.structured, self.order

    def __reduce__(self) -> tuple[Any, ...]:
        return _derived, self._asked

    def _take_structures(self, wrt: Sequence[str] | None) -> None:
        """Put the gradients under the convention that was asked for in place of the ambient."""
        self.ambient = Derivation(self.problem, wrt)
        self._results = {
            n: structured_result(r, self.structured, StructuredGradient) for n, r in self.items()
        }
        self.conventions = {r.name: (r.structure, r.convention) for r in self._structured}
        if self.order == 2:
            self._refuse_order(self._structured[0].name)

    def _refuse_order(self, name: str) -> None:
        if name in self.conventions:
            structure, convention = self.conventions[name]
            raise MissingRuleError(
                f"no rule for second derivatives by {name} as {structure} ({convention}): "
                "their rows and columns run over all its entries",
                remedy="leave out structured=",
            )

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """Return the derivations of all gradients, those of named intermediates first."""
        shown = {r.variable.expr: r for r in self._structured}
        return tuple(
            shown[s.target].continued(s) if s.target in shown else s for s in super().sections
        )

    def jacobian(self, name: str, *, layout: str = "numerator") -> Jacobian:
        """Return the Jacobian of the objective, a row: its gradient in vec order, transposed.

        >>> from symderiv import derive
        >>> derive("x.T @ A @ x", wrt="x").jacobian("x")
        x.T @ (A + A.T)
        """
        self._refuse_order(name)
        return jacobian_by(self.problem, name, layout)

    def hessian(self, name: str, *, layout: str = "numerator") -> Jacobian:
        """Return the Hessian by a variable, the Jacobian of its gradient, in vec order.

        ``.product("v")`` is its product with a direction, in which no Hessian is formed. Raises
        MissingRuleError where a function has no second derivative here.

        >>> from symderiv import derive
        >>> h = derive("0.5 * norm(X @ w - y) ** 2", wrt="w").hessian("w")
        >>> h, h.product("v")
        (X.T @ X, X.T @ X @ v)
        """
        self._refuse_order(name)
        return hessian_by(self.problem, name, layout)

    @cached_property
    def verdicts(self) -> list[Verdict]:
        """Return the answers to the claims of the problem."""
        checker = Checker(self.problem)
        claims = [s for claim in self.problem.claims for s in stated(self.problem, claim)]
        return [checker.check(claim) for claim in claims]

    @cached_property
    def evidence(self) -> Evidence:
        """Return the certificate and the code that was checked; raises where a check fails."""
        structures = check_structured(self)
        found = gather(self, [v.as_dict() for v in self.verdicts])
        certificate = found.certificate
        if structures:
            certificate = replace(certificate, roads=(*certificate.roads, *structures))
        for h in self.hessians:
            certificate = joined(certificate, h.certificate)
        return replace(found, certificate=certificate)

    @cached_property
    def hessians(self) -> tuple[Jacobian, ...]:
        """The Hessians by every variable, where derivatives of order 2 were asked for."""
        return tuple(self.hessian(n) for n in self) if self.order == 2 else ()

    def verify(self) -> Certificate:
        """Run every check and return the certificate; raises DisagreementError or CheckError.

        >>> from symderiv import derive
        >>> derive("x.T @ A @ x", wrt="x").verify().roads[0]["entries"]
        6
        """
        return self.evidence.certificate

    def compile(self) -> Compiled:
        """Return callables ``forward`` and ``backward`` compiled from the generated code."""
        return compile_module(module_of(self))

    def costs(self) -> Costs:
        """Return the flops of the forward pass, every cotangent and every gradient.

        ``.rows`` have a name, a shape and a polynomial in the sizes; ``.at(n=512)`` gives numbers.
        Raises MissingRuleError where what an operator takes depends on the values.

        >>> from symderiv import derive
        >>> costs = derive("Z = X @ W; L(Z)", X="n, d", W="d, m", wrt="W, X").costs()
        >>> print(costs)
        Z         (n, m)  2*n*d*m
        dW        (d, m)  2*n*d*m
        dX        (n, d)  2*n*d*m
        forward           2*n*d*m
        backward          4*n*d*m
        >>> costs.ratio, costs.at(n=10, d=3, m=2)["dW"]
        (Fraction(2, 1), 120)
        """
        return costs_of(self)

    @property
    def code(self) -> str:
        """Return the generated NumPy module as source."""
        return module_of(self).source

    def graph(self) -> GraphPicture:
        """Return the computation graph as a picture: ``svg()``, ``latex()``, ``typst()``.

        Boxes are the inputs, the named definitions and the objective, from top to bottom, with
        the names of their cotangents beside theirs; a parameter stands beside what uses it.
        Raises MissingRuleError for a problem without definitions.

        >>> from symderiv import derive
        >>> d = derive("H = X @ W; F = relu(H); sum(F ** 2)", wrt="W")
        >>> d.graph().svg()[:4]
        '<svg'
        >>> print(d.graph().graph.alt)
        Computation graph. H from X, W; F from H; L from F.
        """
        return GraphPicture(graph_of(self))

    def write(
        self,
        folder: str | Path,
        formats: Sequence[str] = ("md", "tex", "pdf", "py"),
        *,
        style: str = "index",
        engine: str = "typst",
    ) -> list[Path]:
        """Write documents, code and certificate into a folder and return their paths.

        Formats: md, tex, pdf, py (module and test), svg (the graph); ``engine`` makes the PDF:
        typst or latexmk. Everything is checked first; where a check fails, nothing is written.
        """
        return write_files(folder, self.files(formats, style=style, engine=engine))

    def files(
        self,
        formats: Sequence[str] = ("md", "tex", "pdf", "py"),
        *,
        style: str = "index",
        engine: str = "typst",
    ) -> dict[str, bytes]:
        """Return what `write` writes, by name."""
        formats = check_formats(formats, CHOICES)
        asked: dict[str, Any] = {"structured": self.structured} if self.conventions else {}
        asked.update({"order": self.order} if self.order != self.problem.order else {})
        asked.update({"wrt": list(self.wrt)} if self.wrt != self.problem.wrt else {})
        return build_files(
            self,
            self.evidence,
            self.verdicts,
            formats,
            style,
            engine,
            hessians=self.hessians,
            asked=asked,
        )

    def pictures(self, style: str = "index") -> list[bytes]:
        """Return the pages of the document as PNG pictures, after every check."""
        page = document(self, self.evidence, self.verdicts, style, self.hessians)
        return pictures(page)

    @property
    def _structured(self) -> list[StructuredResult]:
        return [r for r in self.values() if isinstance(r, StructuredResult)]


def _derived(problem: Problem, wrt: Sequence[str], structured: str, order: int) -> Derivation:
    return Derivation(problem, wrt, structured=structured, order=order)


def verify_folder(folder: str | Path) -> tuple[Certificate, list[str]]:
    """Run the certificate of a folder again; return the new one and what differs.

    Raises InputError where there is no certificate, CheckError where a check fails.
    """
    known = read_certificate(Path(folder) / "certificate.json")
    options = known.options
    formats = options.get("formats", ("md", "tex", "pdf", "py"))
    engine = options.get("engine", "typst")
    if "kind" in options:
        by = hessian_by if options["kind"] == "hessian" else jacobian_by
        matrix = by(known.problem, known.wrt[0], options.get("layout", "numerator"))
        files = jacobian_files(matrix, matrix.certificate, formats, engine)
        return matrix.certificate, differing(Path(folder), known.data, files)
    fresh = Derivation(
        known.problem,
        known.wrt,
        structured=options.get("structured", AMBIENT),
        order=options.get("order"),
    )
    certificate = fresh.verify()
    files = fresh.files(formats, style=options.get("style", "index"), engine=engine)
    return certificate, differing(Path(folder), known.data, files)
