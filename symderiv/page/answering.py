"""What the page asks, as plain data; the answer, as plain data with formulas as MathML.

Contract: nothing that is asked is code, names a file or is run; what cannot be read is an answer
that says where and what to write. Needs neither NumPy nor a network: it runs in a browser as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..claims.checker import Checker
from ..claims.latex_claims import stated as stated_in_latex
from ..claims.targets import about_text
from ..codegen.libraries import LIBRARIES, TARGETS
from ..codegen.module import module_of
from ..codegen.numpy_code import one_line
from ..core.errors import InputError, SymderivError
from ..core.plaintext import shortened
from ..core.shapes import SCALAR, Shape, describe
from ..derivation.derivations import DerivedGradients, Gradient
from ..derivation.jacobians import DerivativeMatrix, hessian_of, jacobian_of
from ..documents.first_page import result_boxes
from ..documents.lemma_pages import lemma_section
from ..documents.manner import Manner
from ..documents.matrix_sections import MatrixScribe
from ..documents.model import Block, Heading, Paragraph, StepTable
from ..documents.outputs_shown import jacobian_box
from ..documents.proof import Proof
from ..documents.questions import questions
from ..documents.symbols_shown import Scribe
from ..documents.web import part
from ..entries.compare import compare_all
from ..notation.latex import latex
from ..notation.unicode import unicode
from ..ops.written import Writer
from ..problems import ClaimText, Problem
from ..problems.declarations import parse_var_options
from ..problems.library import GROUPS, load_named
from ..problems.posing import PosingCall, stated
from ..problems.syntaxes import PYTHON

_LONGEST = 20_000  # characters of a text that is asked about
KINDS = ("gradient", "jacobian", "hessian")
STYLES = ("index", "differential")


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: about which problem, and what of it."""

    what: str = ""  # a key of ``ANSWERS``
    text: str = ""  # the problem, in the language
    variables: str = ""  # its declarations, a line each
    upstream: str = ""
    name: str = ""  # of the variable, or of a ready-made problem
    kind: str = "gradient"
    style: str = "index"
    claim: str = ""
    syntax: str = "python"  # of the claim
    target: str = "numpy"  # what code is written for

    @classmethod
    def read(cls, asked: object) -> Question:
        """Return a question from plain data; raises InputError."""
        fields = set(cls.__slots__)
        if not isinstance(asked, Mapping) or not set(asked) <= fields:
            raise InputError("the question has another field", remedy=", ".join(sorted(fields)))
        for name, value in asked.items():
            if not isinstance(value, str) or len(value) > _LONGEST:
                raise InputError(f"the {name} is {shortened(value)}, not a short text")
        found = cls(**asked)
        for value, there in (
            (found.what, tuple(ANSWERS)),
            (found.kind, KINDS),
            (found.style, STYLES),
            (found.syntax, ("python", "latex")),
            (found.target, TARGETS),
        ):
            if value not in there:
                raise InputError(f"there is no {shortened(value)}", remedy=", ".join(there))
        return found

    @property
    def problem(self) -> Problem:
        """Return the problem that the text and the declarations state."""
        lines = [line for line in self.variables.splitlines() if line.strip()]
        call = PosingCall(parse_var_options(lines), {}, PYTHON.name, {}, self.upstream or None)
        return stated(self.text, call)

    def matrix(self, name: str) -> DerivativeMatrix:
        """Return the Jacobian or the Hessian by one variable."""
        return (hessian_of if self.kind == "hessian" else jacobian_of)(self.problem, name)


def answer(asked: object) -> dict[str, Any]:
    """Return what is asked for, or the error that says why there is nothing.

    >>> answer({"what": "derive", "text": "x.T @ A @ x", "name": "x"})["results"][0]["text"]
    '(A + A.T) @ x'
    >>> answer({"what": "read", "text": "X @ Y +"})["error"]["start"]
    6
    """
    try:
        question = Question.read(asked)
        return {"ok": True, **ANSWERS[question.what](question)}
    except SymderivError as error:
        return {"ok": False, "error": _refusal(error)}
    except RecursionError:
        return {"ok": False, "error": {"message": "this is nested too deeply", "remedy": ""}}


def _refusal(error: SymderivError) -> dict[str, Any]:
    """Return an error with its place, so that the page can mark it."""
    found: dict[str, Any] = {
        "kind": type(error).__name__,
        "message": error.subject,
        "remedy": error.remedy,
    }
    if error.span is not None:
        s = error.span
        found |= {"source": s.text, "line": s.line, "start": s.start, "stop": s.stop}
        found["shown"] = s.render()
    return found


def _shape(shape: Shape) -> str:
    return describe(shape).replace(" x ", " × ")


def read(question: Question) -> dict[str, Any]:
    """Return the names of a problem with their shapes, as far as they are known while typing."""
    p = question.problem
    names = [
        {"name": v.name, "shape": _shape(v.shape), "inferred": v.inferred, "by": v.name in p.wrt}
        for v in p.variables.values()
    ]
    names += [{"name": g, "shape": _shape(p.given(g).shape), "given": True} for g in p.upstream]
    names += [
        {"name": n, "shape": _shape(x.shape), "defined": True} for n, x in p.definitions.items()
    ]
    scalar = p.objective.shape == SCALAR
    kinds = ("gradient", "hessian") if scalar else ("jacobian",)
    return {"names": names, "value": _shape(p.objective.shape), "kinds": list(kinds)}


