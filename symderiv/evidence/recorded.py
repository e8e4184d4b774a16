"""Takes the file of a certificate, which anybody may have written; returns the problem it is about.

Contract: an entry that is not as documented raises an error that names it; nothing else that stands
there is trusted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import InputError, ProblemFileError, SymderivError
from ..derivation.jacobians import LAYOUTS
from ..derivation.structured import CONVENTIONS
from ..problems import ClaimText, Problem
from ..problems.declarations import Declarations
from ..problems.file_schema import (
    FORMULA,
    IDENTIFIER,
    PROBLEM_NAME,
    SENTENCE,
    Choice,
    EntryGrammar,
    Grammar,
    Named,
    Several,
    Table,
    Tables,
    Text,
)
from ..problems.problem import build
from ..problems.toml_tables import FileText, parse_json, read_text

_REMEDY = "write one with: symderiv derive .. -o FOLDER"
_ORDER = Choice((1, 2), "there are 1 and 2")
_NAMES = Several(IDENTIFIER, '["W", "b"]')
_CLAIM = Table(
    {
        "about": FORMULA,
        "says": Several(FORMULA, '["X.T @ G"]', what="formulas", least=1),
        "question": SENTENCE,
        "syntax": SENTENCE,
    },
    {"about": ("a claim is about nothing", _REMEDY), "says": ("a claim says nothing", _REMEDY)},
)
_PROBLEM: dict[str, Grammar] = {
    "name": PROBLEM_NAME,
    "title": SENTENCE,
    "text": FORMULA,
    "variables": Named(FORMULA),
    "losses": _NAMES,
    "entrywise": _NAMES,
    "upstream": _NAMES,
    "meanings": Named(SENTENCE),
    "wrt": _NAMES,
    "claims": Tables(_CLAIM, _REMEDY),
    "question": SENTENCE,
    "source": SENTENCE,
    "order": _ORDER,
}
_OPTIONS: dict[str, Grammar] = {
    "formats": Several(SENTENCE, '["md", "py"]', what="formats", least=1),
    "style": SENTENCE,
    "lemmas": SENTENCE,
    "cotangent": SENTENCE,
    "exercise": Choice(("yes",), "it is yes, or not there"),
    "engine": Choice(("typst", "latexmk"), "there are typst and latexmk"),
    "markdown": Choice(("github", "jupyter", "portable"), "there are github, jupyter and portable"),
    "section": Choice((0, 1, 2, 3, 4, 5), "there are 0 to 5"),
    "color": Choice(("yes",), "it is yes, or not there"),
    "structured": Choice(CONVENTIONS, f"there are: {', '.join(CONVENTIONS)}"),
    "order": _ORDER,
    "wrt": Several(IDENTIFIER, '["W", "b"]', least=1),
    "kind": Choice(("jacobian", "hessian"), "there are jacobian and hessian"),
    "layout": Choice(LAYOUTS, f"there are: {', '.join(LAYOUTS)}"),
}


class _Anything:
    """What is only compared with what is found."""

    def read(self, value: object, at: EntryGrammar) -> Any:
        return value


_COMPARED = (
    *"format gradients roads steps exact differences backends claims versions symbols".split(),
    "left out",
)
_FILE = Text(lambda value, what: str(value))
_GRAMMAR = Table(
    {
        "problem": Table(
            _PROBLEM, {name: (f"the problem has no {name!r}", _REMEDY) for name in _PROBLEM}
        ),
        "options": Table(_OPTIONS),
        "files": Named(_FILE, key=_FILE),
        **dict.fromkeys(_COMPARED, _Anything()),
    },
    {"problem": ("there is no problem in it", _REMEDY)},
)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a certificate is about: a problem, by what it is differentiated, and how."""

    problem: Problem
    wrt: Sequence[str]
    options: Mapping[str, Any]
    data: Mapping[str, Any]


def read_certificate(path: Path) -> Recorded:
    """Return what a certificate is about; raises InputError, or ProblemFileError for an entry."""
    try:
        source = read_text(path)
    except ProblemFileError as error:
        raise InputError(
            f"{path} cannot be read as a certificate: {error.subject}", remedy=_REMEDY
        ) from None
    return recorded(parse_json(source, path.name), str(path))


def recorded(found: object, name: str) -> Recorded:
    """Return what the data of a certificate are about; ``name`` is what errors call it."""
    data = _GRAMMAR.read(
        found, EntryGrammar(FileText(f"{name} is not a certificate of this program"))
    )
    try:
        problem = _posed(data["problem"])
    except SymderivError as error:
        error.subject = f"{name}: {error.subject}"
        raise
    options = data.get("options", {})
    return Recorded(problem, options.get("wrt", list(problem.wrt)), options, data)


def _posed(p: Mapping[str, Any]) -> Problem:
    declared = Declarations()
    for name in p["losses"]:
        declared.declare(name, "loss")
    for name in p["entrywise"]:
        declared.declare(name, "entrywise")
    for name, shape in p["variables"].items():
        declared.declare(name, shape, p["meanings"].get(name, ""))
    claims = [
        ClaimText(c["about"], tuple(c["says"]), c.get("question", ""), c.get("syntax", "python"))
        for c in p["claims"]
    ]
    return build(
        p["text"],
        declared,
        wrt=p["wrt"],
        title=p["title"],
        name=p["name"],
        upstream=_upstream(p["upstream"]),
        claims=claims,
        meanings={k: v for k, v in p["meanings"].items() if k not in p["variables"]},
        question=p["question"],
        source_note=p["source"],
        order=p["order"],
    )


def _upstream(given: Sequence[str]) -> str | None:
    """Return the name that given gradients were asked for by: dZ of dZ, and of dZ1, dZ2."""
    if not given:
        return None
    return given[0] if len(given) == 1 else given[0].removesuffix("1")
