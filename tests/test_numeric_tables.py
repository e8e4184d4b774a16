"""Numbers in documents: what is shown is what is compared, small, and followed by hand."""

from __future__ import annotations

import pytest
from library_documents import derived, document_of, example_of, walked

from symderiv.core.cells import flat
from symderiv.core.expr import walk
from symderiv.documents.checks import grid
from symderiv.documents.model import Boxed, Heading, NumberRow, StepTable
from symderiv.notation.math import Frac, Grid, Math, Num, Op, Row, Script
from symderiv.problems import library

NAMES = library.names()
WITH_EXAMPLE = [n for n in NAMES if not derived(n).problem.has_tensors]
LARGEST = 1000
MASK = 1e8  # beyond it, what stands for minus infinity; shown as a power of ten


def read(shown: Math) -> float:
    """Return a number from its notation."""
    if isinstance(shown, Num):
        return float(shown.text)
    if isinstance(shown, Frac):
        return read(shown.over) / read(shown.under)
    if isinstance(shown, Script):
        assert shown.sup is not None
        return float(read(shown.base) ** read(shown.sup))
    assert isinstance(shown, Row)
    items = list(shown.items)
    sign = -1 if items[0] == Op("−") else 1
    product = 1.0
    for item in items:
        product *= 1 if isinstance(item, Op) else read(item)
    return sign * product


def significant(text: str) -> int:
    return len(text.replace(".", "").strip("0"))


@pytest.mark.sampled(20)
@pytest.mark.parametrize("name", WITH_EXAMPLE)
def test_every_row_agrees_as_it_is_printed(name: str) -> None:
    rows = [r for r in walked(document_of(name).blocks) if isinstance(r, NumberRow)]
    assert rows
    for r in rows:
        assert r.value == r.quotient, r


@pytest.mark.sampled(20)
@pytest.mark.parametrize("name", WITH_EXAMPLE)
def test_numbers_are_short_and_small(name: str) -> None:
    found = example_of(name)
    assert found is not None
    cells = (*found.values.values(), *found.forward.values(), *found.results.values())
    shown = [c for x in cells for c in cells_of(grid(x))]
    tables = [r for r in walked(document_of(name).blocks) if isinstance(r, NumberRow)]
    masked = any(e.op == "causal_mask" for e in walk(derived(name).problem.objective))
    for math in [*shown, *(r.value for r in tables)]:
        for num in (m for m in walked(math) if isinstance(m, Num)):
            assert significant(num.text) <= 4, num
        assert abs(read(math)) <= LARGEST or (masked and abs(read(math)) >= MASK), math


def cells_of(math: Math) -> list[Math]:
    return [c for r in math.rows for c in r] if isinstance(math, Grid) else [math]


@pytest.mark.sampled(20)
@pytest.mark.parametrize("name", WITH_EXAMPLE)
def test_no_gradient_vanishes_and_no_function_is_flat(name: str) -> None:
    found = example_of(name)
    assert found is not None
    for variable, cells in found.results.items():
        assert any(abs(float(x)) >= 1e-2 for x in flat(cells)), variable


@pytest.mark.parametrize("style", ["index", "differential"])
@pytest.mark.sampled(20)
@pytest.mark.parametrize("name", NAMES)
def test_a_conclusion_has_its_steps_above_it(name: str, style: str) -> None:
    steps, said = False, ""
    for block in walked(document_of(name, style).blocks):
        if isinstance(block, Heading):
            said = "".join(p for p in block.title if isinstance(p, str))
            steps = steps and block.level > 1
        elif isinstance(block, StepTable):
            steps = True
        elif isinstance(block, str):
            said = f"{said} {block}"
        elif isinstance(block, Boxed):
            assert steps or "step" in said, block


@pytest.mark.sampled(12)
@pytest.mark.parametrize("name", WITH_EXAMPLE)
def test_every_name_in_a_formula_has_its_numbers(name: str) -> None:
    found = example_of(name)
    assert found is not None
    results = [g.section.result for g in derived(name).values()]
    names = {str(e.data) for x in results for e in walk(x) if e.is_name}
    assert names <= {*found.forward, *(str(e.data) for e in found.named)}
    derived_there = {str(e.data): c for e, c in found.named.items()}
    for shown, cells in derived_there.items():
        assert cells, shown


def test_a_mask_of_an_example_has_zeros_and_ones() -> None:
    found = example_of("matrix-factorisation")
    assert found is not None
    assert {*flat(found.values["M"])} == {0, 1}


@pytest.mark.parametrize("name", ["batch-norm", "matrix-factorisation", "attention"])
def test_no_array_of_an_example_could_be_a_number(name: str) -> None:
    found = example_of(name)
    assert found is not None
    for shown, cells in (*found.values.items(), *found.forward.items()):
        entries = flat(cells)
        assert len(entries) == 1 or len({*entries}) > 1, shown