def derive(question: Question) -> dict[str, Any]:
    """Return gradients, or a Jacobian or a Hessian, in all their forms."""
    if question.kind != "gradient":
        matrix = question.matrix(question.name or question.problem.wrt[0])
        return {"html": part((jacobian_box(matrix),)), "results": [_forms(matrix)]}
    derivation = _gradients(question)
    scribe = Scribe(derivation, derivation.problem.meanings)
    scribe.numpy = one_line
    results = [_forms(g) for g in derivation.values()]
    return {"html": part(tuple(result_boxes(scribe))), "results": results}


def _gradients(question: Question) -> DerivedGradients:
    problem = question.problem
    names = [n.strip() for n in question.name.split(",") if n.strip()]
    return DerivedGradients(problem, names or None)


def _forms(found: Gradient | DerivativeMatrix) -> dict[str, str]:
    """Return a derivative as text of each kind that is copied."""
    written = Writer(names=found.problem.taken)(found.expr)
    return {
        "name": found.name,
        "text": found.text,
        "latex": latex(written, dialect="amsmath"),
        "unicode": unicode(written),
    }


def steps(question: Question) -> dict[str, Any]:
    """Return the derivation in one style, the functions that it uses defined before."""
    if question.kind != "gradient":
        return _matrix_steps(question)
    derivation = _gradients(question)
    proof = Proof(Scribe(derivation, derivation.problem.meanings))
    if question.style == "differential":
        proof = Proof(Scribe(derivation, derivation.problem.meanings, "bar"))
        blocks = proof.by_differentials("")
    else:
        blocks = [*lemma_section(proof, (), lambda: ""), *proof.blocks("")]
    return {"html": part(_numbered(blocks)), "checked": derivation.recheck()}


def _matrix_steps(question: Question) -> dict[str, Any]:
    """Return the derivation of a Jacobian or a Hessian; why there is none by differentials."""
    matrix = question.matrix(question.name or question.problem.wrt[0])
    style = "differential" if question.style == "differential" else "index"
    proof = Proof(MatrixScribe(matrix, matrix.problem.meanings, Manner(style)))
    count, why = matrix.recheck(), matrix.not_identified
    if style == "differential" and why:
        none = Paragraph((f"There is none by differentials: {why}.",))
        return {"html": part((none,)), "checked": count}
    shown = matrix.identified.steps if style == "differential" else matrix.own_steps
    blocks = [*lemma_section(proof, (), lambda: ""), StepTable(proof.lines(shown))]
    return {"html": part(tuple(blocks)), "checked": count}


def _numbered(blocks: Sequence[Block]) -> tuple[Block, ...]:
    """Return blocks with the numbers of their sections in the one section that there is."""
    return tuple(
        replace(b, number=b.number.lstrip(".")) if isinstance(b, Heading) else b for b in blocks
    )


def check(question: Question) -> dict[str, Any]:
    """Return how gradients compare with those that SymPy finds entry by entry at small sizes."""
    derivation = _gradients(question)
    found = compare_all(derivation.problem, {n: g.expr for n, g in derivation.items()})
    wrong = [n for n, c in found.items() if c.mismatch is not None]
    entries = sum(c.entries for c in found.values())
    return {"entries": entries, "disagree": wrong}


def code(question: Question) -> dict[str, Any]:
    """Return a module with the forward and the backward pass, for NumPy, PyTorch or JAX."""
    write = LIBRARIES.get(question.target, module_of)
    return {"code": write(_gradients(question)).source}


def claim(question: Question) -> dict[str, Any]:
    """Return whether a claimed derivative is right; if not, why."""
    problem = question.problem
    order = 2 if question.kind == "hessian" else 1
    about = about_text(problem, question.name, order) if question.name else ""
    text = ClaimText(about, (question.claim,), syntax=question.syntax)
    checker = Checker(problem)
    claims = stated_in_latex(problem, text) if question.syntax == "latex" else [text]
    verdicts = [checker.check(c) for c in claims]
    scribe = _scribe(question, problem)
    blocks = questions(scribe, verdicts, lambda: "")
    return {"html": part(tuple(blocks)), "verdicts": [v.verdict for v in verdicts]}


def _scribe(question: Question, problem: Problem) -> Scribe:
    if problem.objective.shape == SCALAR:
        return Scribe(DerivedGradients(problem), problem.meanings)
    posed = jacobian_of(problem, question.name or problem.wrt[0]).posed
    return Scribe(DerivedGradients(posed, [question.name or problem.wrt[0]]), problem.meanings)


def examples(_: Question) -> dict[str, Any]:
    """Return the ready-made problems by their groups."""
    groups = [
        {"group": group, "problems": [{"name": n, "title": load_named(n).title} for n in names]}
        for group, names in GROUPS.items()
    ]
    return {"groups": groups}


def example(question: Question) -> dict[str, Any]:
    """Return a ready-made problem as it is typed."""
    p = load_named(question.name)
    lines = [f"{v.name}: {v.declared}" for v in p.variables.values()]
    lines += [f"{n}: loss" for n in p.declared.losses]
    lines += [f"{n}: entrywise" for n in p.declared.entrywise]
    upstream = next(iter(p.upstream), "")
    said = {"text": p.text, "variables": "\n".join(lines), "upstream": upstream}
    return {**said, "title": p.title, "wrt": list(p.wrt)}


ANSWERS: dict[str, Callable[[Question], dict[str, Any]]] = {
    "read": read,
    "derive": derive,
    "steps": steps,
    "check": check,
    "code": code,
    "claim": claim,
    "examples": examples,
    "example": example,
}
