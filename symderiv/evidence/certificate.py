"""The certificate: what was checked, how, and what came out, as data that can be run again.

Contract: deterministic to the byte for one machine's library versions; holds no path and no clock.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Certificate:
    """Roads, sizes, points, seeds and errors of every check of one derivation."""

    problem: Mapping[str, Any]  # text, variables, wrt: enough to derive it again
    gradients: Mapping[str, str]  # by variable, in the language
    roads: tuple[Mapping[str, Any], ...] = ()  # per variable: sizes, entries, exact, pattern
    steps: Mapping[str, Any] = field(default_factory=dict)  # equations checked, sizes, seed
    differences: tuple[Mapping[str, Any], ...] = ()  # per variable: method, sizes, seeds, error
    backends: tuple[Mapping[str, Any], ...] = ()  # JAX, PyTorch where installed
    claims: tuple[Mapping[str, Any], ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the certificate as JSON text."""
        return json.dumps(self.as_dict(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"

    def as_dict(self) -> dict[str, Any]:
        """Return the certificate as plain data."""
        return {
            "format": "symderiv certificate 1",
            "problem": dict(self.problem),
            "gradients": dict(self.gradients),
            "roads": [dict(r) for r in self.roads],
            "steps": dict(self.steps),
            "differences": [dict(d) for d in self.differences],
            "backends": [dict(b) for b in self.backends],
            "claims": [dict(c) for c in self.claims],
            "versions": dict(self.versions),
        }

    def lines(self) -> list[str]:
        """Return what was checked, a sentence each, for documents and the terminal."""
        found: list[str] = []
        if self.roads:
            entries = sum(int(r["entries"]) for r in self.roads)
            exact = all(r["exact"] for r in self.roads)
            how = "exactly" if exact else "to 40 digits"
            sizes = self.roads[0]["sizes"]
            found.append(
                f"index road and entry road agree {how}: {entries:,} entries, all sizes {sizes}"
            )
        if self.steps:
            found.append(f"{self.steps['equations']:,} instances of the printed equations hold")
        if self.differences:
            worst = max(float(d["error"]) for d in self.differences)
            methods = " and ".join(dict.fromkeys(str(d["method"]) for d in self.differences))
            found.append(f"generated code against {methods}: largest relative error {worst:.0e}")
        for b in self.backends:
            found.append(f"generated code against {b['name']}: largest error {b['error']:.0e}")
        return found
