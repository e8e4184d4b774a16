"""The grammar of files as data: which entries there are, and what each of them holds.

Contract: reading a value by its grammar gives plain data of the right types within their limits,
or an error that names the entry and marks its place. Knows no mathematics.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ..core.errors import ProblemFileError, SymderivError
from ..core.plaintext import shortened
from .grammar import LONGEST
from .sentences import check_name, problem_name, sentence
from .toml_tables import FileText, Path_


@dataclass(frozen=True, slots=True)
class EntryGrammar:
    """One place in a file: errors about it say where it is."""

    document: FileText
    path: Path_ = ()

    def inside(self, key: str | int) -> EntryGrammar:
        """Return a place inside this one."""
        return EntryGrammar(self.document, (*self.path, key))

    @property
    def words(self) -> str:
        """Return what the entry is called: ``objective.value``, ``claims 2, says``."""
        said = ""
        for key in self.path:
            if isinstance(key, int):
                said += f" {key + 1}"
            else:
                said += f"{'' if not said else ', ' if said[-1].isdigit() else '.'}{key}"
        return said or "the file"

    def fail(self, message: str, remedy: str = "", key: str = "") -> ProblemFileError:
        """Return an error about this entry, or about one inside it."""
        path = (*self.path, key) if key else self.path
        return ProblemFileError(
            f"{self.document.name}: {message}", span=self.document.place(path), remedy=remedy
        )


class Grammar(Protocol):
    """What an entry may hold."""

    def read(self, value: object, at: EntryGrammar) -> Any:
        """Return the value, checked; raises ProblemFileError."""


@dataclass(frozen=True, slots=True)
class Text:
    """A text; ``check`` refuses what it may not be, and is told what it is called."""

    check: Callable[[object, str], str]

    def read(self, value: object, at: EntryGrammar) -> str:
        if not isinstance(value, str):
            raise at.fail(f"{at.words} is {shortened(value)}, not a text", "put it into quotes")
        try:
            return self.check(value, at.words)
        except SymderivError as error:
            raise at.fail(error.subject, error.remedy) from None


def formula(value: object, what: str) -> str:
    """Return a text of mathematics, which its parser reads; raises ProblemFileError."""
    assert isinstance(value, str)
    if len(value) > LONGEST:
        raise ProblemFileError(
            f"{what} has {len(value):,} characters; the limit is {LONGEST:,}",
            remedy="name parts of it by definitions, or split the problem",
        )
    return value


SENTENCE, FORMULA, IDENTIFIER = Text(sentence), Text(formula), Text(check_name)
PROBLEM_NAME = Text(lambda value, what: problem_name(value))


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few values."""

    values: tuple[str | int, ...]
    remedy: str

    def read(self, value: object, at: EntryGrammar) -> Any:
        if isinstance(value, bool) or not isinstance(value, str | int) or value not in self.values:
            raise at.fail(f"{at.words} is {shortened(value)}", self.remedy)
        return value


@dataclass(frozen=True, slots=True)
class Several:
    """A list of one kind of texts; where ``alone``, one may stand without its brackets."""

    of: Text
    remedy: str
    what: str = "names"
    alone: bool = False
    least: int = 0

    def read(self, value: object, at: EntryGrammar) -> list[str]:
        if self.alone and isinstance(value, str):
            return [self.of.read(value, at)]
        is_list = isinstance(value, list) and all(isinstance(v, str) for v in value)
        if not isinstance(value, list) or not is_list or len(value) < self.least:
            raise at.fail(f"{at.words} is not a list of {self.what}", self.remedy)
        return [self.of.read(v, at) for v in value]


@dataclass(frozen=True, slots=True)
class Named:
    """A table of names that the writer chooses, each with a text."""

    of: Text
    key: Text = IDENTIFIER

    def read(self, value: object, at: EntryGrammar) -> dict[str, str]:
        if not isinstance(value, dict):
            raise at.fail(f"{at.words} is not a table", f"write it as [{at.words}]")
        found = {}
        for name, text in value.items():
            inner = at.inside(name)
            try:
                self.key.check(name, "")
            except SymderivError as error:
                raise inner.fail(error.subject.strip(), error.remedy) from None
            found[name] = self.of.read(text, inner)
        return found


@dataclass(frozen=True, slots=True)
class Table:
    """A table with entries of known names; ``needs`` must be there, with what to write."""

    entries: Mapping[str, Grammar]
    needs: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def read(self, value: object, at: EntryGrammar) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise at.fail(f"{at.words} is not a table", f"write it as [{at.words}]")
        for key in value:
            if key not in self.entries:
                near = difflib.get_close_matches(str(key)[:100], self.entries, 1)
                there = ", ".join(self.entries)
                remedy = f"did you mean {near[0]!r}?" if near else f"there are: {there}"
                raise at.fail(f"no entry {shortened(key)} in {at.words}", remedy, str(key))
        for key, (message, remedy) in self.needs.items():
            if key not in value:
                raise at.fail(message, remedy)
        return {k: self.entries[k].read(v, at.inside(k)) for k, v in value.items()}


@dataclass(frozen=True, slots=True)
class Tables:
    """A list of tables of one kind."""

    of: Grammar
    remedy: str

    def read(self, value: object, at: EntryGrammar) -> list[dict[str, Any]]:
        if not isinstance(value, list) or not all(isinstance(v, dict) for v in value):
            raise at.fail(f"{at.words} is not a list of tables", self.remedy)
        return [self.of.read(v, at.inside(k)) for k, v in enumerate(value)]
