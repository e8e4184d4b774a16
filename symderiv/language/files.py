"""Problem files (TOML): read, checked key by key, every error with the file and the entry."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import LanguageError, ProblemFileError, Span
from .declarations import Declarations
from .problem import ClaimText, Problem, build

_TABLES = ("variables", "definitions", "objective", "claims", "meaning", "stack")
_TOP = ("title", "name", "question", "upstream", "source", *_TABLES)
_OBJECTIVE = ("value", "wrt", "order")
_STACK = ("input", "output", "shared")
_CLAIM = ("about", "says", "latex", "question")


def load_text(source: str, name: str) -> Problem:
    """Return the problem of a TOML text; ``name`` is what errors and outputs call it."""
    try:
        data = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        raise ProblemFileError(
            f"{name} is not TOML: {error}", remedy="see the example: symderiv list"
        ) from None
    return _Reader(name, source).problem(data)


def load_file(path: Path) -> Problem:
    """Return the problem of a TOML file; raises ProblemFileError."""
    try:
        source = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ProblemFileError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ProblemFileError(f"{path} is not UTF-8 text") from None
    return load_text(source, path.stem)


class _Reader:
    def __init__(self, name: str, source: str) -> None:
        self.name, self.source = name, source

    def _fail(self, message: str, remedy: str = "", mark: str = "") -> ProblemFileError:
        return ProblemFileError(
            f"{self.name}: {message}", span=self._place(mark) if mark else None, remedy=remedy
        )

    def _place(self, mark: str) -> Span | None:
        """Return the first line that starts with ``mark``, or contains it."""
        lines = self.source.split("\n")
        for fits in (str.startswith, str.__contains__):
            for k, line in enumerate(lines):
                if fits(line.strip().strip("["), mark):
                    start = line.index(mark)
                    return Span(self.source, start, start + len(mark), k)
        return None

    def _keys(self, table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
        for key in table:
            if key not in known:
                near = difflib.get_close_matches(key, known, 1)
                remedy = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"
                raise self._fail(f"no entry {key!r} in {where}", remedy, key)

    def _table(self, data: Mapping[str, Any], key: str) -> dict[str, Any]:
        found = data.get(key, {})
        if not isinstance(found, dict):
            raise self._fail(f"{key} is not a table", f"write it as [{key}]", key)
        return found

    def _string(self, value: object, where: str) -> str:
        if not isinstance(value, str):
            raise self._fail(
                f"{where} is {value!r}, not a text", "put it into quotes", where.split(".")[-1]
            )
        return value

    def problem(self, data: Mapping[str, Any]) -> Problem:
        self._keys(data, _TOP, "the file")
        objective = self._table(data, "objective")
        self._keys(objective, _OBJECTIVE, "[objective]")
        if "value" not in objective:
            raise self._fail(
                "there is no objective", 'write [objective] and value = "L(Z)"', "objective"
            )
        meaning = {
            k: self._string(v, f"meaning.{k}") for k, v in self._table(data, "meaning").items()
        }
        declared = self._variables(data, meaning)
        definitions = {
            k: self._string(v, f"definitions.{k}")
            for k, v in self._table(data, "definitions").items()
        }
        value = self._string(objective["value"], "objective.value")
        lines = [*(f"{k} = {v}" for k, v in definitions.items()), value]
        self._check_names(definitions)
        try:
            return build(
                "\n".join(lines),
                declared,
                wrt=self._wrt(objective),
                title=self._string(data.get("title", ""), "title"),
                name=self._string(data.get("name", self.name), "name"),
                upstream=data.get("upstream"),
                claims=self._claims(data),
                meanings=meaning,
                question=self._string(data.get("question", ""), "question"),
                source_note=self._string(data.get("source", ""), "source"),
                order=self._order(objective),
                stack=self._stack(data),
            )
        except LanguageError as error:
            error.subject = f"{self.name}: {error.subject}"
            raise

    def _check_names(self, definitions: Mapping[str, str]) -> None:
        for name, value in definitions.items():
            if not name.isidentifier():
                raise self._fail(f"{name!r} is not a name", "use letters, digits and _", name)
            if "\n" in value.strip() or ";" in value:
                raise self._fail(
                    f"definitions.{name} holds several statements", "one expression each", name
                )

    def _variables(self, data: Mapping[str, Any], meaning: Mapping[str, str]) -> Declarations:
        declared = Declarations()
        for name, shape in self._table(data, "variables").items():
            text = self._string(shape, f"variables.{name}")
            try:
                declared.declare(name, text, meaning.get(name, ""))
            except LanguageError as error:
                error.subject = f"{self.name}: {error.subject}"
                raise
        return declared

    def _wrt(self, objective: Mapping[str, Any]) -> list[str] | None:
        wrt = objective.get("wrt")
        if wrt is None:
            return None
        if isinstance(wrt, str):
            return [wrt]
        if not isinstance(wrt, list) or not all(isinstance(w, str) for w in wrt) or not wrt:
            raise self._fail("objective.wrt is not a list of names", 'wrt = ["W", "b"]', "wrt")
        return list(wrt)

    def _order(self, objective: Mapping[str, Any]) -> int:
        order = objective.get("order", 1)
        if isinstance(order, bool) or order not in (1, 2):
            raise self._fail(
                f"objective.order is {order!r}", "1 asks for gradients, 2 for Hessians too", "order"
            )
        return int(order)

    def _stack(self, data: Mapping[str, Any]) -> dict[str, Any]:
        asked = self._table(data, "stack")
        self._keys(asked, _STACK, "[stack]")
        found: dict[str, Any] = {
            k: self._string(v, f"stack.{k}") for k, v in asked.items() if k != "shared"
        }
        if "shared" in asked:
            shared = asked["shared"]
            if not isinstance(shared, list) or not all(isinstance(s, str) for s in shared):
                raise self._fail("stack.shared is not a list of names", 'shared = ["M"]', "shared")
            found["shared"] = shared
        return found

    def _claims(self, data: Mapping[str, Any]) -> list[ClaimText]:
        entries = data.get("claims", [])
        if not isinstance(entries, list) or not all(isinstance(c, dict) for c in entries):
            raise self._fail("claims is not a list of tables", "write [[claims]]", "claims")
        found = []
        for claim in entries:
            self._keys(claim, _CLAIM, "[[claims]]")
            found.append(self._claim(claim))
        return found

    def _claim(self, claim: Mapping[str, Any]) -> ClaimText:
        latex = "latex" in claim
        if latex and "says" in claim:
            raise self._fail("a claim has 'says' and 'latex'", "write one of them", "latex")
        for key in ("about", "says"):
            # The left-hand side of an equation in LaTeX can say what it is about.
            if key not in claim and not latex:
                raise self._fail(f"a claim has no {key!r}", 'about = "dL/dW"', "claims")
        written = claim["latex" if latex else "says"]
        says = written if isinstance(written, list) else [written]
        texts = tuple(self._string(s, f"claims.{'latex' if latex else 'says'}") for s in says)
        about = self._string(claim.get("about", ""), "claims.about")
        syntax = "latex" if latex else "python"
        return ClaimText(about, texts, str(claim.get("question", "")), syntax)
