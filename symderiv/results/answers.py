"""Answers to many claims: counted, as rows of a table, as data, as a document.

Contract: the same answers give the same bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

from ..claims import Verdict
from ..claims.verdict import RIGHT, RIGHT_IF, TRANSPOSED, UNDECIDED, WRONG
from ..core.expr import Expr
from ..core.plaintext import Readable, json_text
from ..core.shapes import SCALAR
from ..derivation.value_names import name_of_value
from ..documents.answer_pages import AnswerEntry, answers_document
from ..documents.model import Document
from ..documents.symbols_shown import Scribe
from ..problems import ClaimText, Problem
from .answer_lines import answer_lines, one_answer
from .outputs import PAGES, Printing, printed, scribe_of
from .writing import check_formats, write_files

UNREADABLE, FAILED = "unreadable", "failed"
_ORDER = (RIGHT, TRANSPOSED, RIGHT_IF, WRONG, UNDECIDED, UNREADABLE, FAILED)
FORMATS = ("md", "tex", "pdf", "json")  # what is written where nothing is asked for
CHOICES = (*FORMATS, "html")


@dataclass(frozen=True, slots=True, repr=False)
class Answer(Readable):
    """The answer to one claim: a verdict, or the reason why there is none."""

    name: str
    claim: ClaimText
    problem: Problem | None
    status: str  # that of the verdict, or "undecided", "unreadable", "failed"
    verdict: Verdict | None = None
    reason: str = ""
    label: str = ""  # the name, where the sheet gives one

    def told(self) -> list[str]:
        """Return the answer as it is printed."""
        return one_answer(self)

    @property
    def why(self) -> str:
        """Return what is wrong in a few words: the slips, the assumption, or the first line."""
        v = self.verdict
        if v is None:
            return self.reason.split("\n")[0]
        if v.assumption:
            return v.assumption
        return "" if v.verdict == RIGHT else ", ".join(s.replace("-", " ") for s in v.slips)

    def data(self) -> dict[str, Any]:
        """Return the answer as plain data."""
        head = {"name": self.name, "problem": self.problem.text if self.problem else None}
        if self.verdict is not None:
            return {**head, **self.verdict.as_dict()}
        said = {"about": self.claim.about, "says": list(self.claim.says)}
        return {**head, **said, "verdict": self.status, "reason": self.reason}


def value_of(problem: Problem | None) -> tuple[str, Expr] | None:
    """Return what is differentiated and a name for it, where it is no scalar."""
    if problem is None or problem.objective.shape == SCALAR:
        return None
    return name_of_value(problem, problem.objective), problem.objective


@dataclass(frozen=True, repr=False)
class Answers(Readable, Sequence[Answer]):
    """Answers in the order of the claims; true where there are some and every one is right."""

    answers: tuple[Answer, ...]

    def __bool__(self) -> bool:
        return bool(self.answers) and all(a.status == RIGHT for a in self.answers)

    @overload
    def __getitem__(self, at: int) -> Answer: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Answer, ...]: ...
    def __getitem__(self, at: int | slice) -> Answer | tuple[Answer, ...]:
        return self.answers[at]

    def __len__(self) -> int:
        return len(self.answers)

    def __iter__(self) -> Iterator[Answer]:
        return iter(self.answers)

    def told(self) -> list[str]:
        """Return the answers as they are printed: in full, of many those that are not right."""
        return answer_lines(self, len(self) > 1)

    @property
    def counts(self) -> dict[str, int]:
        """Return how many there are of each kind."""
        found = Counter(a.status for a in self.answers)
        return {status: found[status] for status in _ORDER if found[status]}

    @property
    def exit_code(self) -> int:
        """Return 0 where all are right, 2 where one could not be read or failed, else 1."""
        if any(a.status in (UNREADABLE, FAILED) for a in self.answers):
            return 2
        return 0 if all(a.status == RIGHT for a in self.answers) else 1

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Return name, subject, verdict and reason of each."""
        return [(a.name, a.claim.about, a.status, a.why) for a in self.answers]

    def to_json(self) -> str:
        """Return all answers as JSON."""
        return json_text([a.data() for a in self.answers]) + "\n"

    def files(
        self, formats: Sequence[str] = FORMATS, *, title: str = "", engine: str = "typst"
    ) -> dict[str, bytes]:
        """Return the report by file name: ``answers`` with ``.md``, ``.tex`` and so on."""
        files: dict[str, bytes] = {}
        formats = check_formats(formats, CHOICES)
        if set(PAGES) & set(formats):
            files = printed(self._document(title), formats, Printing(engine), "answers")
        if "json" in formats:
            files["answers.json"] = self.to_json().encode()
        return files

    def _document(self, title: str) -> Document:
        scribes: dict[int, Scribe] = {}
        entries: list[AnswerEntry] = []
        for a in self.answers:
            scribe = None
            if a.problem is not None and a.verdict is not None:
                scribe = scribes.setdefault(id(a.problem), scribe_of(a.problem))
            entries.append(
                AnswerEntry(
                    a.name,
                    a.claim.about,
                    a.claim.says,
                    a.status,
                    a.why,
                    scribe,
                    value_of(a.problem),
                    a.verdict,
                    a.reason,
                    a.label,
                )
            )
        return answers_document(entries, title)

    def write(
        self,
        folder: str | Path,
        formats: Sequence[str] = FORMATS,
        *,
        title: str = "",
        engine: str = "typst",
        force: bool = False,
    ) -> list[Path]:
        """Write the report into a folder; return the files that were written."""
        files = self.files(formats, title=title, engine=engine)
        return write_files(folder, files, force=force)
