"""Sheets: files of claims about many problems, TOML or JSON lines, to claims with their problems.

Contract: a file that is not as documented is refused; of a claim whose problem cannot be read, the
reason is kept, and the others are still checked.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..claims import about_text
from ..claims.stated import stated
from ..errors import InputError, ProblemFileError, SymderivError
from ..language import ClaimText, Problem, load_file
from ..language.declarations import Declarations
from ..language.problem import build
from ..language.syntaxes import PYTHON
from ..language.tables import TableReader, read_text
from ..library import load_named
from ..library import names as ready_made

_TABLE = "check"
_TOP = ("title", _TABLE)
_TEXTS = ("name", "problem", "upstream", "syntax", "wrt", "about", "question")
_KEYS = (*_TEXTS, "claim", "order", "variables")
_EXAMPLE = '[[check]] with problem = "L(X @ W)", wrt = "W" and claim = "X.T @ G"'


@dataclass(frozen=True, slots=True)
class Asked:
    """A claim about a problem; where they could not be read, the reason."""

    name: str
    problem: Problem | None
    claim: ClaimText
    refusal: str = ""


def is_sheet(source: str) -> bool:
    """Return whether an argument of the command line names a file of claims."""
    return source.endswith((".toml", ".jsonl"))


def read_sheet(path: Path) -> list[Asked]:
    """Return the claims of a problem file, a sheet or a file of JSON lines.

    Raises ProblemFileError.
    """
    source = read_text(path)
    if path.suffix == ".jsonl":
        return _Sheet(path, source).lines()
    try:
        data = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        raise ProblemFileError(f"{path.name} is not TOML: {error}") from None
    if _TABLE in data:
        return _Sheet(path, source).tables(data)
    return of_problem(load_file(path))


def of_problem(problem: Problem) -> list[Asked]:
    """Return the claims that a problem brings; raises InputError where it has none."""
    if not problem.claims:
        raise InputError(
            f"{problem.name}: there is no claim to check",
            remedy='give one: --wrt W --claim "X.T @ G", or [[claims]] in its file',
        )
    claims = [one for claim in problem.claims for one in stated(problem, claim)]
    return [Asked(f"{problem.name} {k}", problem, claim) for k, claim in enumerate(claims, 1)]


class _Sheet(TableReader):
    def __init__(self, path: Path, source: str) -> None:
        super().__init__(path.name, source)
        self.folder = path.parent
        self._posed: dict[str, Problem | SymderivError] = {}

    def tables(self, data: Mapping[str, Any]) -> list[Asked]:
        """Return the claims of the tables ``[[check]]``."""
        self._keys(data, _TOP, "the file")
        entries = data[_TABLE]
        if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
            raise self._fail(f"{_TABLE} is not a list of tables", "write [[check]]", _TABLE)
        return self._all(entries)

    def lines(self) -> list[Asked]:
        """Return the claims of the lines of a file, each an object."""
        return self._all(list(self._objects()))

    def _objects(self) -> Iterator[dict[str, Any]]:
        for number, line in enumerate(self.source.split("\n"), 1):
            if not line.strip():
                continue
            try:
                found = json.loads(line)
            except ValueError as error:
                raise self._fail(f"line {number} is not JSON: {error}") from None
            if not isinstance(found, dict):
                raise self._fail(f"line {number} is no object", '{"problem": .., "claim": ..}')
            yield found

    def _all(self, entries: list[dict[str, Any]]) -> list[Asked]:
        if not entries:
            raise self._fail("there is no claim to check", f"write {_EXAMPLE}")
        return [self._one(e, number) for number, e in enumerate(entries, 1)]

    def _one(self, entry: Mapping[str, Any], number: int) -> Asked:
        where = f"check {number}"
        self._keys(entry, _KEYS, where)
        texts = {k: self._string(entry[k], f"{where}, {k}") for k in _TEXTS if k in entry}
        for key in ("problem", "claim"):
            if key not in entry:
                raise self._fail(f"{where} has no {key!r}", f"write {_EXAMPLE}")
        said = entry["claim"] if isinstance(entry["claim"], list) else [entry["claim"]]
        says = tuple(self._string(s, f"{where}, claim") for s in said)
        if ("wrt" in texts) == ("about" in texts):
            raise self._fail(
                f"{where} needs wrt or about, and not both", 'wrt = "W", or about = "dL/dW[p, q]"'
            )
        order = entry.get("order", 1)
        if isinstance(order, bool) or order not in (1, 2):
            raise self._fail(f"{where}: order is {order!r}", "2 means that the Hessian is claimed")
        syntax = texts.get("syntax", PYTHON.name)
        name = texts.get("name", f"{Path(self.name).stem} {number}")
        about = texts.get("about", "")
        try:
            problem = self._problem(texts, entry.get("variables", {}), syntax)
            about = about or about_text(problem, texts["wrt"], order)
        except SymderivError as error:
            asked = about or f"d{texts['wrt']}"
            return Asked(name, None, ClaimText(asked, says), str(error))
        return Asked(name, problem, ClaimText(about, says, texts.get("question", ""), syntax))

    def _problem(self, texts: Mapping[str, str], variables: object, syntax: str) -> Problem:
        """Return the problem of a claim: a text, a ready-made one, or a file beside this one."""
        key = repr((texts["problem"], variables, texts.get("upstream"), syntax))
        if key not in self._posed:
            try:
                self._posed[key] = self._read(texts, variables, syntax)
            except SymderivError as error:
                self._posed[key] = error
        found = self._posed[key]
        if isinstance(found, SymderivError):
            raise found
        return found

    def _read(self, texts: Mapping[str, str], variables: object, syntax: str) -> Problem:
        if not isinstance(variables, dict):
            raise self._fail("variables is not a table", 'variables = { X = "n, d" }', "variables")
        written = texts["problem"]
        if written.endswith(".toml"):
            return load_file(self.folder / written)
        if written in ready_made():
            return load_named(written)
        declared = Declarations()
        for name, shape in variables.items():
            declared.declare(name, self._string(shape, f"variables.{name}"))
        return build(written, declared, upstream=texts.get("upstream"), syntax=syntax)
