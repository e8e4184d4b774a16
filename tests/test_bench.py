"""The benches run, and print what they say; how fast anything is, no test asserts."""

import json

import pytest

from symderiv.bench.cases import CASES, SympyNames
from symderiv.bench.difference_checks import ours_is_right
from symderiv.cli.main import main


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as stopped:
        main(["bench", *args])
    out, err = capsys.readouterr()
    return int(stopped.value.code or 0), out, err


@pytest.mark.slow
def test_bench_derive_prints_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "derive", "--quick")
    assert code == 0
    assert "ours/SymPy" in out
    assert "network of 4 layers" in out


@pytest.mark.slow
def test_bench_derive_gives_data(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "derive", "--quick", "--json")
    data = json.loads(out)
    assert code == 0
    assert set(data) == {
        "repeat", "versions", "ours", "cases", "products", "networks", "stacks", "exponent",
    }  # fmt: skip
    fields = {"name", "size", "note", "ratio", "ours_ms", "theirs_ms", "reading_ms"}
    for row in (*data["cases"], *data["products"], *data["networks"], *data["stacks"]):
        assert set(row) == fields
        assert row["ours_ms"] > 0
    assert set(data["exponent"]) == {"ours", "jax", "ours, stacks", "jax, stacks"}
    assert [row["size"] for row in data["networks"]] == [2, 4]


@pytest.mark.parametrize("depth", ["ten", "0", "10,"])
def test_bad_depth_is_refused(capsys: pytest.CaptureFixture[str], depth: str) -> None:
    code, _, err = run(capsys, "derive", "--depth", depth)
    assert code == 2
    assert "these are not depths" in err


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.text)
def test_case_is_the_same_in_both_languages(case) -> None:
    assert case.wrt in SympyNames(case.shapes).symbols
    assert ours_is_right(case)
