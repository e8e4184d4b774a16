"""What deriving returns: gradients by variable, with values, code, evidence and documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import combinations
from operator import getitem
from pathlib import Path
from typing import Any, Literal, overload

from ..claims import Checker, Verdict
from ..claims.latex_claims import stated
from ..codegen.evaluation import evaluate
from ..codegen.given_arrays import completed, with_given
from ..codegen.libraries import LIBRARIES, checked_target
from ..codegen.library_modules import CompiledLibrary, compile_library
from ..codegen.module import Compiled, Module, compile_module, module_of
from ..core.errors import MissingRuleError, UnknownNameError
from ..core.expr import Variable
from ..core.plaintext import unstyled
from ..core.shapes import ONE
from ..core.telling import told, unheard
from ..derivation.costs import Costs, costs_of
from ..derivation.derivations import DerivedGradients, Gradient
from ..derivation.jacobians import DerivativeMatrix, hessian_of
from ..derivation.narration import Section
from ..derivation.structured import AMBIENT as AMBIENT
from ..derivation.structured import CONVENTIONS as CONVENTIONS
from ..documents.graph import graph_of
from ..documents.graphprint import GraphPicture
from ..documents.manner import Manner
from ..documents.model import Document
from ..documents.outputs_shown import derivation_html, gradients_latex
from ..documents.render import pictures
from ..documents.web import html
from ..evidence.certificate import Certificate
from ..evidence.recorded import read_certificate
from ..evidence.second_derivatives import joined, shown_sizes, verify_entries
from ..evidence.structured_checks import check_structured
from ..evidence.verification import Evidence, gather, require_checkable
from ..problems import Problem
from ..problems.other_names import renamed
from .derivation_lines import derivation_lines
from .derivative_forms import DerivativeForms
from .outputs import CHOICES, Printing, build_files, differing, document
from .second_order import Jacobian, hessian_by, jacobian_by
from .showing import show_page
from .writing import check_formats, write_files


@dataclass(frozen=True, eq=False, repr=False)
class Result(DerivativeForms):
    """A gradient in the shape of its variable, with its forms, its steps, its value on arrays.

    Equal to that by the same variable in an equal derivation; pickled as what it derives from.
    """

    derivation: Derivation
    data: Gradient

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Result):
            return NotImplemented
        return self.name == other.name and self.derivation == other.derivation

    def __hash__(self) -> int:
        return hash((self.name, self.derivation))

    def __reduce__(self) -> tuple[Any, ...]:
        return getitem, (self.derivation, self.name)

    @property
    def variable(self) -> Variable:
        """Return the variable."""
        return self.data.variable

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
        slopes = self.data.derivation.adjoint_names.values()
        values = completed(self.derivation.problem, values)
        value = evaluate(self.expr, shown_sizes(self.derivation.problem, values), slopes)
        written = self.variable.written
        if value.ndim == len(written):
            return value
        ones = [1 if d == ONE else None for d in written]
        left = iter(value.shape)
        return value.reshape([next(left) if k is None else k for k in ones])


class Derivation(Mapping[str, Result]):
    """The gradients of a problem by variable, with everything that can be made of them.

    Equal to any other of an equal problem by the same variables, derived in the same way; pickled
    as the problem, and derived again.
    """

    def __init__(
        self,
        problem: Problem,
        wrt: Sequence[str] | None = None,
        *,
        structured: str = AMBIENT,
        order: int | None = None,
    ) -> None:
        order = problem.order if order is None else order
        if order not in (1, 2):
            raise MissingRuleError(
                f"no rule for derivatives of order {order}: gradients are order 1, Hessians 2"
            )
        self.data = DerivedGradients(problem, wrt, structured)
        self.problem, self.wrt, self.order = problem, self.data.wrt, order
        self.structured = structured
        if not self.wrt:
            raise UnknownNameError(
                "there is nothing to differentiate with respect to: the objective has no variable",
                remedy='write one, and declare it: --var "x: n"',
            )
        if order == 2 and self.data.conventions:
            self._refuse_order(next(iter(self.data.conventions)))

    @property
    def _asked(self) -> tuple[Any, ...]:
        """What was derived, and how: the arguments that give this derivation again."""
        return self.problem, self.wrt, self.structured, self.order

    def __eq__(self, other: object) -> bool:
        return self._asked == other._asked if isinstance(other, Derivation) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._asked)

    def __reduce__(self) -> tuple[Any, ...]:
        return _derived, self._asked

    def __getitem__(self, name: str) -> Result:
        if name in self.problem.definitions:  # its cotangent
            return Result(self, self.data.cotangent(name))
        return Result(self, self.data[name])

    def __contains__(self, name: object) -> bool:
        return name in self.data

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def __repr__(self) -> str:
        name = self.problem.objective_name
        return "\n".join(f"d{name}/d{n} = {r.text}" for n, r in self.items())

    def __str__(self) -> str:
        return unstyled("\n".join(derivation_lines(self, "index")))

    def latex(self) -> str:
        """Return all gradients as an ``aligned`` block, the names that they use defined below.

        It can be pasted between ``\\[`` and ``\\]``; amsmath is all that it needs.

        >>> from symderiv import derive
        >>> print(derive("L(X @ W)", wrt="W").latex())
        \\begin{aligned}
        \\frac{\\partial L}{\\partial W} &= X^{\\top} G
        \\end{aligned}
        """
        return gradients_latex(self.data)

    def _repr_latex_(self) -> str:
        return f"$$\n{self.latex()}\n$$"

    _repr_markdown_ = _repr_latex_

    def _repr_html_(self) -> str:
        return derivation_html(self.data)

    def _refuse_order(self, name: str) -> None:
        if name in self.data.conventions:
            structure, convention = self.data.conventions[name]
            raise MissingRuleError(
                f"no rule for second derivatives with respect to {name} as {structure} "
                f"({convention}): their rows and columns run over all its entries",
                remedy="leave out structured=",
            )

    @property
    def sections(self) -> tuple[Section, ...]:
        """Return the derivations of all gradients, those of named intermediates first."""
        return self.data.sections

    def recheck(self, sizes: Mapping[str, int] | None = None, seed: int = 0) -> int:
        """Evaluate every printed equation, for all its indices; return how many were checked.

        Exact for rational functions, to 40 digits otherwise. Raises CheckError at the first
        equation that does not hold.
        """
        return self.data.recheck(sizes, seed)

    def jacobian(self, name: str, *, layout: str = "numerator") -> Jacobian:
        """Return the Jacobian of the objective, a row: its gradient in vec order, transposed.

        >>> from symderiv import derive
        >>> derive("x.T @ A @ x", wrt="x").jacobian("x")
        x.T @ (A + A.T)
        """
        self._refuse_order(name)
        return jacobian_by(self.problem, name, layout)

    def hessian(
        self, name: str, columns: str | None = None, *, layout: str = "numerator"
    ) -> Jacobian:
        """Return the Hessian by a variable, the Jacobian of its gradient, in vec order.

        With ``columns``, the mixed second derivatives: a row for each entry of the variable
        ``name``, a column for each of that one.

        ``.product("v")`` is its product with a direction, in which no Hessian is formed. Raises
        MissingRuleError where a function has no second derivative here.

        >>> from symderiv import derive
        >>> h = derive("0.5 * norm(X @ w - y) ** 2", wrt="w").hessian("w")
        >>> h, h.product("v")
        (X.T @ X, X.T @ X @ v)
        """
        self._refuse_order(name)
        if columns is not None:
            self._refuse_order(columns)
        return hessian_by(self.problem, name, layout, columns)

    @cached_property
    def verdicts(self) -> list[Verdict]:
        """Return the answers to the claims of the problem."""
        return _judged(self.problem)

    @cached_property
    def evidence(self) -> Evidence:
        """Return the certificate and the code that was checked; raises where a check fails."""
        structures = check_structured(self.data)
        claims = tuple(v.as_dict() for v in self.verdicts)
        found = self._gathered
        certificate = replace(found.certificate, claims=claims)
        if structures:
            certificate = replace(certificate, roads=(*certificate.roads, *structures))
        for h in self.hessians:
            certificate = joined(certificate, h.checked_in(found.compiled))
        for data in self.second_entries:
            certificate = joined(certificate, verify_entries(data))
        return replace(found, certificate=certificate)

    @cached_property
    def _gathered(self) -> Evidence:
        return gather(self.data, (), [h.data for h in self.hessians])

    @cached_property
    def hessians(self) -> tuple[Jacobian, ...]:
        """The Hessians by every variable, where derivatives of order 2 were asked for.

        Then the mixed ones of every two variables that have a matrix form.
        """
        if self.order != 2:
            return ()
        return tuple(Jacobian(h) for h in self._second if h.has_matrix_form)

    @property
    def second_entries(self) -> list[DerivativeMatrix]:
        """The second derivatives of which there is no matrix: those by a tensor, by entries."""
        return [h for h in self._second if not h.has_matrix_form] if self.order == 2 else []

    @cached_property
    def _second(self) -> list[DerivativeMatrix]:
        """The second derivatives by every variable, then the mixed ones of every two."""
        for name in self:
            self._refuse_order(name)
        pairs = [*((n, n) for n in self), *combinations(self, 2)]
        several = len(self) > 1
        return [hessian_of(self.problem, a, by=b, entries=True, several=several) for a, b in pairs]

    def require_checkable(self) -> None:
        """Refuse at once what no check can be drawn points for; raises what ``verify`` raises."""
        require_checkable(self.data)

    def verify(self, *, jobs: int = 1) -> Certificate:
        """Run every check and return the certificate; raises DisagreementError or CheckError.

        With ``jobs=2`` the claims are judged in a process beside the other checks, to the same end.

        >>> from symderiv import derive
        >>> derive("x.T @ A @ x", wrt="x").verify().roads[0]["entries"]
        6
        """
        if jobs > 1 and self.problem.claims and "verdicts" not in vars(self):
            with ProcessPoolExecutor(1, initializer=unheard) as pool:
                claims = pool.submit(_judged, self.problem)
                self._gathered  # noqa: B018 - found meanwhile, and kept
                vars(self)["verdicts"] = claims.result()
        return self.evidence.certificate

    @overload
    def compile(
        self, target: Literal["numpy"] = "numpy", *, names: Mapping[str, str] | None = None
    ) -> Compiled: ...

    @overload
    def compile(
        self,
        target: str,
        *,
        parameters: Sequence[str] | None = None,
        names: Mapping[str, str] | None = None,
    ) -> Compiled | CompiledLibrary: ...

    def compile(
        self,
        target: str = "numpy",
        *,
        parameters: Sequence[str] | None = None,
        names: Mapping[str, str] | None = None,
    ) -> Compiled | CompiledLibrary:
        """Return callables ``forward`` and ``backward`` compiled from the generated code.

        With ``order=2`` there are ``hessian`` and ``hessian_product`` too; by several variables,
        ``hessian_W``, ``hessian_W_product`` and so on. With ``target="torch"`` or ``"jax"``, what
        is returned is called on that library's arrays and gives the value; its gradients are the
        derived ones. For PyTorch, ``.layer`` is the class of an nn.Module whose ``parameters``
        are the variables that share no size with the samples, unless they are named here.
        ``names`` gives variables, definitions and the given gradient other names, by which
        ``parameters`` go as well. Raises InputError where the library is not installed,
        UnsupportedError for an operator that it has no code for.

        >>> from symderiv import derive
        >>> d = derive("Z = X @ W; L(Z)", X="n, d", W="d, m", wrt="W")
        >>> d.compile(names={"X": "inputs", "W": "weight"}).module.backward
        ('inputs', 'weight', 'G')
        """
        if names:
            wrt = [names.get(n, n) for n in self.wrt]
            other = _derived(renamed(self.problem, names), wrt, self.structured, self.order)
            return other.compile(target, parameters=parameters)
        if checked_target(target) == "numpy":
            code = compile_module(self._module)
            forward, backward = (with_given(f, self.problem) for f in (code.forward, code.backward))
            return replace(code, forward=forward, backward=backward)
        chosen = {} if parameters is None else {"parameters": parameters}
        matrices = [h.data for h in self.hessians]
        write = LIBRARIES[target]
        return compile_library(write(self.data, matrices=matrices, **chosen))

    @property
    def _module(self) -> Module:
        return module_of(self.data, matrices=[h.data for h in self.hessians])

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
        return costs_of(self.data)

    @property
    def code(self) -> str:
        """Return the generated NumPy module as source."""
        return self._module.source

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
        return GraphPicture(graph_of(self.data))

    def write(
        self,
        folder: str | Path,
        formats: Sequence[str] = ("md", "tex", "pdf", "py"),
        *,
        style: str = "index",
        lemmas: str = "short",
        cotangent: str = "d",
        exercise: bool = False,
        engine: str = "typst",
        markdown: str = "github",
        section: int = 1,
        color: bool = False,
        force: bool = False,
    ) -> list[Path]:
        """Write documents, code and certificate into a folder and return their paths.

        Formats: md, tex, html, pdf, py (module and test), ipynb (a notebook of both), svg (the
        graph), torch and jax (a module for that library, and its test); ``engine`` makes the PDF:
        typst or latexmk. The style is index, differential, entries or all; ``lemmas``, the
        derivatives of the functions used, are none, short or full; the ``cotangent`` of Z is
        written as d (dZ), bar, delta or partial; an ``exercise`` has lines to fill in first.
        ``markdown`` is that of github or jupyter, or portable: read by Pandoc, KaTeX and MathJax.
        ``tex`` is a document and ``derivation-body.tex``, for ``\\input`` where amsmath is loaded:
        its title is of the level ``section`` (0: bold), with ``color`` it needs xcolor. Everything
        is checked before; where a check fails, nothing is written. Files that were not written
        here, or changed since, are refused; with ``force``, they are overwritten.
        """
        files = self.files(
            formats,
            style=style,
            lemmas=lemmas,
            cotangent=cotangent,
            exercise=exercise,
            engine=engine,
            markdown=markdown,
            section=section,
            color=color,
        )
        return write_files(folder, files, force=force)

    def files(
        self,
        formats: Sequence[str] = ("md", "tex", "pdf", "py"),
        *,
        style: str = "index",
        lemmas: str = "short",
        cotangent: str = "d",
        exercise: bool = False,
        engine: str = "typst",
        markdown: str = "github",
        section: int = 1,
        color: bool = False,
    ) -> dict[str, bytes]:
        """Return what `write` writes, by name."""
        formats = check_formats(formats, CHOICES)
        asked: dict[str, Any] = {"structured": self.structured} if self.data.conventions else {}
        asked.update({"order": self.order} if self.order != self.problem.order else {})
        asked.update({"wrt": list(self.wrt)} if self.wrt != self.problem.wrt else {})
        return build_files(
            self.data,
            self.evidence,
            self.verdicts,
            formats,
            Manner(style, lemmas, cotangent, exercise),
            Printing(engine, markdown, section, color),
            hessians=[h.data for h in self.hessians] + self.second_entries,
            asked=asked,
        )

    def show(self, style: str = "index", lemmas: str = "short") -> str:
        """Show the document, after every check: in the notebook, else as a page in the browser.

        Returns where: ``notebook``, or the address of a temporary file.
        """
        return show_page(html(self._page(Manner(style, lemmas))))

    def _page(self, manner: Manner) -> Document:
        hessians = [h.data for h in self.hessians] + self.second_entries
        return document(self.data, self.evidence, self.verdicts, manner, hessians)

    def pictures(self, style: str = "index", lemmas: str = "short") -> list[bytes]:
        """Return the pages of the document as PNG pictures, after every check."""
        return pictures(self._page(Manner(style, lemmas)))


def _judged(problem: Problem) -> list[Verdict]:
    """Return the answers to the claims of a problem."""
    checker = Checker(problem)
    claims = [s for claim in problem.claims for s in stated(problem, claim)]
    return [checker.check(claim) for claim in told("the claims of the problem", claims)]


def _derived(problem: Problem, wrt: Sequence[str], structured: str, order: int) -> Derivation:
    return Derivation(problem, wrt, structured=structured, order=order)


def verify_folder(folder: str | Path, jobs: int = 1) -> tuple[Certificate, list[str]]:
    """Run the certificate of a folder again; return the new one and what differs.

    Raises InputError where there is no certificate, CheckError where a check fails.
    """
    known = read_certificate(Path(folder) / "certificate.json")
    options = known.options
    formats = options.get("formats", ("md", "tex", "pdf", "py"))
    printing = asdict(Printing.recalled(options))
    if "kind" in options:
        by: Any = hessian_by if options["kind"] == "hessian" else jacobian_by
        first, *more = known.wrt
        matrix = by(known.problem, first, options.get("layout", "numerator"), *more)
        told = {n: options[n] for n in ("style", "lemmas") if n in options}
        files = matrix.files(formats, **told, **printing)
        return matrix.certificate, differing(Path(folder), known.data, files)
    fresh = Derivation(
        known.problem,
        known.wrt,
        structured=options.get("structured", AMBIENT),
        order=options.get("order"),
    )
    certificate = fresh.verify(jobs=jobs)
    files = fresh.files(
        formats,
        style=options.get("style", "index"),
        lemmas=options.get("lemmas", "short"),
        cotangent=options.get("cotangent", "d"),
        exercise="exercise" in options,
        **printing,
    )
    return certificate, differing(Path(folder), known.data, files)
