"""How long deriving takes: against SymPy on single derivatives, against JAX on deep networks.

Contract: a ratio is our time over theirs, the median over turns. Our time is that of reading the
text, deriving, and writing every result in matrix form; SymPy's that of building the expression
and ``diff``, with its cache emptied; JAX's that of ``make_jaxpr(grad(..))``, a program and no
formula. Only cases on which both are right are compared.
"""

from __future__ import annotations

import gc
import importlib.util
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from math import log
from statistics import median, quantiles
from time import perf_counter
from typing import Any, TypeVar

import sympy

from ..api import derive
from ..core.errors import CheckError
from ..problems import problem
from .cases import CASES, Case, SympyNames
from .deep_networks import (
    network_derived,
    network_read,
    network_traced,
    product_derived,
    product_in_sympy,
    stack_derived,
    stack_read,
    stack_traced,
)
from .difference_checks import ours_is_right, sympy_is_right


def alternate(tasks: Mapping[str, Callable[[], Any]], repeat: int) -> dict[str, list[float]]:
    """Return the seconds that each task took, each time; one unmeasured turn goes before."""
    for task in tasks.values():
        task()
    seconds: dict[str, list[float]] = {name: [] for name in tasks}
    for _ in range(repeat):
        for name, task in tasks.items():
            gc.collect()
            gc.freeze()  # what the libraries loaded is not collected again in anybody's time
            start = perf_counter()
            result = task()
            seconds[name].append(perf_counter() - start)
            del result  # what it holds is not looked up again in the next turn
            gc.unfreeze()
    return seconds


