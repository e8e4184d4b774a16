"""Takes a derivation; runs every check of it and returns one certificate; any failure raises."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from ..codegen.module import Compiled, compile_module, module_of
from ..codegen.testfile import checked_sizes
from ..core.budget import Checks
from ..core.cells import each
from ..core.errors import CheckError, DisagreementError, InputError, MissingRuleError
from ..core.expr import Expr, walk
from ..core.shapes import ONE, times
from ..derivation.derivations import DerivedGradients
from ..derivation.jacobians import DerivativeMatrix
from ..entries import Roads, compare_all, generalise
from ..ops import Cells
from ..ops.text import text
from ..problems import ClaimText, Problem
from ..problems.number_sizes import MOST_ENTRIES, with_symbols
from ..problems.numpy_axes import array_shape
from ..values.explicit import Dual, Explicit
from ..values.sampling import OUTSIDE_DOMAIN, point
from .backends import TOLERANCE as BACKEND_TOLERANCE
from .backends import check_backends
from .certificate import Certificate
from .conditioning import gradient_bounds, is_rounding, value_bounds
from .differences import (
    SEEDS,
    TOLERANCE,
    PointBox,
    check_differences,
    check_direction,
    hidden_sizes,
    relative_error,
)

_POINTS = 3
_NEARER = 3  # points near 0, where floats decide at none of the others
_EXACT = 1e-9
_LARGEST = 1e100  # beyond it, what is computed on the way may be too large for a float


def check_exactly(derivation: DerivedGradients, compiled: Compiled) -> int:
    """Compare generated code with exact values; return how many numbers; raises CheckError.

    A point at which rounding may be why the two differ decides nothing: others, near 0, do.
    """
    problem = derivation.problem
    if compiled.module.functions or compiled.module.losses:
        return 0  # stand-ins of unspecified functions differ between both sides
    read = _expressions(derivation)
    count = 0
    for sizes in checked_sizes(derivation):
        decided = 0
        for seed in range(_POINTS + _NEARER):
            if decided == _POINTS or (seed >= _POINTS and decided):
                break
            near = seed >= _POINTS
            values = point(problem, sizes, seed, integers=3, positive=seed % 2 == 1, near=near)
            here = Explicit(sizes, values)
            try:
                expected = {n: _floats(here.cells(x)) for n, x in read.items()}
            except OUTSIDE_DOMAIN:
                continue  # outside the domain of a function, or of floats
            compared = _compare(derivation, compiled, here, expected)
            decided += compared > 0
            count += compared
    return count


def _expressions(derivation: DerivedGradients) -> dict[str, Expr]:
    """Return what the code computes: the objective under no name, and every gradient."""
    objective = derivation.problem.objective
    value = objective.args[0] if objective.is_loss else objective
    return {"": value, **{n: r.expr for n, r in derivation.items()}}


def _floats(cells: Cells) -> Any:
    found = np.array(each(lambda v: float(Dual.of(v).value), cells))
    if not np.all(np.abs(found) <= _LARGEST):
        raise ValueError("too large for floats")
    return found


def _compare(
    derivation: DerivedGradients, compiled: Compiled, here: Explicit, expected: Mapping[str, Any]
) -> int:
    """Compare at one point; return how many numbers, 0 where rounding leaves it undecided."""
    problem, sizes, values = derivation.problem, here.sizes, here.values
    keywords = hidden_sizes(compiled, sizes)
    inputs = [_array(values[n], v.kind) for n, v in problem.variables.items()]
    given = [_squeezed(values[g], x, sizes) for g, x in problem.upstream.items()]
    try:
        with np.errstate(all="ignore"):
            found = {"": compiled.forward(*inputs, **keywords)}
            found.update(compiled.backward(*inputs, *given, **keywords))
    except np.linalg.LinAlgError:
        return 0  # floats overflow, or a matrix is singular to them
    count = 0
    for name, value in expected.items():
        flat_value = value.ravel()
        flat_found = np.asarray(found[name], dtype=float).ravel()
        if not relative_error(flat_found, flat_value) <= _EXACT:
            bounds = (
                gradient_bounds(derivation, here, name)
                if name
                else value_bounds(here, _expressions(derivation)[""])
            )
            if is_rounding(flat_found, flat_value, bounds, _EXACT):
                return 0
            what = f"gradient by {name}" if name else "forward pass"
            raise CheckError(f"the generated {what} is not exact at sizes {dict(sizes)}")
        count += value.size
    return count


def _array(cells: Cells, kind: str) -> Any:
    full = np.array(each(float, cells))
    return full[:, 0] if kind == "vector" else full[0, 0] if kind == "scalar" else full


def _squeezed(cells: Cells, x: Expr, sizes: Mapping[str, int]) -> Any:
    full = np.array(each(float, cells))
    return full.reshape([d.at(sizes) for d in array_shape(x.shape)])


_LIBRARIES = ("symderiv", "sympy", "numpy", "typst", "jax", "torch")

_NONE: tuple[Mapping[str, Any], ...] = ()
_EMPTY: dict[str, Any] = {}
_NOWHERE = (_NONE, PointBox())


@dataclass(frozen=True, slots=True)
class Evidence:
    """A certificate with the code that was checked."""

    certificate: Certificate
    compiled: Compiled
    box: PointBox  # where the points of the checks were drawn


def gather(
    derivation: DerivedGradients,
    claims: Sequence[Mapping[str, Any]] = (),
    matrices: Sequence[DerivativeMatrix] = (),
) -> Evidence:
    """Run every check of a derivation; raises DisagreementError or CheckError.

    ``claims`` are answers to claims as data, which the certificate keeps; ``matrices`` have
    functions in the code, and are checked elsewhere.
    Where sizes are numbers that are too large, symbols are checked in their place, and the code at
    its own sizes along a direction.
    """
    checks = Checks()
    compiled = compile_module(module_of(derivation, matrices=matrices))
    model = None if derivation.conventions else with_symbols(derivation.problem)
    subject, code, symbols = derivation, compiled, {}
    if model is not None:
        subject, symbols = DerivedGradients(model[0], [*derivation]), model[1]
        code = compile_module(module_of(subject))
    roads = checks.run("the comparison of both roads", lambda: check_roads(subject.ambient), _NONE)
    steps = checks.run("the check of the printed equations", lambda: _steps(subject), _EMPTY)
    exact = checks.run(
        "the check of generated code in exact numbers", lambda: _exact(subject, code), _EMPTY
    )
    differences, where = checks.run(
        "the check of generated code by differences",
        lambda: differences_of_code(subject, code),
        _NOWHERE,
    )
    backends = checks.run(
        "the comparison with other libraries", lambda: _backends(subject, code, where), _NONE
    )
    if symbols:
        what = "the check of generated code at its own sizes"
        checks.run(what, lambda: check_direction(derivation, compiled, where), None)
    certificate = Certificate(
        problem=describe_problem(derivation),
        gradients={n: r.text for n, r in derivation.items()},
        roads=roads,
        steps=steps,
        exact=exact,
        differences=differences,
        backends=backends,
        claims=tuple(claims),
        versions=versions(),
        left_out=tuple(checks.left_out),
        symbols=symbols,
    )
    return Evidence(certificate, compiled, where)


def _steps(derivation: DerivedGradients) -> dict[str, Any]:
    return {"equations": derivation.recheck(), "seed": 0}


def _exact(derivation: DerivedGradients, compiled: Compiled) -> dict[str, Any]:
    return {"numbers": check_exactly(derivation, compiled), "bound": _EXACT}


def differences_of_code(
    derivation: DerivedGradients, compiled: Compiled
) -> tuple[tuple[Mapping[str, Any], ...], PointBox]:
    """Compare generated code with differences; return what was done, and where."""
    checked = check_differences(derivation, compiled)
    found = tuple(
        {
            "by": d.name,
            "method": d.method,
            "error": float(f"{d.error:.1e}"),
            "bound": TOLERANCE[d.method],
            "entries": d.entries,
            **({"scale": checked.box.scale} if checked.box.scale != 1 else {}),
            "sizes": checked_sizes(derivation),
            "seeds": list(SEEDS),
        }
        for d in checked
    )
    return found, checked.box


def _backends(
    derivation: DerivedGradients, compiled: Compiled, where: PointBox
) -> tuple[Mapping[str, Any], ...]:
    return tuple(
        b
        if "skipped" in b
        else {**b, "error": float(f"{b['error']:.1e}"), "bound": BACKEND_TOLERANCE}
        for b in check_backends(derivation, compiled, where)
    )


def check_roads(
    derivation: DerivedGradients, patterns: bool = True
) -> tuple[Mapping[str, Any], ...]:
    """Compare both roads entry by entry at all sizes 1, 2, 3; raises DisagreementError."""
    problem = derivation.problem
    require_checkable(derivation)
    candidates = {n: r.expr for n, r in derivation.items()}
    found: list[dict[str, Any]] = []
    roads = Roads(problem, list(candidates))
    for name, c in compare_all(problem, candidates).items():
        if c.mismatch is not None:
            m = c.mismatch
            other = "dual numbers" if c.reason else "SymPy"
            raise DisagreementError(
                f"the two roads disagree on the gradient by {name}, entry {m.place} "
                f"at {dict(m.sizes)}: {m.candidate} (index road) is not {m.derived} ({other})",
                remedy="this is an error of the program: trust no form of it; please report it",
            )
        pattern = generalise(problem, name, roads=roads) if patterns else None
        found.append(
            {
                "by": name,
                "entries": c.entries,
                "identities": c.identities,
                "exact": c.exact,
                "sizes": _sizes_text(problem.dims, len(c.sizes)),
                "choices": len(c.sizes),
                "pattern": text(pattern.expr) if pattern is not None else "no pattern",
                **({"by dual numbers": c.reason} if c.reason else {}),
            }
        )
    return tuple(found)


def require_checkable(derivation: DerivedGradients) -> None:
    """Refuse sizes that no points can be drawn for, or too many; raises InputError.

    Where sizes are large numbers, symbols stand for them.
    """
    model = None if derivation.conventions else with_symbols(derivation.problem)
    problem = derivation.problem if model is None else model[0]
    _check_size(problem)
    _check_equations(problem)


def _check_equations(problem: Problem) -> None:
    """Refuse sizes that must satisfy an equation: the points of a check are drawn freely."""
    for e in walk(problem.objective):
        if e.is_matrix_product:
            pairs = [(a.shape[-1], b.shape[-2]) for a, b in pairwise(e.args)]
        elif e.op == "reshape":
            pairs = [(times(e.args[0].shape), times(e.shape))]
        else:
            pairs = [(a.shape[k], e.shape[k]) for a in e.args for k in (-1, -2)]
            pairs = [p for p in pairs if e.op in ("add", "mul", "div") and ONE not in p]
        for left, right in pairs:
            if left != right:
                raise MissingRuleError(
                    f"no check where sizes have to satisfy {left} = {right}",
                    remedy=f"declare the size as the product: {max(left, right, key=str)}",
                )


def _check_size(problem: Problem) -> None:
    """Refuse sizes fixed so large that their entries cannot be written out."""
    least = dict.fromkeys(problem.dims, 1)
    for v in problem.variables.values():
        entries = prod(d.at({**dict.fromkeys(d.names, 1), **least}) for d in v.shape)
        if entries > MOST_ENTRIES:
            raise InputError(
                f"{v.name} has {entries:,} entries, more than can be checked one by one",
                remedy="declare its sizes by symbols (n, d): the gradient holds for every size",
            )


def _sizes_text(dims: Sequence[str], choices: int) -> str:
    names = ", ".join(dims)
    if not dims:
        return "scalars"
    whole = choices == 3 ** len(dims)
    return f"{names} in 1..3" if whole else f"{choices} choices of {names} in 1..3"


def describe_problem(derivation: DerivedGradients) -> dict[str, Any]:
    """Return the problem of a derivation as plain data that can be read again."""
    return problem_data(derivation.problem)


def problem_data(p: Problem) -> dict[str, Any]:
    """Return a problem as plain data: all that it takes to pose the same problem again."""
    return {
        "name": p.name,
        "title": p.title,
        "text": p.text,
        "variables": {n: v.declared for n, v in p.variables.items()},
        "losses": list(p.declared.losses),
        "entrywise": list(p.declared.entrywise),
        "upstream": list(p.upstream),
        "meanings": {**{n: v.meaning for n, v in p.variables.items() if v.meaning}, **p.meanings},
        "wrt": list(p.wrt),
        "claims": [_claim(c) for c in p.claims],
        "question": p.question,
        "source": p.source,
        "order": p.order,
    }


def _claim(c: ClaimText) -> dict[str, Any]:
    data = {"about": c.about, "says": list(c.says), "question": c.question}
    return data if c.syntax == "python" else {**data, "syntax": c.syntax}


def versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that took part."""
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
