"""What a backward function computes, as a formula: its slips are then those of a written claim.

The function is run once more, on arrays of symbols. Where it can be followed, and the formula has
the values that the function returned, the claim that it states is diagnosed as a text would be.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ...codegen.evaluation import evaluate
from ...core.errors import SymderivError
from ...core.shapes import Shape
from ...problems import ClaimText, Problem
from ...problems.tracing import trace
from ..checker import Checker
from ..verdict import WRONG, Verdict
from .arguments import ALL, UNIT, BackwardCall
from .diagnosis import SlipFound, close
from .returned import Expected, pairs_of
from .trials import Trial

_NEAR = 1e-9
_UNNAMED = "different"


def slip_of_formula(
    problem: Problem,
    call: BackwardCall,
    expected: Expected,
    name: str,
    axes: Callable[[str], Shape],
    trial: Trial,
) -> SlipFound | None:
    """Return the slip of the formula that a function computes, None where none is found."""
    try:
        claimed = _traced(problem, call, expected, name, axes)
        if claimed is None or not _agrees(claimed, trial, trial.claimed[name]):
            return None
        about = f"d{problem.objective_name}/d{name}"
        found = Checker(problem).check(ClaimText(about, _lines(claimed, problem)))
    except SymderivError:
        return None
    except Exception:  # whatever a user's function raises on arrays of symbols
        return None
    return SlipFound(found.slips, _said(found.diagnosis)) if _is_named(found) else None


_LINE = re.compile(r"Line \d+ is wrong already: (.)")


def _said(diagnosis: str) -> str:
    """Return a diagnosis without the number of a line: those of the formula are not shown."""
    return _LINE.sub(lambda m: m[1].upper(), diagnosis)


def _is_named(found: Verdict) -> bool:
    return found.verdict == WRONG and bool({*found.slips} - {_UNNAMED})


def _traced(
    problem: Problem,
    call: BackwardCall,
    expected: Expected,
    name: str,
    axes: Callable[[str], Shape],
) -> Problem | None:
    """Return the problem whose objective is what the function returns for a variable."""
    known = [*problem.variables, *problem.upstream]
    needed = [n for n in call.needed if n not in (ALL, UNIT)]
    names = list(dict.fromkeys([*needed, *(known if call.takes_all else ())]))
    if any(n not in problem.known() for n in names):
        return None
    shapes = {n: ", ".join(map(str, axes(n))) or "scalar" for n in names}

    def returned(**arrays: Any) -> Any:
        space: dict[str, Any] = dict(arrays)
        if ALL in call.needed and problem.function is not None:
            cache = problem.function.cache({n: arrays[n] for n in problem.variables})
            space |= {} if cache is None else {ALL: cache}
        found, _ = pairs_of(call(space), expected, lambda *_: True)
        return found[name]

    keyword = inspect.Parameter.KEYWORD_ONLY
    signature = inspect.Signature([inspect.Parameter(n, keyword) for n in names])
    returned.__signature__ = signature  # type: ignore[attr-defined]
    found = trace(returned, framework="numpy", variables=shapes)
    return found if found.variables.keys() <= {*names} else None


def _agrees(claimed: Problem, trial: Trial, value: Any) -> bool:
    """Whether a formula has the value that the function returned at a point."""
    space: Mapping[str, Any] = {**trial.sizes, **trial.space}
    found = np.asarray(evaluate(claimed.objective, space))
    return close(np.squeeze(np.asarray(value)), np.squeeze(found), _NEAR)


def _lines(claimed: Problem, problem: Problem) -> tuple[str, ...]:
    """Return a formula as lines of a claim, whose definitions have names of their own."""
    lines = claimed.text.split("\n")
    known = {*problem.known(), *problem.dims, *(f"d{n}" for n in problem.known())}
    taken = {*known, *claimed.definitions}
    for name in claimed.definitions:
        if name in known:
            new = next(f"{name}{k}" for k in range(1, len(taken) + 2) if f"{name}{k}" not in taken)
            taken.add(new)
            lines = [re.sub(rf"\b{re.escape(name)}\b", new, line) for line in lines]
    return tuple(lines)
