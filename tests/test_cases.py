"""Published gradients and claims about the linear layer, with their numeric draws."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symderiv as sd

DATA = json.loads((Path(__file__).parent / "data/linear_layer_cases.json").read_text())
VERDICTS = {"correct": "right", "wrong": "wrong", "layout-only": "transposed"}


def declared(case: dict[str, Any]) -> dict[str, str]:
    """Return the variables of a case as declarations."""
    return {
        name: " ".join([", ".join(map(str, v["shape"])) or "scalar", *(v.get("props") or [])])
        for name, v in case["vars"].items()
    }


@pytest.mark.parametrize("name", DATA["identities"])
def test_published_gradient_is_found(name: str) -> None:
    case = DATA["identities"][name]
    result = sd.derive(case["expr"], wrt=case["wrt"], **declared(case))[case["wrt"]]
    assert result.text == case["truth"]
    for draw in case["draws"]:
        arrays = {n: np.array(a) for n, a in draw["inputs"].items()}
        found = result.evaluate(G=np.array(draw["G"]), **arrays)
        expected = np.array(draw["expected"]).reshape(found.shape)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", DATA["claims"])
def test_published_claim_gets_its_verdict(name: str) -> None:
    case = DATA["claims"][name]
    verdict = sd.check(case["expr"], wrt=case["wrt"], claim=case["claim"], **declared(case))
    assert verdict.verdict == VERDICTS[case["verdict"]]
    if verdict.verdict == "wrong":
        assert verdict.slips[0] == case["primary"]
    else:
        assert verdict.correction == case["truth"].replace("@", " @ ")
