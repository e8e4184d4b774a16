"""What a derivation is written as: documents, code, test, certificate, as bytes by file name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..claims import Verdict
from ..codegen.libraries import LIBRARIES
from ..codegen.library_modules import LibraryModule
from ..codegen.library_tests import TESTS
from ..codegen.notebook_cells import cells_of
from ..codegen.numpy_code import one_line
from ..codegen.testfile import source_of_check, source_of_test
from ..core.budget import allowed
from ..core.cells import turned_over
from ..core.errors import BudgetError, NoEntriesError
from ..core.plaintext import shortened
from ..core.shapes import SCALAR
from ..core.telling import tell
from ..derivation.derivations import DerivedGradients
from ..derivation.jacobians import DerivativeMatrix, jacobian_of
from ..documents.arrange import build
from ..documents.examples import ExplicitExample, explicit_example
from ..documents.graph import graph_of
from ..documents.graphprint import GraphPicture
from ..documents.graphs import GRAPH_FILE, graph_files
from ..documents.latex_body import SECTIONS as SECTIONS
from ..documents.latex_body import checked_section, latex_body
from ..documents.manner import COTANGENTS as COTANGENTS
from ..documents.manner import LEMMAS as LEMMAS
from ..documents.manner import PLAIN
from ..documents.manner import STYLES as STYLES
from ..documents.manner import Manner as Manner
from ..documents.matrix_entries_shown import MatrixExample
from ..documents.matrix_sections import MatrixScribe, jacobian_document
from ..documents.model import Document
from ..documents.notebook import notebook
from ..documents.printers import DIALECTS as DIALECTS
from ..documents.printers import MarkdownPrinter
from ..documents.render import latex, markdown, pdf
from ..documents.symbols_shown import Scribe
from ..documents.web import html
from ..entries import explicit_entries
from ..evidence.example import worked_example, worked_jacobian
from ..evidence.second_derivatives import small_entries
from ..evidence.verification import Evidence
from ..problems import Problem
from ..values.sampling import least_sizes
from .writing import digest, state_of

FORMATS = ("md", "tex", "pdf", "py")  # what is written where nothing is asked for

_EXAMPLE = 1_000_000  # steps that an example may take
PAGES = ("md", "tex", "html", "pdf")  # a document, printed
CHOICES = (*FORMATS, "html", "svg", "ipynb", *LIBRARIES)
_ARRANGED = {*PAGES, "ipynb"}  # what a document is made for


@dataclass(frozen=True)
class Printing:
    """How a document is printed: ``markdown`` is its dialect, ``engine`` what makes the PDF.

    The LaTeX to paste has its title at the level ``section``, and ``color`` on demand.

    >>> Printing(markdown="jupyter").recorded()
    {'engine': 'typst', 'markdown': 'jupyter'}
    """

    engine: str = "typst"
    markdown: str = DIALECTS[0]
    section: int = 1
    color: bool = False

    def __post_init__(self) -> None:
        """Refuse what there is not."""
        MarkdownPrinter(self.markdown)
        checked_section(self.section)

    def recorded(self) -> dict[str, Any]:
        """Return what a certificate says of it: the engine, and what is not the usual."""
        found: dict[str, Any] = {"engine": self.engine}
        found.update({"markdown": self.markdown} if self.markdown != DIALECTS[0] else {})
        found.update({"section": self.section} if self.section != 1 else {})
        return found | ({"color": "yes"} if self.color else {})

    @classmethod
    def recalled(cls, options: Mapping[str, Any]) -> Printing:
        """Return it by the options of a certificate."""
        known = {n: options[n] for n in ("engine", "markdown", "section") if n in options}
        return cls(**known, color="color" in options)


PRINTING = Printing()


def entries_example(derivation: DerivedGradients) -> ExplicitExample:
    """Return every entry at sizes of 2 (more where a position needs it), as SymPy derives it.

    Raises NoEntriesError, which names the function, where one has no entries in SymPy, where
    entries have more places than a page has directions, and where every gradient is by free
    entries of a structure.
    """
    problem = derivation.problem
    if problem.has_tensors:
        raise NoEntriesError(
            "entries of tensors are not written out in documents",
            remedy="choose --style index or --style differential",
        )
    ambient = [n for n in derivation if n not in derivation.conventions]
    if not ambient:
        names = ", ".join(derivation)
        raise NoEntriesError(
            f"SymPy takes all entries of {names} as independent",
            remedy="choose --style index, or leave out --structured",
        )
    least = least_sizes([problem.objective])
    sizes = least.raised(dict.fromkeys(problem.dims, 2))
    entries = explicit_entries(problem, sizes, ambient)
    return explicit_example(entries, list(problem.upstream))


def matrix_example(jacobian: DerivativeMatrix) -> MatrixExample:
    """Return every entry of a Jacobian or a Hessian at sizes of 2, or why there is none."""
    found = jacobian.no_matrix or small_entries(jacobian)
    if isinstance(found, str):
        return MatrixExample({}, missing=found)
    turned = jacobian.layout == "denominator"
    matrix = turned_over(found.matrix) if turned else found.matrix
    return MatrixExample(found.sizes, found.values, found.value, matrix)


def document(
    derivation: DerivedGradients,
    evidence: Evidence,
    verdicts: Sequence[Verdict],
    manner: Manner,
    hessians: Sequence[DerivativeMatrix] = (),
    code: str = "",
) -> Document:
    """Return the document of a derivation, with everything that was computed for it.

    Its code is NumPy's, where it is not given.
    """
    problem = derivation.problem
    try:
        with allowed("an example with every entry", _EXAMPLE):
            explicit = entries_example(derivation)
    except (NoEntriesError, BudgetError):
        if manner.shows("entries"):
            raise
        explicit = None
    try:
        with allowed("a worked example", _EXAMPLE):
            whole = [h for h in hessians if h.has_matrix_form]
            example = worked_example(derivation, whole)
    except BudgetError:
        example = None
    return build(
        derivation,
        verdicts=verdicts,
        certificate=evidence.certificate,
        code=code or evidence.compiled.module.excerpt,
        manner=manner,
        explicit=explicit,
        example=example,
        meanings=problem.meanings,
        hessians=hessians,
        matrices=[matrix_example(h) for h in hessians] if manner.shows("entries") else (),
        numpy=one_line,
    )


def build_files(
    derivation: DerivedGradients,
    evidence: Evidence,
    verdicts: Sequence[Verdict],
    formats: Sequence[str] = FORMATS,
    manner: Manner = PLAIN,
    printing: Printing = PRINTING,
    *,
    hessians: Sequence[DerivativeMatrix] = (),
    asked: Mapping[str, Any] | None = None,
) -> dict[str, bytes]:
    """Return the files of a derivation by name; nothing is written here.

    ``asked`` are the options of the derivation that are not the usual ones.
    """
    files: dict[str, bytes] = {}
    whole = [h for h in hessians if h.has_matrix_form]
    modules = _library_modules(derivation, formats, whole)
    if _ARRANGED & set(formats):
        shown = _code_shown(formats, modules)
        page = document(derivation, evidence, verdicts, manner, hessians, shown)
        files.update(printed(page, formats, printing))
        files.update(_notebook(page, derivation, evidence) if "ipynb" in formats else {})
    if "svg" in formats:
        files[GRAPH_FILE] = GraphPicture(graph_of(derivation)).svg().encode()
    if "py" in formats:
        files.update(_code(derivation, evidence))
    files.update(_library_files(derivation, evidence, modules))
    digests = {name: digest(content) for name, content in files.items()}
    certificate = replace(
        evidence.certificate,
        files=digests,
        options={
            "formats": list(formats),
            "style": manner.style,
            **manner.recorded(),
            **({"cotangent": manner.cotangent} if manner.cotangent != "d" else {}),
            **({"exercise": "yes"} if manner.exercise else {}),
            **printing.recorded(),
            **(asked or {}),
        },
    )
    files["certificate.json"] = certificate.to_json().encode()
    return files


def printed(
    page: Document, formats: Sequence[str], printing: Printing, stem: str = "derivation"
) -> dict[str, bytes]:
    """Return a document in those of the formats that are pages, by file name."""
    files: dict[str, bytes] = {}
    tell("writing the documents")
    if "md" in formats:
        files[f"{stem}.md"] = markdown(page, printing.markdown).encode()
        files.update(graph_files(page))
    if "tex" in formats:
        body = latex_body(page, printing.section, color=printing.color)
        files |= {f"{stem}.tex": latex(page).encode(), f"{stem}-body.tex": body.encode()}
    if "html" in formats:
        files[f"{stem}.html"] = html(page).encode()
    if "pdf" in formats:
        tell("making the PDF")
        files[f"{stem}.pdf"] = pdf(page, engine=printing.engine)
    return files


def _code(derivation: DerivedGradients, evidence: Evidence) -> dict[str, bytes]:
    """Return the module and its test."""
    module = evidence.compiled.module
    test = source_of_test(derivation, module, evidence.box.positive, evidence.box.scale)
    return {f"{module.name}.py": module.source.encode(), f"test_{module.name}.py": test.encode()}


def _library_modules(
    derivation: DerivedGradients,
    formats: Sequence[str],
    matrices: Sequence[DerivativeMatrix],
) -> dict[str, LibraryModule]:
    """Return the modules for the array libraries that are asked for, by library."""
    asked = [f for f in formats if f in LIBRARIES]
    return {f: LIBRARIES[f](derivation, matrices=matrices) for f in asked}


def _code_shown(formats: Sequence[str], modules: Mapping[str, LibraryModule]) -> str:
    """Return the code that a document shows, where that is not NumPy's: what is asked for first."""
    asked = [f for f in formats if f == "py" or f in modules]
    return modules[asked[0]].excerpt if asked and asked[0] in modules else ""


