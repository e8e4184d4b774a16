"""The certificate: what was checked, how, and what came out, as data that can be run again.

Contract: holds no path and no clock; but for the measured errors and the versions of the
libraries, the same derivation gives the same bytes everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..core.budget import not_checked
from ..core.plaintext import Readable, json_text


@dataclass(frozen=True, repr=False)
class Certificate(Readable):
    """Roads, sizes, points, seeds and errors of every check of one derivation.

    >>> from symderiv import derive
    >>> print(*derive("x.T @ x", x="n").verify().lines(), sep="\\n")
    index road and SymPy entries agree exactly in all 6 entries, n in 1..3
    10 instances of the printed equations hold
    generated code equals complex step to 1e-11 at 3 points of 3 sizes
    """

    problem: Mapping[str, Any]  # text, variables, wrt: enough to derive it again
    gradients: Mapping[str, str]  # by variable, in the language
    roads: tuple[Mapping[str, Any], ...] = ()  # per variable: sizes, entries, exact, pattern
    steps: Mapping[str, Any] = field(default_factory=dict)  # equations checked, sizes, seed
    exact: Mapping[str, Any] = field(default_factory=dict)  # code against exact values
    differences: tuple[Mapping[str, Any], ...] = ()  # per variable: method, sizes, seeds, error
    backends: tuple[Mapping[str, Any], ...] = ()  # JAX, PyTorch where installed
    claims: tuple[Mapping[str, Any], ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)  # name of a file: its SHA-256
    options: Mapping[str, Any] = field(default_factory=dict)  # formats, style, engine
    versions: Mapping[str, str] = field(default_factory=dict)
    symbols: Mapping[str, int] = field(default_factory=dict)  # checked for sizes that are numbers
    left_out: tuple[str, ...] = ()  # checks that would take too much, and why

    def to_json(self) -> str:
        """Return the certificate as JSON text."""
        return json_text(self.as_dict()) + "\n"

    def as_dict(self) -> dict[str, Any]:
        """Return the certificate as plain data."""
        return {
            "format": "symderiv certificate 1",
            "problem": dict(self.problem),
            "gradients": dict(self.gradients),
            "roads": [dict(r) for r in self.roads],
            "steps": dict(self.steps),
            "exact": dict(self.exact),
            "differences": [dict(d) for d in self.differences],
            "backends": [dict(b) for b in self.backends],
            "claims": [dict(c) for c in self.claims],
            "files": dict(self.files),
            "options": dict(self.options),
            "versions": dict(self.versions),
            **({"symbols": dict(self.symbols)} if self.symbols else {}),
            **({"left out": list(self.left_out)} if self.left_out else {}),
        }

    def told(self) -> list[str]:
        """Return the gradients and how they were checked."""
        found = [
            f"{name} = {value}" if "/" in name else f"by {name}: {value}"
            for name, value in self.gradients.items()
        ]
        return [*found, *(f"  {line}" for line in (*self.lines(), *self.backend_lines()))]

    def lines(self) -> list[str]:
        """Return what was checked, a sentence each, for documents and the terminal.

        Bounds, not measured errors, so that the same derivation prints the same on every machine;
        the measured errors are in the certificate.
        """
        found: list[str] = []
        first = [r for r in self.roads if "what" not in r]
        if first:
            entries = sum(int(r["entries"]) for r in first)
            how = _how(first)
            sizes = str(first[0]["sizes"])
            reasons = [str(r["by dual numbers"]) for r in first if "by dual numbers" in r]
            other = "dual numbers" if reasons else "SymPy entries"
            why = f" ({reasons[0]})" if reasons else ""
            found.append(
                f"index road and {other} agree {how} in all {entries:,} entries, {sizes}{why}"
            )
        for r in self.roads:
            if "what" in r:
                what = f"all {r['entries']:,} entries, {r['sizes']}"
                found.append(f"{r['what']}: dual numbers agree {_how([r])} in {what}")
        if self.steps:
            found.append(f"{self.steps['equations']:,} instances of the printed equations hold")
        done: set[tuple[str, float]] = set()
        for d in self.differences:
            key = (d["method"], d["bound"])
            if key not in done:
                done.add(key)
                what = d.get("what", "generated code")
                found.append(f"{what} equals {key[0]} to {key[1]:.0e} at {_points(d)}")
        for name, number in self.symbols.items():
            found.append(f"{name} stands for the size {number:,}, which is one like any other")
        return found + not_checked(self.left_out)

    def backend_lines(self) -> list[str]:
        """Return what was checked against other libraries, which not every machine has."""
        return [
            f"generated code not compared with {b['name']}: {b['skipped']}"
            if "skipped" in b
            else f"generated code equals {b['name']} to {b['bound']:.0e}"
            for b in self.backends
        ]


def _how(roads: Sequence[Mapping[str, Any]]) -> str:
    return "exactly" if all(r["exact"] for r in roads) else "to 40 digits"


def _points(difference: Mapping[str, Any]) -> str:
    """Return at how many points of how many sizes code was compared with differences."""
    seeds, sizes = len(difference["seeds"]), len(difference["sizes"])
    points = f"{seeds} point{'s' if seeds > 1 else ''}"
    return f"{points} of {sizes} sizes" if sizes > 1 else points
