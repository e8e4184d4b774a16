"""Whether a derivative is right: against differences of the function itself, evaluated by SymPy."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

import numpy as np
import sympy

from ..api import derive
from ..problems import problem
from .cases import SIZES, Case, SympyNames

_STEP = sympy.Rational(1, 10**6)
_TOLERANCE = 1e-8


def ours_is_right(case: Case) -> bool:
    """Whether our gradient of a case agrees with differences of what SymPy was given."""
    names, point = _point(case)
    result: Any = derive(problem(case.text, **case.shapes), wrt=[case.wrt])[case.wrt]
    arrays = {n: np.array(v.tolist(), dtype=float) for n, v in point.items()}
    given = {n: a[:, 0] if "," not in case.shapes[n] else a for n, a in arrays.items()}
    return _same(result.evaluate(**given, **SIZES), _differences(case, names, point))


def sympy_is_right(case: Case) -> bool:
    """Whether SymPy's derivative of a case is evaluated at all, and agrees with differences."""
    names, point = _point(case)
    try:
        found = case.build(names).diff(names.symbols[case.wrt])
        value = _explicit(found, names, point)
        return _same(value, _differences(case, names, point))
    except (AttributeError, TypeError, ValueError, NotImplementedError, IndexError):
        return False  # unevaluated, or not a matrix at all


def _point(case: Case) -> tuple[SympyNames, dict[str, Any]]:
    """Return the names of a case at fixed sizes, and a matrix of fractions for each."""
    names, random = SympyNames(case.shapes, SIZES), Random(case.text)
    point: dict[str, Any] = {}
    for name, symbol in names.symbols.items():
        rows, cols = (int(k) for k in symbol.shape)
        cells = [
            [sympy.Rational(random.randint(1, 9), 8) for _ in range(cols)] for _ in range(rows)
        ]
        matrix = sympy.Matrix(cells)
        point[name] = matrix + 2 * sympy.eye(rows) if rows == cols else matrix
    return names, point


def _explicit(x: Any, names: SympyNames, point: Mapping[str, Any]) -> Any:
    values = {names.symbols[n]: sympy.ImmutableMatrix(v) for n, v in point.items()}
    found = sympy.sympify(x).xreplace(values).doit()
    # SymPy gives some matrices as arrays with axes of length 1; their entries are what counts.
    cells = found.as_explicit() if hasattr(found, "as_explicit") else found
    flat = sympy.flatten(cells.tolist()) if hasattr(cells, "tolist") else [cells]
    return np.array([float(sympy.N(c, 30)) for c in flat])


def _differences(case: Case, names: SympyNames, point: Mapping[str, Any]) -> Any:
    """Return central differences of the objective by every entry of the variable."""
    objective = case.build(names)
    at = point[case.wrt]
    rows = []
    for i in range(at.rows):
        row = []
        for j in range(at.cols):
            ends = []
            for step in (_STEP, -_STEP):
                moved = at.copy()
                moved[i, j] += step
                ends.append(_precise(objective, names, {**point, case.wrt: moved}))
            row.append(float((ends[0] - ends[1]) / (2 * _STEP)))
        rows.append(row)
    return np.array(rows)


def _precise(x: Any, names: SympyNames, point: Mapping[str, Any]) -> Any:
    values = {names.symbols[n]: sympy.ImmutableMatrix(v) for n, v in point.items()}
    found = x.xreplace(values).doit()
    scalar = found.as_explicit()[0, 0] if getattr(found, "is_Matrix", False) else found
    return sympy.N(scalar, 40)


def _same(found: Any, expected: Any) -> bool:
    array = np.asarray(found, dtype=float)
    if array.size != expected.size:
        return False
    return bool(np.allclose(array.reshape(expected.shape), expected, _TOLERANCE, _TOLERANCE))