def _library_files(
    derivation: DerivedGradients, evidence: Evidence, modules: Mapping[str, LibraryModule]
) -> dict[str, bytes]:
    """Return the modules for array libraries, each with its test."""
    files: dict[str, bytes] = {}
    for library, module in modules.items():
        box, numpy = evidence.box, evidence.compiled.module
        write = TESTS[library]
        test = write(derivation, module, numpy, box.positive, box.scale)
        files |= {f"{module.name}.py": module.source.encode()}
        files |= {f"test_{module.name}.py": test.encode()}
    return files


def _notebook(page: Document, derivation: DerivedGradients, evidence: Evidence) -> dict[str, bytes]:
    """Return a document as a notebook, with the module, its check and its values as code."""
    module, box = evidence.compiled.module, evidence.box
    cells = cells_of(module, *source_of_check(derivation, module, box.positive, box.scale))
    return {"derivation.ipynb": notebook(page, cells).encode()}


def _jacobian_page(
    jacobian: DerivativeMatrix, evidence: Evidence, manner: Manner, code: str
) -> Document:
    """Return the document of a Jacobian, with everything that was computed for it."""
    try:
        with allowed("a worked example", _EXAMPLE):
            example = worked_jacobian(jacobian)
    except BudgetError:
        example = None
    scribe = MatrixScribe(jacobian, jacobian.problem.meanings, manner)
    scribe.numpy = one_line
    code = code or evidence.compiled.module.excerpt
    entries = matrix_example(jacobian) if manner.shows("entries") else None
    known = (evidence.certificate, code, example)
    return jacobian_document(scribe, jacobian, *known, manner, entries)


