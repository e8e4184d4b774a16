"""Sheets: files of claims about many problems, TOML or JSON lines, to claims with their problems.

Contract: a file that is not as documented is refused; of a claim whose problem cannot be read, the
reason is kept, and the others are still checked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..claims import about_text
from ..claims.latex_claims import stated
from ..core.errors import InputError, ProblemFileError, SymderivError
from ..problems import ClaimText, Problem, load_file
from ..problems.file_schema import (
    FORMULA,
    IDENTIFIER,
    SENTENCE,
    Choice,
    EntryGrammar,
    Named,
    Several,
    Table,
    Tables,
)
from ..problems.posing import PosingCall, is_file_name, load, names_problem
from ..problems.posing import stated as stated_in
from ..problems.syntaxes import LATEX, PYTHON
from ..problems.toml_tables import FileText, parse_json, parse_toml, read_text

_TABLE = "check"
_EXAMPLE = 'write [[check]] with problem = "L(X @ W)", wrt = "W" and claim = "X.T @ G"'
_CHECK = Table(
    {
        "name": SENTENCE,
        "problem": FORMULA,
        "upstream": IDENTIFIER,
        "syntax": SENTENCE,
        "wrt": IDENTIFIER,
        "about": FORMULA,
        "question": SENTENCE,
        "claim": Several(FORMULA, 'claim = "X.T @ G"', what="formulas", alone=True, least=1),
        "order": Choice((1, 2), "2 means that the Hessian is claimed"),
        "variables": Named(FORMULA),
    },
    {
        "problem": ("a check has no 'problem'", _EXAMPLE),
        "claim": ("a check has no 'claim'", _EXAMPLE),
    },
)
_SHEET = Table({"title": SENTENCE, _TABLE: Tables(_CHECK, "write [[check]]")})


@dataclass(frozen=True, slots=True)
class Asked:
    """A claim about a problem; where they could not be read, the reason."""

    name: str
    problem: Problem | None
    claim: ClaimText
    refusal: str = ""
    label: str = ""  # the name, where the sheet gives one


def is_sheet(source: str) -> bool:
    """Return whether an argument of the command line names a file of claims."""
    return is_file_name(source) or source.endswith(".jsonl")


def read_sheet(path: Path) -> list[Asked]:
    """Return the claims of a problem file, a sheet or a file of JSON lines.

    Raises ProblemFileError.
    """
    source = read_text(path)
    document = FileText(path.name, source)
    if path.suffix == ".jsonl":
        return _Sheet(path).all(list(_lines(document)))
    data = parse_toml(source, path.name)
    if _TABLE in data:
        at = EntryGrammar(document)
        checks = _SHEET.read(data, at)[_TABLE]
        return _Sheet(path).all([(at.inside(_TABLE).inside(k), c) for k, c in enumerate(checks)])
    return of_problem(load_file(path))


def _lines(document: FileText) -> Iterator[tuple[EntryGrammar, dict[str, Any]]]:
    """Return the objects of a file of JSON lines, each with its place."""
    for number, line in enumerate(document.source.split("\n"), 1):
        if line.strip():
            found = parse_json(line, document.name, number)
            at = EntryGrammar(FileText(f"{document.name}: line {number}"))
            if not isinstance(found, dict):
                raise at.fail("this is no object", '{"problem": .., "claim": ..}')
            yield at, _CHECK.read(found, at)


def asked_about(
    problem: Problem,
    lines: Sequence[str],
    *,
    wrt: str | None = None,
    about: str | None = None,
    order: int = 1,
    syntax: str = PYTHON.name,
) -> list[Asked]:
    """Return a claim about a problem; one in LaTeX may be several, as its left-hand sides say.

    Several lines are a chain. ``@FILE`` stands for the lines of a file, in LaTeX for all of it.
    """
    asked = about or (about_text(problem, wrt, order) if wrt is not None else "")
    says = tuple(says for line in lines for says in _lines_of(line, syntax == LATEX.name))
    claims = stated(problem, ClaimText(asked, says, syntax=syntax))
    return [Asked(problem.name, problem, one) for one in claims]


def _lines_of(claim: str, whole: bool) -> list[str]:
    """Return a claim, or the lines of a file of claims without blank ones and comments."""
    if whole and claim.endswith(".tex") and "\n" not in claim:
        claim = f"@{claim.removeprefix('@')}"
    if not claim.startswith("@"):
        return [claim]
    path = Path(claim[1:])
    source = read_text(path)
    if whole:
        return [source]
    lines = [line.partition("#")[0].strip() for line in source.splitlines()]
    if not any(lines):
        raise InputError(f"{path} holds no line", remedy="write one formula on each line")
    return [line for line in lines if line]


def of_problem(problem: Problem) -> list[Asked]:
    """Return the claims that a problem brings; raises InputError where it has none."""
    if not problem.claims:
        raise InputError(
            f"{problem.name}: there is no claim to check",
            remedy='give one: --wrt W --claim "X.T @ G", or [[claims]] in its file',
        )
    claims = [one for claim in problem.claims for one in stated(problem, claim)]
    return [Asked(f"{problem.name} {k}", problem, claim) for k, claim in enumerate(claims, 1)]


class _Sheet:
    """Reads the claims of a sheet; a problem that several share is read once."""

    def __init__(self, path: Path) -> None:
        self.stem, self.folder = path.stem, path.parent
        self._posed: dict[str, Problem | SymderivError] = {}

    def all(self, entries: list[tuple[EntryGrammar, dict[str, Any]]]) -> list[Asked]:
        """Return the claims of some entries, each with its place in the sheet."""
        if not entries:
            raise ProblemFileError(f"{self.stem}: there is no claim to check", remedy=_EXAMPLE)
        return [self._one(e, at, number) for number, (at, e) in enumerate(entries, 1)]

    def _one(self, entry: Mapping[str, Any], at: EntryGrammar, number: int) -> Asked:
        if ("wrt" in entry) == ("about" in entry):
            raise at.fail(
                f"check {number} needs wrt or about, and not both",
                'wrt = "W", or about = "dL/dW[p, q]"',
            )
        says, order = tuple(entry["claim"]), entry.get("order", 1)
        syntax = entry.get("syntax", PYTHON.name)
        label = entry.get("name", "")
        name = label or f"{self.stem} {number}"
        about = entry.get("about", "")
        try:
            problem = self._problem(entry, syntax)
            about = about or about_text(problem, entry["wrt"], order)
        except SymderivError as error:
            asked = about or f"d{entry['wrt']}"
            return Asked(name, None, ClaimText(asked, says), str(error), label)
        claim = ClaimText(about, says, entry.get("question", ""), syntax)
        return Asked(name, problem, claim, label=label)

    def _problem(self, entry: Mapping[str, Any], syntax: str) -> Problem:
        """Return the problem of a claim: a text, a ready-made one, or a file beside this one."""
        variables = entry.get("variables", {})
        key = repr((entry["problem"], variables, entry.get("upstream"), syntax))
        if key not in self._posed:
            try:
                self._posed[key] = self._read(entry, variables, syntax)
            except SymderivError as error:
                self._posed[key] = error
        found = self._posed[key]
        if isinstance(found, SymderivError):
            raise found
        return found

    def _read(self, entry: Mapping[str, Any], variables: dict[str, str], syntax: str) -> Problem:
        written: str = entry["problem"]
        if is_file_name(written):
            return load_file(self._beside(written))
        if names_problem(written):
            return load(written)
        return stated_in(written, PosingCall(variables, {}, syntax, {}, entry.get("upstream")))

    def _beside(self, written: str) -> Path:
        """Return the file that a sheet names; it stands in the folder of the sheet, or below it."""
        inside = Path(written)
        path = self.folder / inside
        if inside.is_absolute() or not path.resolve().is_relative_to(self.folder.resolve()):
            raise ProblemFileError(
                f"{written} is not in the folder of the sheet",
                remedy="put the file of the problem beside it",
            )
        return path
