"""Problem files (TOML): read, checked key by key, every error with the file and the entry."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import LanguageError, ProblemFileError
from .declarations import Declarations
from .problem import ClaimText, Problem, build
from .tables import TableReader, read_text

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
    return load_text(read_text(path), path.stem)


class _Reader(TableReader):
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