def matrix_files(
    jacobian: DerivativeMatrix,
    derivation: DerivedGradients,
    evidence: Evidence,
    formats: Sequence[str],
    printing: Printing = PRINTING,
    manner: Manner = PLAIN,
) -> dict[str, bytes]:
    """Return the documents of a Jacobian or a Hessian, its code and its certificate by name."""
    certificate = evidence.certificate
    files: dict[str, bytes] = {}
    modules = _library_modules(derivation, formats, [jacobian])
    if _ARRANGED & set(formats):
        shown = _code_shown(formats, modules)
        if jacobian.is_hessian:
            page = document(derivation, evidence, (), manner, [jacobian], shown)
        else:
            page = _jacobian_page(jacobian, evidence, manner, shown)
        files.update(printed(page, formats, printing))
        files.update(_notebook(page, derivation, evidence) if "ipynb" in formats else {})
    if "py" in formats:
        files.update(_code(derivation, evidence))
    files.update(_library_files(derivation, evidence, modules))
    asked = {"kind": jacobian.kind, "layout": jacobian.layout, "wrt": list(jacobian.variables)}
    whole = replace(
        certificate,
        files={name: digest(content) for name, content in files.items()},
        options={"formats": list(formats), **manner.recorded(), **printing.recorded(), **asked},
    )
    files["certificate.json"] = whole.to_json().encode()
    return files


def scribe_of(problem: Problem) -> Scribe:
    """Return what writes about a problem, whose objective may be a vector or a matrix."""
    if problem.objective.shape == SCALAR:
        return Scribe(DerivedGradients(problem), problem.meanings)
    name = problem.wrt[0] if problem.wrt else next(iter(problem.variables))
    posed = jacobian_of(problem, name).posed
    return Scribe(DerivedGradients(posed, [name]), problem.meanings)


# What one machine measures, and another may not.
_MEASURED = ("versions", "backends")


def _comparable(key: str, value: Any) -> Any:
    if key in _MEASURED:
        return None
    if key == "differences" and isinstance(value, list):
        return [_unmeasured(d) for d in value]
    return value


def _unmeasured(difference: Any) -> Any:
    if not isinstance(difference, dict):
        return difference
    return {k: v for k, v in difference.items() if k != "error"}


def differing(folder: Path, data: Mapping[str, Any], files: Mapping[str, bytes]) -> list[str]:
    """Return what does not match: parts of the certificate, and files."""
    fresh = json.loads(files["certificate.json"])
    found = [
        f"{key} of the certificate is not what is found now"
        for key in fresh
        if _comparable(key, data.get(key)) != _comparable(key, fresh[key])
    ]
    for name in sorted({*files, *data.get("files", {})} - {"certificate.json"}):
        if name not in files:
            found.append(f"{shortened(name)} is listed, and not written from this derivation")
        elif state := state_of(folder / name, files[name]):
            found.append(f"{name} {state}")
    return found