def pairwise_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of our time over theirs, turn by turn."""
    return median(a / b for a, b in zip(ours, theirs, strict=True))


def growth(sizes: Sequence[int], seconds: Sequence[float]) -> float | None:
    """Return the exponent e of time ~ size ** e by least squares on logarithms.

    >>> round(growth([10, 100, 1000], [1.0, 10.0, 100.0]), 3)
    1.0
    """
    if len(set(sizes)) < 2:
        return None
    xs, ys = [log(k) for k in sizes], [log(t) for t in seconds]
    x0, y0 = sum(xs) / len(xs), sum(ys) / len(ys)
    across = sum((x - x0) * (y - y0) for x, y in zip(xs, ys, strict=True))
    return across / sum((x - x0) ** 2 for x in xs)


T = TypeVar("T")
DEPTHS = (10, 100, 1000)
COUNTS = (10, 20)
BLOCKS = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True)
class TimeRow:
    """One comparison: median seconds of each, and the median ratio where there are two."""

    name: str
    ours: float
    theirs: float | None = None
    ratio: float | None = None
    size: int = 0
    reading: float | None = None  # the part of our time in which the text is read
    note: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """Everything that was measured."""

    repeat: int
    versions: dict[str, str]
    cases: tuple[TimeRow, ...]
    products: tuple[TimeRow, ...]
    networks: tuple[TimeRow, ...]
    stacks: tuple[TimeRow, ...] = ()

    @property
    def compared(self) -> list[TimeRow]:
        """Return the cases that SymPy got right."""
        return [r for r in self.cases if r.ratio is not None]

    def exponent(self, of: Callable[[TimeRow], float | None]) -> float | None:
        """Return the growth exponent of a time of the networks with their depth."""
        return self._growth(self.networks, of)

    def exponent_of_stacks(self, of: Callable[[TimeRow], float | None]) -> float | None:
        """Return the growth exponent of a time of the stacks with their blocks."""
        return self._growth(self.stacks, of)

    def _growth(
        self, rows: Sequence[TimeRow], of: Callable[[TimeRow], float | None]
    ) -> float | None:
        found = [(r.size, t) for r in rows if (t := of(r)) is not None]
        return growth([k for k, _ in found], [t for _, t in found])


def measure(
    *,
    repeat: int = 5,
    depths: Sequence[int] = DEPTHS,
    quick: bool = False,
    progress: Callable[[str], None] = lambda line: None,
) -> Measured:
    """Measure all cases; ``quick`` a few of them once. Raises CheckError where we are wrong."""
    cases = CASES[:3] if quick else CASES
    versions = {"sympy": sympy.__version__}
    if importlib.util.find_spec("jax") is not None:
        versions["jax"] = version("jax")
    return Measured(
        repeat,
        versions,
        tuple(_case(c, repeat) for c in _announced(cases, progress)),
        tuple(_product(k, repeat) for k in _announced((3,) if quick else COUNTS, progress)),
        tuple(_network(k, repeat) for k in _announced(depths, progress)),
        tuple(_stack(k, repeat) for k in _announced((1, 2) if quick else BLOCKS, progress)),
    )


def _announced(items: Sequence[T], progress: Callable[[str], None]) -> Iterator[T]:
    for item in items:
        progress(item.text if isinstance(item, Case) else f"{item} factors or layers")
        yield item


def _case(case: Case, repeat: int) -> TimeRow:
    if not ours_is_right(case):
        raise CheckError(
            f"our gradient of {case.text} by {case.wrt} is wrong",
            remedy="differences of the function say so: please report it",
        )

    def ours() -> Any:
        return derive(problem(case.text, **case.shapes), wrt=[case.wrt])[case.wrt].expr

    def theirs() -> Any:
        sympy.core.cache.clear_cache()
        names = SympyNames(case.shapes)
        return case.build(names).diff(names.symbols[case.wrt])

    if not sympy_is_right(case):
        return TimeRow(
            case.text, median(alternate({"ours": ours}, repeat)["ours"]), note="not right"
        )
    return _row(case.text, alternate({"ours": ours, "theirs": theirs}, repeat))


def _row(name: str, seconds: dict[str, list[float]], size: int = 0) -> TimeRow:
    ours, theirs = seconds["ours"], seconds.get("theirs")
    reading = median(seconds["reading"]) if "reading" in seconds else None
    if theirs is None:
        return TimeRow(name, median(ours), size=size, reading=reading)
    return TimeRow(name, median(ours), median(theirs), pairwise_ratio(ours, theirs), size, reading)


def _product(count: int, repeat: int) -> TimeRow:
    tasks = {"ours": product_derived(count), "theirs": product_in_sympy(count)}
    return _row(f"product of {count} matrices", alternate(tasks, repeat), count)


def _network(depth: int, repeat: int) -> TimeRow:
    tasks = {"ours": network_derived(depth), "reading": network_read(depth)}
    traced = network_traced(depth)
    if traced is not None:
        tasks["theirs"] = traced
    return _row(f"network of {depth} layers", alternate(tasks, repeat), depth)


def _stack(count: int, repeat: int) -> TimeRow:
    tasks = {"ours": stack_derived(count), "reading": stack_read(count)}
    traced = stack_traced(count)
    if traced is not None:
        tasks["theirs"] = traced
    return _row(
        f"encoder, {count} block{'s' if count > 1 else ''}", alternate(tasks, repeat), count
    )


def described(found: Measured) -> dict[str, Any]:
    """Return what was measured as plain data; times in milliseconds."""
    return {
        "repeat": found.repeat,
        "versions": found.versions,
        "ours": "reading the text, deriving, and the matrix form of every result",
        "cases": [_data(r) for r in found.cases],
        "products": [_data(r) for r in found.products],
        "networks": [_data(r) for r in found.networks],
        "stacks": [_data(r) for r in found.stacks],
        "exponent": {
            "ours": found.exponent(lambda r: r.ours),
            "jax": found.exponent(lambda r: r.theirs),
            "ours, stacks": found.exponent_of_stacks(lambda r: r.ours),
            "jax, stacks": found.exponent_of_stacks(lambda r: r.theirs),
        },
    }


def _data(r: TimeRow) -> dict[str, Any]:
    times = {"ours_ms": r.ours, "theirs_ms": r.theirs, "reading_ms": r.reading}
    data: dict[str, Any] = {"name": r.name, "size": r.size, "note": r.note, "ratio": r.ratio}
    data.update((k, None if t is None else 1000 * t) for k, t in times.items())
    return data


def table(found: Measured) -> str:
    """Return what was measured as lines of text."""
    names = ", ".join(f"{n} {v}" for n, v in found.versions.items())
    lines = [
        f"{names}; medians of {found.repeat} turns, in milliseconds.",
        "Ours: reading the text, deriving, and the matrix form of every result;",
        "SymPy: building and diff; JAX: make_jaxpr(grad(..)), a program and no formula.",
        "",
        f"{'':44}{'ours':>10}{'SymPy':>10}{'ours/SymPy':>12}",
        *(_line(r) for r in (*found.cases, *found.products)),
    ]
    compared = found.compared
    if len(compared) > 1:
        lines.append(_summary(compared))
    lines += ["", f"{'':44}{'ours':>10}{'JAX':>10}{'ours/JAX':>12}{'reading':>10}"]
    lines += [f"{_line(r):76}{1000 * (r.reading or 0.0):>10.1f}" for r in found.networks]
    lines += _growth_line("depth", found.exponent)
    lines += [f"{_line(r):76}{1000 * (r.reading or 0.0):>10.1f}" for r in found.stacks]
    return "\n".join(lines + _growth_line("blocks", found.exponent_of_stacks))


def _growth_line(
    size: str, exponent: Callable[[Callable[[TimeRow], float | None]], Any]
) -> list[str]:
    exponents = [exponent(lambda r: r.ours), exponent(lambda r: r.theirs)]
    shown = ["" if e is None else f"{e:.2f}" for e in exponents]
    name = f"growth: time ~ {size} to the power"
    return [f"{name:44}{shown[0]:>10}{shown[1]:>10}"] if shown[0] else []


def _line(r: TimeRow) -> str:
    theirs = "" if r.theirs is None else f"{1000 * r.theirs:.1f}"
    last = r.note if r.ratio is None else f"{r.ratio:.3f}"
    return f"{r.name:44}{1000 * r.ours:>10.1f}{theirs:>10}{last:>12}".rstrip()


def _summary(rows: Sequence[TimeRow]) -> str:
    ours, theirs = [r.ours for r in rows], [r.theirs or 0.0 for r in rows]
    ratio = median(r.ratio or 0.0 for r in rows)
    most = quantiles(theirs, n=10)[-1]
    name = f"median of {len(rows)} that SymPy gets right"
    line = f"{name:44}{1000 * median(ours):>10.1f}{1000 * median(theirs):>10.1f}{ratio:>12.3f}"
    return f"{line}\n{'90th percentile of SymPy':54}{1000 * most:>10.1f}"
