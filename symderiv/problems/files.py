"""Problem files (TOML): read by their grammar, every error with the file and the entry."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.errors import LanguageError
from .declarations import Declarations
from .file_schema import (
    FORMULA,
    IDENTIFIER,
    PROBLEM_NAME,
    SENTENCE,
    Choice,
    EntryGrammar,
    Named,
    Several,
    Table,
    Tables,
)
from .problem import ClaimText, Problem, build
from .sentences import named_after
from .toml_tables import FileText, parse_toml, read_text

ORDER = Choice((1, 2), "1 asks for gradients, 2 for Hessians too")
_NAMES = Several(IDENTIFIER, 'wrt = ["W", "b"]', alone=True, least=1)
_OBJECTIVE = Table(
    {"value": FORMULA, "wrt": _NAMES, "order": ORDER},
    {"value": ("there is no objective", 'write [objective] and value = "L(Z)"')},
)
_LINES = Several(FORMULA, 'says = ["..", ".."]', what="formulas", alone=True, least=1)
_CLAIM = Table({"about": FORMULA, "says": _LINES, "latex": _LINES, "question": SENTENCE})
_STACK = Table(
    {
        "input": IDENTIFIER,
        "output": IDENTIFIER,
        "shared": Several(IDENTIFIER, 'shared = ["M"]'),
    }
)
PROBLEM = Table(
    {
        "title": SENTENCE,
        "name": PROBLEM_NAME,
        "question": SENTENCE,
        "upstream": IDENTIFIER,
        "source": SENTENCE,
        "variables": Named(FORMULA),
        "definitions": Named(FORMULA),
        "objective": _OBJECTIVE,
        "claims": Tables(_CLAIM, "write [[claims]]"),
        "meaning": Named(SENTENCE),
        "stack": _STACK,
    },
    {"objective": ("there is no objective", 'write [objective] and value = "L(Z)"')},
)


def load_text(source: str, name: str) -> Problem:
    """Return the problem of a TOML text; ``name`` is what errors and outputs call it."""
    at = EntryGrammar(FileText(name, source))
    return _posed(PROBLEM.read(parse_toml(source, name), at), at)


def load_file(path: Path) -> Problem:
    """Return the problem of a TOML file; raises ProblemFileError."""
    return load_text(read_text(path), path.stem)


def _posed(data: Mapping[str, Any], at: EntryGrammar) -> Problem:
    objective, meaning = data["objective"], data.get("meaning", {})
    definitions = data.get("definitions", {})
    for name, value in definitions.items():
        if "\n" in value.strip() or ";" in value:
            inner = at.inside("definitions").inside(name)
            raise inner.fail(f"definitions.{name} holds several statements", "one expression each")
    lines = [*(f"{k} = {v}" for k, v in definitions.items()), objective["value"]]
    try:
        return build(
            "\n".join(lines),
            _declared(data.get("variables", {}), meaning),
            wrt=objective.get("wrt"),
            title=data.get("title", ""),
            name=data.get("name") or named_after(at.document.name),
            upstream=data.get("upstream"),
            claims=_claims(data.get("claims", []), at.inside("claims")),
            meanings=meaning,
            question=data.get("question", ""),
            source_note=data.get("source", ""),
            order=objective.get("order", 1),
            stack=data.get("stack", {}),
        )
    except LanguageError as error:
        error.subject = f"{at.document.name}: {error.subject}"
        raise


def _declared(variables: Mapping[str, str], meaning: Mapping[str, str]) -> Declarations:
    declared = Declarations()
    for name, shape in variables.items():
        declared.declare(name, shape, meaning.get(name, ""))
    return declared


def _claims(entries: list[dict[str, Any]], at: EntryGrammar) -> list[ClaimText]:
    return [_claim(entry, at.inside(k)) for k, entry in enumerate(entries)]


def _claim(claim: Mapping[str, Any], at: EntryGrammar) -> ClaimText:
    latex = "latex" in claim
    if latex and "says" in claim:
        raise at.fail("a claim has 'says' and 'latex'", "write one of them", "latex")
    for key in ("about", "says"):
        # The left-hand side of an equation in LaTeX can say what it is about.
        if key not in claim and not latex:
            raise at.fail(f"a claim has no {key!r}", 'about = "dL/dW"')
    says = tuple(claim["latex" if latex else "says"])
    syntax = "latex" if latex else "python"
    return ClaimText(claim.get("about", ""), says, claim.get("question", ""), syntax)
