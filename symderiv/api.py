"""The Python interface: problem, load, derive, check, equal, and what they return."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from . import derivation as engine
from .claims import Checker, Verdict
from .codegen import Compiled, compile_module, evaluate, module_of
from .errors import InputError, MissingRuleError, ShapeError
from .evidence import Certificate, Evidence, gather
from .language import ClaimText, Problem, load_file
from .language.declarations import Declarations
from .language.problem import build
from .library import load_named, names
from .outputs import FORMATS, build_files, rerun
from .writing import write_files

LAYOUTS = ("denominator", "numerator")


class Result(engine.Result):
    """A gradient, with its forms, its steps, and its value on arrays."""

    def evaluate(self, **values: Any) -> Any:
        """Return the gradient on arrays, in the variable's shape (vectors 1-D, scalars 0-D).

        Sizes come from the arrays; one that no array shows is passed as ``n=4``, an unspecified
        function as callables ``f=.., fp=..``. Names that are not needed are ignored. Raises
        InputError.

        >>> import numpy as np
        >>> d = derive("x.T @ A @ x", wrt="x")
        >>> d["x"].evaluate(x=np.array([1.0, 2.0]), A=np.array([[1.0, 0.0], [1.0, 1.0]]))
        array([4., 5.])
        """
        return evaluate(self.expr, values)


class Derivation(engine.Derivation):
    """The gradients of a problem by variable, with everything that can be made of them."""

    result_type = Result

    @cached_property
    def verdicts(self) -> list[Verdict]:
        """Return the answers to the claims of the problem."""
        checker = Checker(self.problem)
        return [checker.check(claim) for claim in self.problem.claims]

    @cached_property
    def evidence(self) -> Evidence:
        """Return the certificate and the code that was checked; raises where a check fails."""
        return gather(self, self.verdicts)

    def verify(self) -> Certificate:
        """Run every check and return the certificate; raises DisagreementError or CheckError.

        >>> derive("x.T @ A @ x", wrt="x").verify().roads[0]["entries"]
        6
        """
        return self.evidence.certificate

    def compile(self) -> Compiled:
        """Return callables ``forward`` and ``backward`` compiled from the generated code."""
        return compile_module(module_of(self))

    @property
    def code(self) -> str:
        """Return the generated NumPy module as source."""
        return module_of(self).source

    def write(
        self,
        folder: str | Path,
        formats: Sequence[str] = ("md", "tex", "pdf", "py"),
        *,
        style: str = "index",
        engine: str = "typst",
    ) -> list[Path]:
        """Write documents, code and certificate into a folder and return their paths.

        Formats: md, tex, pdf, py (module and test); ``engine`` makes the PDF: typst or latexmk.
        Everything is checked first; where a check fails, nothing is written.
        """
        unknown = [f for f in formats if f not in FORMATS]
        if unknown:
            raise InputError(f"no format {unknown[0]!r}", remedy=f"there are: {', '.join(FORMATS)}")
        files = build_files(self, self.evidence, self.verdicts, formats, style, engine)
        return write_files(Path(folder), files)


def load(source: str | Path) -> Problem:
    """Return the problem of a TOML file, or a ready-made one by its name.

    >>> load("linear-layer").wrt
    ('W', 'b', 'X')
    """
    path = Path(source)
    if path.suffix == ".toml" or path.is_file():
        return load_file(path)
    return load_named(str(source))


def _declared(text: str, variables: Mapping[str, str]) -> Problem:
    declared = Declarations()
    for name, shape in variables.items():
        declared.declare(name, shape)
    return build(text, declared)


def _problem(of: Problem | str | Path, variables: Mapping[str, str]) -> Problem:
    if isinstance(of, Problem):
        if variables:
            raise InputError("a problem has its variables declared already")
        return of
    if isinstance(of, Path) or of in names() or of.endswith(".toml"):
        return load(of)
    return _declared(of, variables)


def derive(
    of: Problem | str | Path,
    wrt: Sequence[str] | str | None = None,
    *,
    order: int = 1,
    layout: str = "denominator",
    **variables: str,
) -> Derivation:
    """Return the gradients of a problem, or of a text whose variables are declared by keyword.

    A gradient has the shape of its variable (denominator layout). Raises LanguageError for what
    cannot be read, MissingRuleError for what no rule covers.

    >>> derive("L(X @ W + ones(n) @ b.T)", X="n, d", W="d, m", b="m")["b"]
    G.T @ ones(n)
    """
    if order != 1:
        raise MissingRuleError(f"no rule for derivatives of order {order}: gradients are order 1")
    if layout not in LAYOUTS:
        raise InputError(f"no layout {layout!r}", remedy=f"there are: {', '.join(LAYOUTS)}")
    if layout == "numerator":
        raise MissingRuleError(
            "no rule for the numerator layout yet",
            remedy="a gradient is printed in the shape of its variable; transpose it",
        )
    chosen = [w.strip() for w in wrt.split(",")] if isinstance(wrt, str) else wrt
    return Derivation(_problem(of, variables), chosen)


def check(
    of: Problem | str | Path,
    wrt: str | None = None,
    claim: str | None = None,
    *,
    about: str | None = None,
    **variables: str,
) -> Verdict:
    """Return whether a claimed gradient is right; if not, why, and what it should be.

    ``about`` may name an entry instead: ``about="dL/dW[p, q]"``.

    >>> v = check("L(X @ W)", wrt="W", claim="G.T @ X", X="n, d", W="d, m")
    >>> v.verdict, v.correction
    ('transposed', 'X.T @ G')
    """
    if claim is None or (wrt is None and about is None):
        raise InputError("a check needs wrt= and claim=", remedy='check(p, wrt="W", claim="..")')
    text = ClaimText(about or f"dL/d{wrt}", (claim,))
    return Checker(_problem(of, variables)).check(text)


def equal(left: str, right: str, **variables: str) -> Verdict:
    """Return whether two expressions are equal for every size and value.

    >>> equal("(A @ B).T", "B.T @ A.T").verdict
    'right'
    """
    try:
        p = _declared(f"dot({left}, {right})", variables)
    except ShapeError:
        p = _declared(f"sum({left}) + sum({right})", variables)
    return Checker(p).check(ClaimText("equal", (left, right)))


def verify_folder(folder: str | Path) -> tuple[Certificate, list[str]]:
    """Run the certificate of a folder again; return the new one and what differs.

    Raises InputError where there is no certificate, CheckError where a check fails.
    """
    path = Path(folder) / "certificate.json"
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read as a certificate: {error}",
            remedy="write one with: symderiv derive .. -o FOLDER",
        ) from None
    p, wrt, options = rerun(data)
    fresh = Derivation(p, wrt)
    certificate = fresh.verify()
    files = build_files(fresh, fresh.evidence, fresh.verdicts, *options)
    return certificate, differing(Path(folder), data, files, certificate)


def differing(
    folder: Path, data: Mapping[str, Any], files: Mapping[str, bytes], new: Certificate
) -> list[str]:
    """Return what does not match: gradients, and files other than what is written now."""
    found = [
        f"the gradient by {n} was {data['gradients'].get(n)}, derived again it is {g}"
        for n, g in new.gradients.items()
        if data.get("gradients", {}).get(n) != g
    ]
    for name, content in files.items():
        if name == "certificate.json":
            continue
        path = folder / name
        if not path.exists():
            found.append(f"{name} is missing")
        elif path.read_bytes() != content:
            found.append(f"{name} is not what is written from this derivation")
    return found
